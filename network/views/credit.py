"""The noise credit of a facility: from what its record shows to a score and a grade. Pure.

Every hour above the limit, alert and day without enough data takes points off, by the table of
`credit.yaml`; with time they count less and are forgotten. More of any of them never gives a better
score. The parts are kept, so that a facility sees how its score came about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.installed import installed
from standards.noise import Part
from standards.rounding import revise

Kind = Literal["over", "alert", "gap"]
DECIMALS = 1


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Recovery(_Data):
    whole_days: int = Field(ge=0)
    forgotten_days: int = Field(ge=1)


class Band(_Data):
    """above: excess, dB(A); day, night: points for an hour."""

    above: Decimal = Field(ge=0)
    day: Decimal = Field(ge=0)
    night: Decimal = Field(ge=0)


class Gap(_Data):
    hours: int = Field(ge=1, le=24)
    points: Decimal = Field(ge=0)


class Grade(_Data):
    key: str
    at_least: Decimal
    zh: str
    en: str
    rgb: tuple[int, int, int]

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


class CreditRules(_Data):
    """The table. Bands ascend and never get cheaper; grades descend to 0."""

    full: Decimal = Field(gt=0)
    recovery: Recovery
    over: tuple[Band, ...] = Field(min_length=1)
    alerts: Mapping[Literal["blue", "yellow", "orange", "red"], Decimal]
    not_counted: tuple[str, ...]
    gap: Gap
    grades: tuple[Grade, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ordered(self) -> CreditRules:
        for lower, higher in zip(self.over, self.over[1:], strict=False):
            if not lower.above < higher.above:
                raise ValueError("over: bands stand in ascending order of `above`")
            if higher.day < lower.day or higher.night < lower.night:
                raise ValueError("over: a higher band takes no fewer points")
        bounds = [grade.at_least for grade in self.grades]
        if bounds != sorted(bounds, reverse=True) or bounds[-1] > 0:
            raise ValueError("grades: they descend, and the last begins at 0")
        if self.recovery.forgotten_days <= self.recovery.whole_days:
            raise ValueError("recovery: forgotten_days lies after whole_days")
        return self

    def share(self, age_days: int) -> Decimal:
        """Which share of its points still counts after so many days, 1 to 0."""
        whole, end = self.recovery.whole_days, self.recovery.forgotten_days
        return min(Decimal(1), max(Decimal(0), Decimal(end - age_days) / (end - whole)))

    def band(self, excess: Decimal) -> Band | None:
        """The band of an excess, dB(A); None when the limit is kept."""
        return next((band for band in reversed(self.over) if excess > band.above), None)


@cache
def credit_rules() -> CreditRules:
    """This installation's: ONENET_CREDIT_RULES, or the shipped file. Raises ValueError."""
    return installed(CreditRules, "ONENET_CREDIT_RULES", "network.views", "credit.yaml")


@dataclass(frozen=True, slots=True)
class HourOver:
    """An hour above the limit. excess: dB(A), above 0."""

    on: date
    part: Part
    excess: Decimal


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert on a day. severity: its grade."""

    on: date
    severity: str


@dataclass(frozen=True, slots=True)
class Deduction:
    """Points taken off for several things of one sort.

    of: of hours the part of the day, of alerts the severity. above: the band of hours. points: as
    they count on the day of the score; at_first: before any was forgotten.
    """

    kind: Kind
    of: str
    above: Decimal | None
    count: int
    points: Decimal
    at_first: Decimal


@dataclass(frozen=True, slots=True)
class Credit:
    """on: the day of the score. score: 0 to full, one decimal, None without any record."""

    on: date
    score: Decimal | None
    full: Decimal
    grade: Grade | None
    deductions: tuple[Deduction, ...]
    since: date | None


def credit(
    hours: Iterable[HourOver],
    alerts: Iterable[Raised],
    gaps: Iterable[date],
    *,
    on: date,
    since: date | None,
    rules: CreditRules,
) -> Credit:
    """The credit of a facility on a day. since: its first day on record; None = there is none.

    What lies after `on` or has been forgotten takes nothing off.
    """
    if since is None:
        return Credit(on, None, rules.full, None, (), None)
    found: dict[tuple[Kind, str, Decimal | None], list[tuple[int, Decimal]]] = {}
    for hour in hours:
        band = rules.band(hour.excess)
        if band is not None:
            points = band.day if hour.part == "day" else band.night
            key: tuple[Kind, str, Decimal | None] = ("over", hour.part, band.above)
            found.setdefault(key, []).append(((on - hour.on).days, points))
    for alert in alerts:
        points = rules.alerts.get(alert.severity, Decimal(0))  # type: ignore[call-overload]
        found.setdefault(("alert", alert.severity, None), []).append(((on - alert.on).days, points))
    for day in gaps:
        found.setdefault(("gap", "", None), []).append(((on - day).days, rules.gap.points))
    deductions = [_deduction(key, those, rules) for key, those in found.items()]
    kept = sorted((d for d in deductions if d.count), key=lambda d: (-d.points, d.kind, d.of))
    score = max(Decimal(0), rules.full - sum((_exact(found, rules)), Decimal(0)))
    shown = revise(score, DECIMALS)
    grade = next(grade for grade in rules.grades if shown >= grade.at_least)
    return Credit(on, shown, rules.full, grade, tuple(kept), since)


def _exact(
    found: Mapping[tuple[Kind, str, Decimal | None], Sequence[tuple[int, Decimal]]],
    rules: CreditRules,
) -> Iterable[Decimal]:
    for those in found.values():
        yield from (points * rules.share(age) for age, points in those if age >= 0)


def _deduction(
    key: tuple[Kind, str, Decimal | None],
    those: Sequence[tuple[int, Decimal]],
    rules: CreditRules,
) -> Deduction:
    counting = [(age, points) for age, points in those if age >= 0 and rules.share(age) > 0]
    return Deduction(
        *key,
        count=len(counting),
        points=revise(sum((p * rules.share(a) for a, p in counting), Decimal(0)), 2),
        at_first=revise(sum((p for _, p in counting), Decimal(0)), 2),
    )
