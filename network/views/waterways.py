"""A river from its headwater to the sea, and a bay with the rivers that drain into it.

Places stand in the order of their `river_km`, from the source. Where the registry does not give
that of every one, the whole basin is ordered by the straight distance to its bay instead, and says
so; a basin that also leaves the city then has no order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import asin, cos, radians, sin, sqrt
from typing import Literal

from alerts import open_alerts
from network.assessments import (
    BasinAssessment,
    BayAssessment,
    WaterAssessment,
    basin_day,
    bay_day,
    city_date,
    series,
)
from network.views.days import settled_day
from network.views.states import StationState, current_values, exceeding, station_state
from network.views.water import RIVERS, classes_of
from registry import Registry
from schemas import Interval, Level, Period
from schemas.registry import Place, RiverChief, Station
from standards.load import Load, SeaLoad, Step, load, to_sea
from standards.rows import Measured
from storage import Store

Order = Literal["river_km", "distance", "none"]

LOADED = "tn"  # total nitrogen: what the plan wants less of in the sea
LOAD_COMPLETENESS = Decimal("0.75")  # of the day's hours, as of the minutes of an hour
_EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Section:
    """A river section with its class. km: to the bay, in a straight line."""

    station: Station
    water: WaterAssessment
    km: float | None


@dataclass(frozen=True, slots=True)
class Outfall:
    """A place where effluent enters the river, as it is now."""

    station: Station
    state: StationState
    km: float | None


@dataclass(frozen=True, slots=True)
class BasinView:
    """sections, outfalls: from the headwater to the sea, unless their `order` is none.

    without_km: places for which the registry has no `river_km`, when that is why.
    """

    basin: Place
    bay: Place | None
    chief: RiverChief | None
    on: date
    order: Order
    without_km: tuple[str, ...]
    assessment: BasinAssessment
    sections: tuple[Section, ...]
    outfalls: tuple[Outfall, ...]


@dataclass(frozen=True, slots=True)
class BayRiver:
    """A river that drains into a bay. mouth: its last section. load: of total nitrogen that day."""

    basin: Place
    mouth: Section | None
    load: Load | None


@dataclass(frozen=True, slots=True)
class BayView:
    """load: of total nitrogen by all rivers with a valid load, t/d."""

    bay: Place
    on: date
    assessment: BayAssessment
    stations: tuple[Section, ...]
    rivers: tuple[BayRiver, ...]
    load: SeaLoad


def basin_view(
    basin_id: str, *, store: Store, registry: Registry, now: datetime
) -> BasinView | None:
    """One basin; None when there is no such basin."""
    places = registry.places()
    basin = places.get(basin_id)
    if basin is None or basin.kind != "basin":
        return None
    bay, day = places.get(basin.parent or ""), settled_day(now)
    along = places_along(registry.stations().values(), basin_id, bay)
    of_river = [s for s in along.stations if s.kind in RIVERS]
    sections = _sections(of_river, bay, day, store=store, registry=registry)
    outfalls = [s for s in along.stations if s.kind == "outfall"]
    return BasinView(
        basin=basin,
        bay=bay,
        chief=registry.river_chiefs().get(basin.chief or ""),
        on=city_date(day.start),
        order=along.order,
        without_km=along.without_km,
        assessment=basin_day([section.water for section in sections], day),
        sections=sections,
        outfalls=_outfalls(outfalls, bay, store=store, registry=registry, now=now),
    )


@dataclass(frozen=True, slots=True)
class Along:
    """The sections and outfalls of a basin, in order. without_km: as in `BasinView`."""

    stations: tuple[Station, ...]
    order: Order
    without_km: tuple[str, ...]


def places_along(stations: Iterable[Station], basin: str, bay: Place | None) -> Along:
    """What stands along a basin's rivers, the headwater first. Pure. bay: where it drains to."""
    own = [s for s in stations if s.basin == basin and (s.kind in RIVERS or s.kind == "outfall")]
    lacking = tuple(s.id for s in own if s.river_km is None)
    if not lacking:
        return Along(tuple(sorted(own, key=lambda s: (s.river_km or 0, s.id))), "river_km", ())
    if bay is not None and _km(own[0], bay) is not None:
        by_distance = sorted(own, key=lambda s: (-(_km(s, bay) or 0), s.id))
        return Along(tuple(by_distance), "distance", lacking)
    return Along(tuple(own), "none", lacking)


