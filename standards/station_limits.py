"""Which limits of a standard hold for a station's parameter at a moment. Pure.

By functional zone, kind of site, area class or target class of the station, and by the edition of
the moment's day in the city. What no standard limits, or what only a permit does, has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from schemas import CITY_TIME, Medium
from schemas.registry import Station
from standards import ambient_air, noise
from standards.editions import edition
from standards.sea_water import class_table
from standards.surface_water import surface_table
from standards.water_limits import Kind

Basis = Literal["zone", "site", "boundary", "mean", "class"]
FAMILIES = (
    *("ambient_air", "noise_quality", "noise_construction", "noise_boundary"),
    *("surface_water", "sea_water"),
)
MEANS = ("1h", "24h", "8h_max")  # of the air: the shortest that has a limit is taken


ZONE: Basis = "zone"
SITE: Basis = "site"
BOUNDARY: Basis = "boundary"


class Held(NamedTuple):
    """A limit, in the parameter's unit. lower: a least value. of: the zone, class or mean."""

    value: Decimal
    lower: bool
    edition: str
    basis: Basis
    of: str


def limits_at(
    station: Station, parameter: str, moment: datetime, *, means: Sequence[str] = MEANS
) -> tuple[Held, ...]:
    """The limits that hold for a parameter; two where it must lie between them, mostly one."""
    find = _FINDERS.get(station.medium)
    return () if find is None else tuple(find(station, parameter, moment, means))


def in_zone_network(station: Station) -> bool:
    """Whether a noise station stands for its functional zone."""
    return (
        station.medium == Medium.NOISE
        and station.kind != "construction"
        and station.grade != "enterprise"
        and station.enterprise is None
    )


def area_of(station: Station) -> int:
    """The class of GB 3095 that an air station's place is of; 2 where nothing is said."""
    return int(station.zone) if station.zone in ("1", "2") else 2


def _noise(station: Station, parameter: str, moment: datetime, _: Sequence[str]) -> Iterator[Held]:
    if parameter != "laeq":
        return
    on = _city_date(moment)
    quality = edition("noise_quality", on=on)
    local = moment.astimezone(CITY_TIME).hour
    part: noise.Part = "day" if local in noise.hours_of(quality, "day") else "night"
    zone = station.zone or ""
    if station.kind == "construction":
        standard, basis, zone = edition("noise_construction", on=on), SITE, noise.SITE
    elif in_zone_network(station):
        standard, basis = quality, ZONE
    else:  # an enterprise's own, at its boundary (GB 12348)
        standard, basis = edition("noise_boundary", on=on), BOUNDARY
    if zone in noise.zones(standard):
        value = noise.limit(standard, part, zone)
        yield Held(value, False, standard.id, basis, "" if basis == SITE else zone)


def _air(
    station: Station, parameter: str, moment: datetime, means: Sequence[str]
) -> Iterator[Held]:
    for kind in means:
        try:
            limit = ambient_air.limit(parameter, kind, area=area_of(station), on=_city_date(moment))
        except ambient_air.NoLimit:
            continue
        yield Held(limit.value, False, limit.edition, "mean", kind)
        return


def _water(station: Station, parameter: str, moment: datetime, _: Sequence[str]) -> Iterator[Held]:
    sea = station.realm == "sea"
    standard = edition("sea_water" if sea else "surface_water", on=_city_date(moment))
    table = class_table(standard) if sea else surface_table(standard)
    if station.kind == "outfall" or station.zone not in table.targets:
        return
    if parameter not in table.limits:
        return
    limits = table.limits[parameter]
    bound = limits.bound(table.classes.index(station.zone))
    if isinstance(bound, tuple):
        low, high = bound
        yield Held(low, True, standard.id, "class", station.zone)
        yield Held(high, False, standard.id, "class", station.zone)
    elif bound is not None:
        lower = limits.kind in (Kind.AT_LEAST, Kind.ABOVE)
        yield Held(bound, lower, standard.id, "class", station.zone)


def _city_date(moment: datetime) -> date:
    return moment.astimezone(CITY_TIME).date()


_Finder = Callable[[Station, str, datetime, Sequence[str]], Iterator[Held]]
_FINDERS: dict[Medium, _Finder] = {
    Medium.NOISE: _noise,
    Medium.AIR: _air,
    Medium.WATER: _water,
}
