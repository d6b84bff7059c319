"""Hours of sensors to hours of stations, subdistricts, districts, basins, bays and the city. Pure.

A station is the mean of its sensors, an area the mean of its stations, each by the parameter's own
method. Kept apart: an enterprise's own sensors never enter an area; building sites and roadsides
are judged by themselves, for an area's noise is that of its quarters (HJ 640-2012); rivers make
basins and sea stations bays, and waters are not averaged over land districts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from network.averaging import average
from network.hours import finish
from schemas import Level, Period
from schemas.registry import Sensor, Station

MEMBER_COMPLETENESS = 0.5  # an area needs half of its stations; HJ 663 refines it by indicator
BY_THEMSELVES = ("roadside", "construction", "outfall")
BELONGING = {"member": pl.String(), "level": pl.String(), "subject": pl.String()}

_Area = Callable[[Station], str | None]


def _on_land(station: Station) -> bool:
    return (
        station.medium != "water"
        and station.grade != "enterprise"
        and station.enterprise is None
        and station.kind not in BY_THEMSELVES
    )


# Which area of a level a station belongs to; None = to none.
AREAS: dict[Level, _Area] = {
    Level.SUBDISTRICT: lambda s: s.subdistrict if _on_land(s) else None,
    Level.DISTRICT: lambda s: s.district if _on_land(s) else None,
    Level.CITY: lambda s: "city" if _on_land(s) else None,
    Level.BASIN: lambda s: s.basin if s.kind == "river" else None,
    Level.BAY: lambda s: s.bay if s.realm == "sea" else None,
}


def stations_of(sensors: Iterable[Sensor]) -> pl.DataFrame:
    """Which station each sensor stands at, columns `BELONGING`."""
    rows = [(sensor.id, str(Level.STATION), sensor.station) for sensor in sensors]
    return pl.DataFrame(rows, schema=BELONGING, orient="row")


def areas_of(stations: Iterable[Station]) -> pl.DataFrame:
    """Which areas of all levels each station lies in, columns `BELONGING`."""
    rows = [
        (station.id, str(level), area)
        for station in stations
        for level, belongs in AREAS.items()
        if (area := belongs(station)) is not None
    ]
    return pl.DataFrame(rows, schema=BELONGING, orient="row")


def roll_up(members: pl.DataFrame, belonging: pl.DataFrame) -> pl.DataFrame:
    """Aggregates of higher levels from those of their members; one period at a time.

    members: rows of `AGGREGATES` (sensors or stations). belonging: columns `BELONGING`.
    count is of members with a valid value, expected of all members that should have one.
    """
    placed = members.drop("level").rename({"subject": "member"}).join(belonging, on="member")
    key = ["level", "subject", "parameter", "start"]
    expected = placed.group_by(key).agg(
        expected=pl.len().cast(pl.Int32), method=pl.col("method").first()
    )
    # A sum over time (rain) is a mean over places.
    valid = placed.filter("valid").with_columns(
        method=pl.col("method").replace("sum", "mean"),
        weight=pl.lit(1.0),
        low=pl.col("minimum"),
        high=pl.col("maximum"),
    )
    found = average(valid, key).drop("method")
    return finish(
        expected.join(found, on=key, how="left"),
        period=Period(members["period"][0]) if members.height else Period.HOUR,
        least=lambda _: MEMBER_COMPLETENESS,
    )


def all_levels(
    sensor_rows: pl.DataFrame, sensors: pl.DataFrame, stations: pl.DataFrame
) -> pl.DataFrame:
    """The given sensor rows and, from them, those of every higher level.

    sensors, stations: `stations_of` the city's sensors and `areas_of` its stations.
    """
    station_rows = roll_up(sensor_rows, sensors)
    return pl.concat([sensor_rows, station_rows, roll_up(station_rows, stations)])
