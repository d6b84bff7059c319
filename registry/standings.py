"""Standings: what the network's views say of a subject now, for Grafana, which asks tables only.

A copy, made anew by the DAGs and never read by our own rules or pages: those ask the views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import delete, select

from registry.models import StandingRow
from registry.registry import Registry

StandingKind = Literal["noise_credit", "soil_risk", "certificate", "round"]


@dataclass(frozen=True, slots=True)
class Standing:
    """subject: a station, a certificate's address, or the DAG of a round. value: in the unit of its
    kind (noise credit: points; soil: the largest single factor; certificate: days left), None where
    it cannot be said.
    grade: its key; label: its words in both languages. day: the day that it speaks of."""

    subject: str
    value: float | None
    grade: str
    label: str
    day: date | None


def keep_standing(
    registry: Registry, kind: StandingKind, standing: Standing, *, at: datetime
) -> None:
    """Replace the standing of one subject; those of others stay."""
    with registry.session.begin() as session:
        session.merge(StandingRow(kind=kind, made=at, **asdict(standing)))


def keep_standings(
    registry: Registry, kind: StandingKind, standings: Sequence[Standing], *, at: datetime
) -> None:
    """Replace all standings of a kind by these."""
    with registry.session.begin() as session:
        session.execute(delete(StandingRow).where(StandingRow.kind == kind))
        session.add_all(StandingRow(kind=kind, made=at, **asdict(one)) for one in standings)


def standings(registry: Registry, kind: StandingKind) -> dict[str, Standing]:
    """The standings of a kind by subject."""
    with registry.session() as session:
        rows = session.scalars(select(StandingRow).where(StandingRow.kind == kind))
        return {
            row.subject: Standing(row.subject, row.value, row.grade, row.label, row.day)
            for row in rows
        }
