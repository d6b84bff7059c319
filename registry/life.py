"""What every step in a sensor's life shares: its row, its history, its line in the audit log.

All but `history` work in the caller's transaction, so that a step and what is told of it are one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from registry.audit import note
from registry.models import DeviceRow, SensorEventRow, SensorRow, StationRow, VersionRow
from registry.problems import Problem, Refused
from registry.registry import Registry


class UnknownSensor(LookupError, ValueError):
    """There is no sensor of this id."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of a sensor's history."""

    at: datetime
    who: str
    kind: str
    detail: dict[str, Any]


def history(registry: Registry, sensor: str, *, limit: int = 200) -> list[Happening]:
    """What happened to a sensor, the newest first."""
    query = (
        select(SensorEventRow)
        .where(SensorEventRow.sensor == sensor)
        .order_by(SensorEventRow.id.desc())
        .limit(limit)
    )
    with registry.session() as session:
        return [
            Happening(row.at, row.who, row.kind, json.loads(row.detail))
            for row in session.scalars(query)
        ]


@dataclass(frozen=True, slots=True)
class Move:
    """When a sensor was put up at another station; before: where it stood until then."""

    at: datetime
    before: str
    station: str


def moves(registry: Registry) -> dict[str, list[Move]]:
    """The moves of all sensors that were ever moved, each sensor's in order of time."""
    query = select(SensorEventRow).where(SensorEventRow.kind == "moved").order_by(SensorEventRow.id)
    found: dict[str, list[Move]] = {}
    with registry.session() as session:
        for row in session.scalars(query):
            detail = json.loads(row.detail)
            move = Move(row.at, detail["station"], detail["to"])
            found.setdefault(row.sensor, []).append(move)
    return found


def about_of(session: Session, sensor: str, at: datetime, by: str) -> DeviceRow:
    """The row of a sensor that came with a seed and never was registered by anybody."""
    row = session.get_one(SensorRow, sensor)
    station = session.get_one(StationRow, row.station)
    about = DeviceRow(
        sensor=sensor,
        lon=station.lon,
        lat=station.lat,
        zone=station.zone,
        firmware="",
        note="",
        registered=row.installed or at,
        registered_by=by,
    )
    session.add(about)
    return about


def living(session: Session, sensor: str) -> SensorRow:
    """A sensor's row. Raises UnknownSensor, or Refused for one that is retired."""
    row = session.get(SensorRow, sensor)
    if row is None:
        raise UnknownSensor(f"no sensor {sensor!r}; see `onenet sensors list`")
    if row.state == "retired":
        raise Refused([Problem("retired", "sensor", sensor)])
    return row


def changed(session: Session) -> None:
    session.execute(update(VersionRow).values(number=VersionRow.number + 1))


def told(
    session: Session, sensor: str, at: datetime, who: str, kind: str, detail: Mapping[str, Any]
) -> None:
    kept = json.dumps(detail, ensure_ascii=False, default=str)
    session.add(SensorEventRow(sensor=sensor, at=at, who=who, kind=kind, detail=kept))


def noted(
    session: Session,
    at: datetime,
    who: str,
    action: str,
    sensor: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    why: str,
) -> None:
    note(
        session,
        at=at,
        who=who,
        action=action,
        subject=f"sensor:{sensor}",
        before=before,
        after=after,
        why=why,
    )
