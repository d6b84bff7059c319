"""Verdicts on noise: functional zones, boundaries of enterprises and sites, grades of a city.

One shape of table serves GB 3096 (zones 0-4b), GB 12348 (classes 0-4) and GB 12523 (one class,
`site`): a limit for the day and for the night, and how far Lmax may lie above the night's limit.
A level is rounded to an integer once (GB/T 8170-2008, 3.3: never in steps) and keeps the limit when
it is not above it. Means are in `noise_levels`; rows of a table in `noise_rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from standards.editions import Edition
from standards.noise_levels import energy_mean
from standards.rounding import Number, exact, revise

Part = Literal["day", "night"]
SITE = "site"


class UnknownZone(ValueError):
    """The edition has no such zone, or no such kind of night peak."""


class LimitNotVerified(ValueError):
    """The edition has such a limit, but its number was not verified: no verdict can be given."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A level, rounded to an integer, beside its limit; both dB(A)."""

    level: Decimal
    limit: Decimal

    @property
    def ok(self) -> bool:
        return self.level <= self.limit

    @property
    def excess(self) -> Decimal:
        """How far the limit is exceeded, dB(A); 0 when it is kept."""
        return max(self.level - self.limit, Decimal(0))


def zones(edition: Edition) -> tuple[str, ...]:
    """The zones that an edition knows, with other editions' names of the same ones."""
    return (*edition.tables["limits"], *edition.tables.get("same_as", ()))


def limit(edition: Edition, part: Part, zone: str = SITE) -> Decimal:
    """The limit of a zone in a part of the day, dB(A). Raises UnknownZone, LimitNotVerified."""
    own = edition.tables.get("same_as", {}).get(zone, zone)
    if own not in edition.tables["limits"]:
        known = ", ".join(zones(edition))
        raise UnknownZone(f"{edition.id} has no zone {zone!r}; it has {known}")
    return _verified(edition.tables["limits"][own][part], edition, f"{part} in zone {zone}")


def judge(edition: Edition, part: Part, level: Number, zone: str = SITE) -> Verdict:
    """An equivalent level of the day or the night (GB 3096 5.1, GB 12348 4.1, GB 12523 4.1)."""
    return Verdict(revise(level, 0), limit(edition, part, zone))


def judge_night_peak(edition: Edition, lmax: Number, kind: str, zone: str = SITE) -> Verdict:
    """The highest level of a night against the night's limit and what it may exceed it by.

    kind: `sudden` (GB 3096, 5.4), `frequent` or `occasional` (GB 12348, 4.1.2 and 4.1.3), `maximum`
    (GB 12523-2011, 4.2). Raises UnknownZone, LimitNotVerified.
    """
    kinds: Mapping[str, object] = edition.tables["night_peak"]
    if kind not in kinds:
        raise UnknownZone(f"{edition.id} has no night peak {kind!r}; it has {', '.join(kinds)}")
    allowed = _verified(kinds[kind], edition, f"{kind} night peak")
    return Verdict(revise(lmax, 0), limit(edition, "night", zone) + allowed)


def _verified(number: object, edition: Edition, what: str) -> Decimal:
    if number is None:
        raise LimitNotVerified(f"{edition.id}: {what}: limit not verified for this edition")
    return exact(str(number))


@dataclass(frozen=True, slots=True)
class DayLevels:
    """Levels of one day, dB(A), not rounded; None where hours are missing that are needed."""

    ld: Decimal | None
    ln: Decimal | None
    ldn: Decimal | None


def hours_of(edition: Edition, part: Part) -> tuple[int, ...]:
    """The hours of a part of the day, each by its beginning (GB 3096-2008, 3.4)."""
    first, end = edition.tables["parts"][part]
    return tuple((first + step) % 24 for step in range((end - first) % 24))


def day_levels(edition: Edition, hourly: Mapping[int, Number]) -> DayLevels:
    """Ld, Ln and Ldn of hourly equivalent levels, by the hour of their beginning (0-23).

    A part of the day needs as many hours as the edition's table says (`required_hours`), else it
    has no level. Ldn = 10 lg((16 * 10^(Ld/10) + 8 * 10^((Ln + 10)/10)) / 24), from unrounded parts.
    """
    ld, ln = _part_level(edition, "day", hourly), _part_level(edition, "night", hourly)
    if ld is None or ln is None:
        return DayLevels(ld, ln, None)
    weights = len(hours_of(edition, "day")), len(hours_of(edition, "night"))
    penalty = exact(edition.tables["ldn_night_penalty"])
    return DayLevels(ld, ln, energy_mean((ld, ln + penalty), weights))


def _part_level(edition: Edition, part: Part, hourly: Mapping[int, Number]) -> Decimal | None:
    levels = [hourly[hour] for hour in hours_of(edition, part) if hour in hourly]
    return energy_mean(levels) if len(levels) >= edition.tables["required_hours"][part] else None


@dataclass(frozen=True, slots=True)
class CityGrade:
    """A grade of HJ 640: level 一级 .. 五级, and its word in both languages."""

    level: str
    zh: str
    en: str


def area_mean(levels: Sequence[Number]) -> Decimal:
    """Mean of a city's grid of points, dB(A): arithmetic, as HJ 640-2012 has it. Not rounded."""
    return road_mean(levels, [1] * len(levels))


def road_mean(levels: Iterable[Number], lengths: Iterable[Number]) -> Decimal:
    """Mean of road sections, dB(A): arithmetic, weighted by length (any unit). Not rounded.

    Raises ValueError when there is no section, or no length above zero.
    """
    pairs = [(exact(a), exact(b)) for a, b in zip(levels, lengths, strict=True)]
    whole = sum((length for _, length in pairs), Decimal(0))
    if whole <= 0 or any(length < 0 for _, length in pairs):
        raise ValueError("a mean needs a section with a length above zero, and none below")
    return sum((level * length for level, length in pairs), Decimal(0)) / whole


def city_grade(
    edition: Edition, of: Literal["area", "road"], part: Part, mean: Number
) -> CityGrade:
    """Grade of a city's mean (HJ 640-2012), from the mean rounded to one decimal."""
    value = revise(mean, 1)
    bounds = edition.tables["bounds"][of][part]
    return CityGrade(**edition.tables["grades"][sum(value > bound for bound in bounds)])
