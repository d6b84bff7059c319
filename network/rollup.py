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
    """Which station each sensor stands at: columns member, area."""
    rows = [(sensor.id, sensor.station) for sensor in sensors]
    return pl.DataFrame(rows, schema={"member": pl.String, "area": pl.String}, orient="row")


def areas_of(stations: Iterable[Station], level: Level) -> pl.DataFrame:
    """Which area of a level each station lies in: columns member, area."""
    belongs = AREAS[level]
    rows = [(s.id, area) for s in stations if (area := belongs(s)) is not None]
    return pl.DataFrame(rows, schema={"member": pl.String, "area": pl.String}, orient="row")


def roll_up(members: pl.DataFrame, belonging: pl.DataFrame, level: Level) -> pl.DataFrame:
    """Aggregates of one level from those of its members; one period at a time.

    members: rows of `AGGREGATES` (sensors or stations). belonging: columns member, area.
    count is of members with a valid value, expected of all members that should have one.
    """
    placed = members.join(belonging, left_on="subject", right_on="member")
    key = ["area", "parameter", "start"]
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
        level=level,
        subject="area",
        period=Period(members["period"][0]) if members.height else Period.HOUR,
        least=lambda _: MEMBER_COMPLETENESS,
    )


def all_levels(
    sensor_rows: pl.DataFrame, sensors: Iterable[Sensor], stations: Iterable[Station]
) -> pl.DataFrame:
    """The given sensor rows and, from them, those of every higher level."""
    stations = list(stations)
    station_rows = roll_up(sensor_rows, stations_of(sensors), Level.STATION)
    areas = [roll_up(station_rows, areas_of(stations, level), level) for level in AREAS]
    return pl.concat([sensor_rows, station_rows, *areas])
