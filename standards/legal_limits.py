"""Which limit of a standard holds at a station, for a parameter, on a day: by zone, class or area.

One way from a family of standards and a station to the number, for alerts; each answer names
edition and clause, and how a value is revised before it is compared. No limit is an answer too: the
standard has none for that station, or none that was verified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from schemas.registry import Station
from standards import ambient_air, noise
from standards.editions import Edition, edition
from standards.rounding import exact, revise
from standards.sea_water import class_table
from standards.surface_water import surface_table
from standards.water_classes import ClassTable
from standards.water_limits import Kind

Part = Literal["day", "night"]
Mean = Literal["1h", "24h", "8h_max"]


@dataclass(frozen=True, slots=True)
class LegalLimit:
    """A limit at a station, in the parameter's unit.

    lower: a least value. strict: to lie exactly at it does not meet it. of: the zone, class or area
    that it belongs to. places: decimals to which a value is revised before it is compared; None =
    as it is.
    """

    value: Decimal
    edition: str
    clause: str
    of: str
    lower: bool = False
    strict: bool = False
    places: int | None = None

    def compared(self, value: float) -> Decimal:
        """The value as it is held against the limit."""
        number = exact(value)
        return number if self.places is None else revise(number, self.places)

    def met(self, value: float) -> bool:
        number = self.compared(value)
        if self.strict and number == self.value:
            return False
        return number >= self.value if self.lower else number <= self.value

    @property
    def basis(self) -> str:
        """Clause and what it was read for, as evidence names it."""
        return f"{self.clause} ({self.of})" if self.of else self.clause


def legal_limit(
    family: str,
    station: Station,
    parameter: str,
    *,
    on: date,
    part: Part = "day",
    mean: Mean | None = None,
    night_peak: str | None = None,
    lower: bool = False,
) -> LegalLimit | None:
    """The limit of a family's edition at a station; None where it has none.

    lower: of a parameter with a range (pH), the lower end is meant. Raises UnknownEdition, and
    ValueError for a family whose limits do not belong to stations.
    """
    find = _FINDERS.get(family)
    if find is None:
        raise ValueError(f"no limits at stations in {family!r}; there are {', '.join(_FINDERS)}")
    return find(
        _Asked(edition(family, on=on), station, parameter, on, part, mean, night_peak, lower)
    )


def families() -> tuple[str, ...]:
    """The families whose limits belong to stations."""
    return tuple(_FINDERS)


def area_of(station: Station) -> int:
    """The class of GB 3095 that an air station's place is of; 2 where nothing is said."""
    return int(station.zone) if station.zone in ("1", "2") else 2


@dataclass(frozen=True, slots=True)
class _Asked:
    edition: Edition
    station: Station
    parameter: str
    on: date
    part: Part
    mean: Mean | None
    night_peak: str | None
    lower: bool


def _noise(asked: _Asked) -> LegalLimit | None:
    own = asked.edition
    zone = noise.SITE if own.family == "noise_construction" else asked.station.zone or ""
    part: Part = "night" if asked.night_peak else asked.part
    try:
        value = noise.limit(own, part, zone)
        if asked.night_peak:
            value = noise.judge_night_peak(own, 0, asked.night_peak, zone).limit
    except (noise.UnknownZone, noise.LimitNotVerified):
        return None
    clauses = own.tables["clauses"]
    of = part if zone == noise.SITE else f"{own.tables.get('zones', {}).get(zone, zone)}, {part}"
    return LegalLimit(value, own.id, clauses[asked.night_peak or "limits"], of, places=0)


def _air(asked: _Asked) -> LegalLimit | None:
    area = area_of(asked.station)
    try:
        limit = ambient_air.limit(asked.parameter, asked.mean or "1h", area=area, on=asked.on)
    except ambient_air.NoLimit:
        return None
    rules = ambient_air.companion(asked.edition)
    measured = rules.tables["places"]["measured"] or {}
    places = measured.get(asked.parameter)
    return LegalLimit(
        limit.value, limit.edition, limit.clause, f"{area}类, {limit.period}", places=places
    )


def _water(table: Callable[[Edition], ClassTable]) -> Callable[[_Asked], LegalLimit | None]:
    def find(asked: _Asked) -> LegalLimit | None:
        known = table(asked.edition)
        if asked.station.zone not in known.targets or asked.parameter not in known.limits:
            return None
        limits = known.limits[asked.parameter]
        bound = limits.bound(known.classes.index(asked.station.zone))
        if bound is None:
            return None
        lower = limits.kind in (Kind.AT_LEAST, Kind.ABOVE)
        if isinstance(bound, tuple):
            lower = asked.lower
            bound = bound[0] if lower else bound[1]
        return LegalLimit(
            bound,
            asked.edition.id,
            asked.edition.source.partition(";")[0],
            f"{asked.station.zone}类",
            lower=lower,
            strict=limits.kind is Kind.ABOVE,
        )

    return find


_FINDERS: dict[str, Callable[[_Asked], LegalLimit | None]] = {
    "noise_quality": _noise,
    "noise_boundary": _noise,
    "noise_construction": _noise,
    "ambient_air": _air,
    "surface_water": _water(surface_table),
    "sea_water": _water(class_table),
}