def bay_view(bay_id: str, *, store: Store, registry: Registry, now: datetime) -> BayView | None:
    """One bay; None when there is no such bay."""
    bay = registry.places().get(bay_id)
    if bay is None or bay.kind != "bay":
        return None
    day = settled_day(now)
    sea = [s for s in registry.stations().values() if s.bay == bay_id and s.realm == "sea"]
    stations = _sections(sea, None, day, store=store, registry=registry)
    rivers = rivers_to_sea(store=store, registry=registry, now=now, into=bay_id)
    return BayView(
        bay=bay,
        on=city_date(day.start),
        assessment=bay_day([station.water for station in stations], day),
        stations=stations,
        rivers=rivers,
        load=to_sea({r.basin.id: r.load for r in rivers if r.load is not None}),
    )


def rivers_to_sea(
    *, store: Store, registry: Registry, now: datetime, into: str | None = None
) -> tuple[BayRiver, ...]:
    """Every basin that drains into that bay, or into any of the city, with its last section."""
    places, day = registry.places(), settled_day(now)
    every = list(registry.stations().values())
    found = []
    for basin in places.values():
        bay = places.get(basin.parent or "")
        if basin.kind != "basin" or bay is None or into not in (None, bay.id):
            continue
        along = places_along(every, basin.id, bay)
        own = [s for s in along.stations if s.kind in RIVERS][-1:]
        sections = _sections(own, bay, day, store=store, registry=registry)
        mouth = sections[0] if sections else None
        carried = None if mouth is None else _load(mouth.station, day, store)
        found.append(BayRiver(basin, mouth, carried))
    return tuple(found)


def _sections(
    stations: Iterable[Station],
    bay: Place | None,
    day: Interval,
    *,
    store: Store,
    registry: Registry,
) -> tuple[Section, ...]:
    stations = list(stations)
    classes = classes_of(stations, day, store=store, registry=registry)
    return tuple(
        Section(station, water, _km(station, bay))
        for station, water in zip(stations, classes, strict=True)
    )


def _outfalls(
    stations: list[Station], bay: Place | None, *, store: Store, registry: Registry, now: datetime
) -> tuple[Outfall, ...]:
    names = {station.id for station in stations}
    sensors = {str(s.id): s for s in registry.sensors().values() if s.station in names}
    current = current_values(store.latest(sensors=list(sensors)), sensors, now)
    alarmed = exceeding(open_alerts(registry))
    return tuple(
        Outfall(
            station,
            station_state(station, sensors.values(), current, station.id in alarmed, now),
            _km(station, bay),
        )
        for station in stations
    )


def _load(station: Station, day: Interval, store: Store) -> Load:
    """Flow times concentration, hour by hour; an hour without either is a gap."""
    rows = store.read_aggregates(
        day,
        period=Period.HOUR,
        level=Level.STATION,
        subjects=[station.id],
        parameters=["flow", LOADED],
    )
    values = series(rows)
    flow, concentration = values.get("flow", {}), values.get(LOADED, {})
    steps = []
    for hour in day.hours():
        found = concentration.get(hour.start)
        steps.append(Step(hour, flow.get(hour.start), None if found is None else Measured(found)))
    return load(steps, day, required=LOAD_COMPLETENESS)


def _km(station: Station, bay: Place | None) -> float | None:
    """The distance over ground from a station to the middle of a bay."""
    if bay is None or bay.lon is None or bay.lat is None:
        return None
    lat, other = radians(station.lat), radians(bay.lat)
    across = sin(radians(station.lon - bay.lon) / 2) ** 2 * cos(lat) * cos(other)
    chord = sin((lat - other) / 2) ** 2 + across
    return round(2 * _EARTH_KM * asin(sqrt(chord)), 1)
