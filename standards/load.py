"""Loads of pollutants: flow times concentration over intervals, and what rivers carry into the sea.

Flow in m3/s, concentration in mg/L, mass in t. A missing flow or concentration is a gap, never zero
and never filled: the load of a period holds for the time that is covered, and is given only when
enough of it is. A concentration below its detection limit counts as zero here (SL 219-2013,
12.2.5), other than in a mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from schemas.clock import Interval
from standards.rows import Measured

DAY_S = Decimal(86_400)
GRAMS_PER_TONNE = Decimal(1_000_000)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Step:
    """A time for which one flow (m3/s) and one concentration (mg/L) stand; None = missing."""

    during: Interval
    flow: Decimal | None
    concentration: Measured | None


@dataclass(frozen=True, slots=True)
class Load:
    """The load of a period.

    tonnes: carried in the time that is covered. completeness: share of the period that is, 0 to 1.
    per_day: t/d, the mean over the covered time; None when completeness is not enough.
    """

    tonnes: Decimal
    completeness: Decimal
    per_day: Decimal | None

    @property
    def valid(self) -> bool:
        return self.per_day is not None


@dataclass(frozen=True, slots=True)
class SeaLoad:
    """What several rivers carry into the sea, t/d. missing: rivers without a valid load.

    per_day is the sum of the others, and so a lower bound when any is missing; None when all are.
    """

    per_day: Decimal | None
    missing: tuple[str, ...]


def load(steps: Iterable[Step], period: Interval, *, required: Decimal) -> Load:
    """The load over a period. required: the completeness asked for, 0 to 1.

    Raises ValueError for steps that overlap or reach beyond the period, and for a negative flow.
    """
    ordered = sorted(steps, key=lambda step: step.during)
    _refuse_disorder(ordered, period)
    grams = covered = Decimal(0)
    for step in ordered:
        if step.flow is None or step.concentration is None:
            continue
        length = _seconds(step.during.length)
        covered += length
        grams += step.flow * _carried(step.concentration) * length
    completeness = covered / _seconds(period.length)
    tonnes = grams / GRAMS_PER_TONNE
    enough = covered > 0 and completeness >= required
    return Load(tonnes, completeness, tonnes / (covered / DAY_S) if enough else None)


def _refuse_disorder(ordered: list[Step], period: Interval) -> None:
    end = period.start
    for step in ordered:
        if step.during.start < end or step.during.end > period.end:
            raise ValueError(f"{step.during} overlaps another step or lies beyond {period}")
        if step.flow is not None and step.flow < 0:
            raise ValueError(f"a flow of {step.flow} m3/s runs backwards: leave the tide out first")
        end = step.during.end


def _carried(concentration: Measured) -> Decimal:
    return Decimal(0) if concentration.below else concentration.value


def _seconds(length: timedelta) -> Decimal:
    return Decimal(length // MICROSECOND) / 1_000_000


def to_sea(rivers: Mapping[str, Load]) -> SeaLoad:
    """The load of several river mouths together, e.g. the total nitrogen of a bay's rivers."""
    known = [one.per_day for one in rivers.values() if one.per_day is not None]
    missing = tuple(sorted(name for name, one in rivers.items() if one.per_day is None))
    return SeaLoad(sum(known, Decimal(0)) if known else None, missing)
