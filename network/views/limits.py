"""Which limits of a standard hold for a station's parameter, and when: the lines of its charts.

By zone, kind of site or target class, and by the edition of each hour's day. What no standard
limits, or what only a permit does, has no line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Literal

from network.assessments import area_of, city_date, in_zone_network
from schemas import CITY_TIME, Interval, Medium
from schemas.registry import Station
from standards import ambient_air, edition, noise
from standards.sea_water import class_table
from standards.surface_water import surface_table
from standards.water_limits import Kind

Basis = Literal["zone", "site", "mean", "class"]
_KINDS_OF_MEAN = ("1h", "24h", "8h_max")  # the shortest that has a limit is drawn


@dataclass(frozen=True, slots=True)
class LimitSpan:
    """A limit that holds over a span of time, in the parameter's unit. lower: a least value."""

    start: datetime
    end: datetime
    value: Decimal
    lower: bool
    edition: str
    basis: Basis
    of: str


_Held = tuple[Decimal, bool, str, Basis, str]  # value, lower, edition, basis, of


def limits_of(station: Station, parameter: str, window: Interval) -> tuple[LimitSpan, ...]:
    """The limits of a parameter in a window, each over the hours for which it holds."""
    find = _FINDERS.get(station.medium)
    if find is None:
        return ()
    hours = [hour for hour in window.hours() if hour.start < window.end]
    held = [(hour, limit) for hour in hours for limit in find(station, parameter, hour.start)]
    held.sort(key=lambda pair: (pair[1][1:], pair[1][0]))
    found = []
    for limit, group in groupby(held, key=lambda pair: pair[1]):
        for first, last in _runs([hour for hour, _ in group]):
            start, end = max(first.start, window.start), min(last.end, window.end)
            found.append(LimitSpan(start, end, *limit))
    return tuple(sorted(found, key=lambda span: (span.start, span.value)))


def _runs(hours: list[Interval]) -> Iterator[tuple[Interval, Interval]]:
    """First and last of each unbroken row of hours."""
    hours.sort()
    first = 0
    for at in range(1, len(hours) + 1):
        if at == len(hours) or hours[at].start != hours[at - 1].end:
            yield hours[first], hours[at - 1]
            first = at


def _noise(station: Station, parameter: str, hour: datetime) -> Iterator[_Held]:
    if parameter != "laeq":
        return
    site = station.kind == "construction"
    if not site and not in_zone_network(station):
        return
    on = city_date(hour)
    quality = edition("noise_quality", on=on)
    local = hour.astimezone(CITY_TIME).hour
    part: noise.Part = "day" if local in noise.hours_of(quality, "day") else "night"
    standard = edition("noise_construction", on=on) if site else quality
    zone = noise.SITE if site else station.zone or ""
    if zone in noise.zones(standard):
        value = noise.limit(standard, part, zone)
        yield value, False, standard.id, "site" if site else "zone", "" if site else zone


def _air(station: Station, parameter: str, hour: datetime) -> Iterator[_Held]:
    area = area_of(station)
    for kind in _KINDS_OF_MEAN:
        try:
            limit = ambient_air.limit(parameter, kind, area=area, on=city_date(hour))
        except ambient_air.NoLimit:
            continue
        yield limit.value, False, limit.edition, "mean", kind
        return


def _water(station: Station, parameter: str, hour: datetime) -> Iterator[_Held]:
    sea = station.realm == "sea"
    standard = edition("sea_water" if sea else "surface_water", on=city_date(hour))
    table = class_table(standard) if sea else surface_table(standard)
    if station.kind == "outfall" or station.zone not in table.targets:
        return
    if parameter not in table.limits:
        return
    limits = table.limits[parameter]
    bound = limits.bound(table.classes.index(station.zone))
    if isinstance(bound, tuple):
        low, high = bound
        yield low, True, standard.id, "class", station.zone
        yield high, False, standard.id, "class", station.zone
    elif bound is not None:
        lower = limits.kind in (Kind.AT_LEAST, Kind.ABOVE)
        yield bound, lower, standard.id, "class", station.zone


_FINDERS: dict[Medium, Callable[[Station, str, datetime], Iterator[_Held]]] = {
    Medium.NOISE: _noise,
    Medium.AIR: _air,
    Medium.WATER: _water,
}
