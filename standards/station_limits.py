"""Which limits of a standard hold for a station's parameter at a moment. Pure.

By functional zone, kind of site, area class or target class of the station, and by the edition of
the moment's day in the city. What no standard limits, or what only a permit does, has none. Which
families are asked is decided here; the numbers are found by `standards.legal_limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from schemas import CITY_TIME, Medium
from schemas.registry import Station
from standards import noise
from standards.editions import edition
from standards.legal_limits import LegalLimit, Mean, legal_limit

Basis = Literal["zone", "site", "boundary", "mean", "class"]
MEANS: tuple[Mean, ...] = (
    "1h",
    "24h",
    "8h_max",
)  # the shortest that has a limit is taken


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
    station: Station, parameter: str, moment: datetime, *, means: Sequence[Mean] = MEANS
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


def _noise(station: Station, parameter: str, moment: datetime, _: Sequence[Mean]) -> Iterator[Held]:
    if parameter != "laeq":
        return
    on = _city_date(moment)
    quality = edition("noise_quality", on=on)
    local = moment.astimezone(CITY_TIME).hour
    part: noise.Part = "day" if local in noise.hours_of(quality, "day") else "night"
    if station.kind == "construction":
        family, basis = "noise_construction", SITE
    elif in_zone_network(station):
        family, basis = "noise_quality", ZONE
    else:  # an enterprise's own, at its boundary (GB 12348)
        family, basis = "noise_boundary", BOUNDARY
    found = legal_limit(family, station, parameter, on=on, part=part)
    if found is not None:
        yield _held(found, basis, "" if basis == SITE else station.zone or "")


def _air(
    station: Station, parameter: str, moment: datetime, means: Sequence[Mean]
) -> Iterator[Held]:
    for mean in means:
        found = legal_limit("ambient_air", station, parameter, on=_city_date(moment), mean=mean)
        if found is not None:
            yield _held(found, "mean", mean)
            return


def _water(station: Station, parameter: str, moment: datetime, _: Sequence[Mean]) -> Iterator[Held]:
    if station.kind == "outfall":
        return
    family, on = "sea_water" if station.realm == "sea" else "surface_water", _city_date(moment)
    ends = (legal_limit(family, station, parameter, on=on, lower=low) for low in (True, False))
    for found in dict.fromkeys(ends):  # the two ends of a range; of a bound the same twice
        if found is not None:
            yield _held(found, "class", station.zone or "")


def _held(found: LegalLimit, basis: Basis, of: str) -> Held:
    return Held(found.value, found.lower, found.edition, basis, of)


def _city_date(moment: datetime) -> date:
    return moment.astimezone(CITY_TIME).date()


_Finder = Callable[[Station, str, datetime, Sequence[Mean]], Iterator[Held]]
_FINDERS: dict[Medium, _Finder] = {
    Medium.NOISE: _noise,
    Medium.AIR: _air,
    Medium.WATER: _water,
}
