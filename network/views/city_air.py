"""Which stations make the city's air, and what the others measured: HJ 663's points and the rest.

The city is the mean of its points, hour by hour, and valid with three quarters of them; the others
stand beside, in districts and subdistricts they count like any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from network.assessments import AirAssessment, city_date
from network.city_points import city_points, points_of
from network.rollup import on_land
from network.views.air import POLLUTANTS, air_of_day
from network.views.days import RECENT, newest_hour, settled_day
from registry import Registry
from schemas import Interval, Level, Medium, Period
from schemas.registry import Station
from storage import Store

CITY = "city"


@dataclass(frozen=True, slots=True)
class StationAir:
    station: Station
    air: AirAssessment


@dataclass(frozen=True, slots=True)
class PointsNow:
    """The points of one pollutant in the newest hour. least: so many must be valid."""

    parameter: str
    valid: int
    points: int
    least: int
    enough: bool


@dataclass(frozen=True, slots=True)
class CityAir:
    """air: of the city on the last whole day. points: those it is made of; others: the rest.

    alike: the registry has no point of those grades, so that all stations on land are taken.
    """

    on: date
    grades: tuple[str, ...]
    alike: bool
    source: str
    air: AirAssessment
    hour: datetime
    now: tuple[PointsNow, ...]
    points: tuple[StationAir, ...]
    others: tuple[StationAir, ...]


def city_air(*, store: Store, registry: Registry, now: datetime) -> CityAir:
    """The city's air with the stations that make it."""
    rules, day = city_points(), settled_day(now)
    measuring = _measuring(registry)
    stations = [s for s in measuring.values() if on_land(s) and s.medium == Medium.AIR]
    named = points_of(stations)
    names = [s.id for s in stations]
    air = air_of_day(Level.STATION, names, day, store=store)
    of_city = air_of_day(Level.CITY, [CITY], day, store=store)[CITY]
    hour, counted = _now(store, now)
    lines = [StationAir(s, air[s.id]) for s in sorted(stations, key=lambda s: s.id)]
    return CityAir(
        on=city_date(day.start),
        grades=rules.grades,
        alike=not named,
        source=rules.source,
        air=of_city,
        hour=hour,
        now=counted,
        points=tuple(line for line in lines if not named or line.station.id in named),
        others=tuple(line for line in lines if named and line.station.id not in named),
    )


def _measuring(registry: Registry) -> Mapping[str, Station]:
    """The stations where something of the index is measured."""
    stations = registry.stations()
    return {
        str(sensor.station): stations[sensor.station]
        for sensor in registry.sensors().values()
        if sensor.state != "retired" and set(sensor.parameters) & set(POLLUTANTS)
    }


def _now(store: Store, now: datetime) -> tuple[datetime, tuple[PointsNow, ...]]:
    rows = store.read_aggregates(
        Interval(now - RECENT, now + timedelta(seconds=1)),
        period=Period.HOUR,
        level=Level.CITY,
        subjects=[CITY],
        parameters=POLLUTANTS,
    )
    hour, rules = newest_hour(rows, now), city_points()
    found = []
    for row in rows.filter(start=hour).iter_rows(named=True):
        least = -(-row["expected"] * rules.needed(row["expected"]) // 1)  # rounded up
        found.append(
            PointsNow(row["parameter"], row["count"], row["expected"], int(least), row["valid"])
        )
    return hour, tuple(sorted(found, key=lambda p: POLLUTANTS.index(p.parameter)))
