"""Shares of the city's work: all of it, some districts', or what lies over the districts.

The districts' shares and the one over them give together the very rows that the whole city gives: a
sensor, its station, its subdistrict and its district lie in one share, and what is made of the
stations of several districts (city, basins, bays) in the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import polars as pl

from network.cadences import slow_channels
from network.rollup import AREAS, areas_of, stations_of
from registry import Registry
from schemas import Level, Period
from schemas.clock import Interval
from schemas.registry import Sensor, Station
from storage import Store

IN_DISTRICTS = (Level.SENSOR, Level.STATION, Level.SUBDISTRICT, Level.DISTRICT)
OVER_DISTRICTS = (Level.BASIN, Level.BAY, Level.CITY)


@dataclass(frozen=True, slots=True)
class Share:
    """Sensors and stations that are looked at, and the levels of which rows are made.

    whole: all of the city, so that nothing need be named when the store is asked.
    """

    sensors: tuple[Sensor, ...]
    stations: tuple[Station, ...]
    levels: tuple[Level, ...]
    whole: bool

    def at_stations(self) -> pl.DataFrame:
        return stations_of(self.sensors)

    def in_areas(self) -> pl.DataFrame:
        return areas_of(self.stations, [level for level in self.levels if level in AREAS])

    def slow(self) -> pl.DataFrame:
        """Its channels that are slower than hourly, columns `cadences.SLOW`."""
        return slow_channels(self.sensors, self.at_stations(), self.in_areas())

    def subjects(self) -> Iterator[tuple[Level, list[str]]]:
        """Of whom rows are made, level by level."""
        areas = self.in_areas()
        for level in self.levels:
            if level is Level.SENSOR:
                yield level, [str(sensor.id) for sensor in self.sensors]
            elif level is Level.STATION:
                yield level, [str(station.id) for station in self.stations]
            else:
                of_level = areas.filter(pl.col("level") == str(level))
                yield level, of_level["subject"].unique().sort().to_list()

    def read(self, window: Interval, period: Period, store: Store) -> pl.DataFrame:
        """The stored aggregates of its subjects, columns `AGGREGATES`."""
        if self.whole:
            return store.read_aggregates(window, period=period)
        return pl.concat(
            store.read_aggregates(window, period=period, level=level, subjects=names)
            for level, names in self.subjects()
        )


def share_of(registry: Registry, districts: Collection[str] | None = None) -> Share:
    """Some districts' share; None = the whole city.

    Raises ValueError for a district without stations, or when a subdistrict's stations lie in
    several districts: then no district could make it by itself.
    """
    sensors, stations = tuple(registry.sensors().values()), tuple(registry.stations().values())
    if districts is None:
        return Share(sensors, stations, (*IN_DISTRICTS, *OVER_DISTRICTS), whole=True)
    _check_subdistricts(stations)
    strangers = sorted(set(districts) - {station.district for station in stations})
    if strangers:
        known = ", ".join(districts_of(registry))
        raise ValueError(f"district {strangers[0]!r} has no stations; there are: {known}")
    own = tuple(station for station in stations if station.district in districts)
    names = {station.id for station in own}
    mine = tuple(sensor for sensor in sensors if sensor.station in names)
    return Share(mine, own, IN_DISTRICTS, whole=False)


def share_over(registry: Registry) -> Share:
    """What lies over the districts."""
    sensors, stations = tuple(registry.sensors().values()), tuple(registry.stations().values())
    return Share(sensors, stations, OVER_DISTRICTS, whole=False)


def districts_of(registry: Registry) -> list[str]:
    """The districts that have stations, in order: what work can be shared out to."""
    return sorted({station.district for station in registry.stations().values()})


def _check_subdistricts(stations: tuple[Station, ...]) -> None:
    lies_in: dict[str, str] = {}
    for station in stations:
        if station.subdistrict is None:
            continue
        first = lies_in.setdefault(station.subdistrict, station.district)
        if first != station.district:
            raise ValueError(
                f"subdistrict {station.subdistrict!r} has stations in {first!r} and, by "
                f"{station.id}, in {station.district!r}: correct the station's district"
            )
