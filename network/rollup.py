"""Hours of sensors to hours of stations, subdistricts, districts, basins, bays and the city. Pure.

A station is the mean of its sensors, an area the mean of its stations, each by the parameter's own
method. Kept apart: an enterprise's own sensors never enter an area; building sites and roadsides
are judged by themselves, for an area's noise is that of its quarters (HJ 640-2012); rivers make
basins and sea stations bays, and waters are not averaged over land districts. The city's air is
that of its assessment points alone (`city_points`).

`compare_owners` puts the two side by side: what the area's own stations measure, and what the
enterprises in it measure themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import polars as pl

from network.averaging import average
from network.city_points import city_points, points_of
from network.hours import finish
from schemas import Level, Period
from schemas.observation import AGGREGATES
from schemas.registry import Sensor, Station

MEMBER_COMPLETENESS = 0.5  # an area needs half of its stations; of the city's points see there
BY_THEMSELVES = ("roadside", "construction", "outfall")
BELONGING = {
    "member": pl.String(),
    "level": pl.String(),
    "subject": pl.String(),
    "point": pl.Boolean(),  # of the city's air: whether it is assessed by it; null = all alike
}

_Area = Callable[[Station], str | None]


COMPARISON: dict[str, pl.DataType] = {
    "level": pl.String(),
    "subject": pl.String(),  # the area
    "parameter": pl.String(),
    "period": pl.String(),
    "start": AGGREGATES["start"],
    "method": pl.String(),
    "government": pl.Float64(),  # null where not valid; so too below
    "government_stations": pl.Int32(),  # with a valid value
    "enterprise": pl.Float64(),
    "enterprise_stations": pl.Int32(),
    "difference": pl.Float64(),  # enterprise - government; of directions the shorter way round
    "ratio": pl.Float64(),  # enterprise / government; null for levels in dB and directions
}


def of_enterprise(station: Station) -> bool:
    """Whether an enterprise measures itself there."""
    return station.grade == "enterprise" or station.enterprise is not None


def on_land(station: Station) -> bool:
    """Whether a station stands for the land around it, in its areas and in the city."""
    return (
        station.medium != "water"
        and not of_enterprise(station)
        and station.kind not in BY_THEMSELVES
    )


# Which area of a level a station belongs to; None = to none.
AREAS: dict[Level, _Area] = {
    Level.SUBDISTRICT: lambda s: s.subdistrict if on_land(s) else None,
    Level.DISTRICT: lambda s: s.district if on_land(s) else None,
    Level.CITY: lambda s: "city" if on_land(s) else None,
    Level.BASIN: lambda s: s.basin if s.kind == "river" else None,
    Level.BAY: lambda s: s.bay if s.realm == "sea" else None,
}

BY_POINTS = (Level.CITY,)

# Which area of a level an enterprise's own station is compared with.
_NEIGHBOURHOODS: dict[Level, _Area] = {
    Level.SUBDISTRICT: lambda s: s.subdistrict if s.medium != "water" else None,
    Level.DISTRICT: lambda s: s.district if s.medium != "water" else None,
    Level.BASIN: lambda s: s.basin,
    Level.BAY: lambda s: s.bay,
}


def stations_of(sensors: Iterable[Sensor]) -> pl.DataFrame:
    """Which station each sensor stands at, columns `BELONGING`."""
    rows = [(sensor.id, str(Level.STATION), sensor.station, None) for sensor in sensors]
    return pl.DataFrame(rows, schema=BELONGING, orient="row")


def areas_of(stations: Iterable[Station], levels: Iterable[Level] = tuple(AREAS)) -> pl.DataFrame:
    """Which areas of some levels each station lies in, columns `BELONGING`."""
    return _belonging(stations, {level: AREAS[level] for level in levels})


def _belonging(stations: Iterable[Station], areas: Mapping[Level, _Area]) -> pl.DataFrame:
    every = list(stations)
    points = points_of(station for station in every if on_land(station))
    rows = [
        (
            station.id,
            str(level),
            area,
            station.id in points if points and level in BY_POINTS else None,
        )
        for station in every
        for level, belongs in areas.items()
        if (area := belongs(station)) is not None
    ]
    return pl.DataFrame(rows, schema=BELONGING, orient="row")


def roll_up(members: pl.DataFrame, belonging: pl.DataFrame) -> pl.DataFrame:
    """Aggregates of higher levels from those of their members; one period at a time.

    members: rows of `AGGREGATES` (sensors or stations). belonging: columns `BELONGING`.
    count is of members with a valid value, expected of all members that should have one.
    """
    rules = city_points()
    by_points = pl.col("parameter").is_in(rules.items) & pl.col("point").is_not_null()
    placed = (
        members.drop("level")
        .rename({"subject": "member"})
        .join(belonging, on="member")
        .filter(~by_points | pl.col("point"))
    )
    key = ["level", "subject", "parameter", "start"]
    expected = placed.group_by(key).agg(
        expected=pl.len().cast(pl.Int32), method=pl.col("method").first(), points=by_points.all()
    )
    of_points = pl.when(pl.col("expected") < rules.few.below).then(rules.few.least)
    needed = pl.when("points").then(of_points.otherwise(rules.least)).otherwise(MEMBER_COMPLETENESS)
    # A sum over time (rain) is a mean over places.
    valid = placed.filter("valid").with_columns(
        method=pl.col("method").replace("sum", "mean"),
        weight=pl.lit(1.0),
        low=pl.col("minimum"),
        high=pl.col("maximum"),
    )
    found = average(valid, key).drop("method")
    return finish(
        expected.with_columns(needed=needed).join(found, on=key, how="left"),
        period=Period(members["period"][0]) if members.height else Period.HOUR,
        least=None,
    )


def all_levels(
    sensor_rows: pl.DataFrame, sensors: pl.DataFrame, stations: pl.DataFrame
) -> pl.DataFrame:
    """The given sensor rows and, from them, those of every higher level.

    sensors, stations: `stations_of` the city's sensors and `areas_of` its stations.
    """
    station_rows = roll_up(sensor_rows, sensors)
    return pl.concat([sensor_rows, station_rows, roll_up(station_rows, stations)])


def areas_around(stations: Iterable[Station]) -> pl.DataFrame:
    """Which area each station is compared in, of the areas in which an enterprise has one."""
    every = list(stations)
    own = _belonging(filter(of_enterprise, every), _NEIGHBOURHOODS)
    both = pl.concat([areas_of(every, _NEIGHBOURHOODS), own])
    return both.join(own.select("level", "subject").unique(), on=["level", "subject"])


def compare_owners(rows: pl.DataFrame, stations: Iterable[Station]) -> pl.DataFrame:
    """Government's and enterprises' values of each area and parameter, columns `COMPARISON`.

    rows: aggregates of stations of one period. An area has a row where both measure the parameter.
    An outfall beside its river or a building site beside its quarter is no check of the instrument:
    it shows how far one stands out from the other.
    """
    every = list(stations)
    own = _belonging(filter(of_enterprise, every), _NEIGHBOURHOODS)
    members = rows.filter(pl.col("level") == str(Level.STATION))
    key = ["level", "subject", "parameter", "period", "start", "method"]
    government, enterprise = (
        roll_up(members, belonging).select(
            *key,
            pl.when("valid").then("value").alias(owner),
            pl.col("count").alias(f"{owner}_stations"),
        )
        for owner, belonging in (("government", areas_of(every)), ("enterprise", own))
    )
    apart = pl.col("enterprise") - pl.col("government")
    scaled = ~pl.col("method").is_in(["energy", "vector"]) & (pl.col("government") > 0)
    return (
        government.join(enterprise, on=key)
        .with_columns(
            difference=pl.when(pl.col("method") == "vector")
            .then((apart + 180) % 360 - 180)
            .otherwise(apart),
            ratio=pl.when(scaled).then(pl.col("enterprise") / pl.col("government")),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in COMPARISON.items())
        .sort(key)
    )
