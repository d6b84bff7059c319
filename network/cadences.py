"""How seldom slow channels speak: what is expected of them in a day, a month and a year. Pure.

A sensor that speaks every hour or oftener is expected in each hour. One that is slower, down to a
passive sampler changed every week or season, is expected as often as its cadence fits into the
period, and at least once; a station or an area as often as its most frequent member. Whole numbers:
a sampler of seven days speaks four or five times a month, and four are expected.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from network.hours import HOUR_S
from schemas import Level
from schemas.registry import Sensor

SLOW = {
    "level": pl.String(),
    "subject": pl.String(),
    "parameter": pl.String(),
    "cadence_s": pl.Int64(),
}
CHANNEL = ["level", "subject", "parameter"]

NONE_SLOW = pl.DataFrame(schema=SLOW)


def slow_channels(
    sensors: Iterable[Sensor], at_stations: pl.DataFrame, in_areas: pl.DataFrame
) -> pl.DataFrame:
    """Channels of every level that are slower than hourly, columns `SLOW`.

    at_stations, in_areas: where sensors and stations belong (`rollup`). What is retired counts only
    where nothing else is left: what replaced it sets the pace.
    """
    rows = [
        (sensor.id, key, sensor.cadence_s, sensor.state == "retired")
        for sensor in sensors
        for key in sensor.parameters
    ]
    schema = {
        "subject": pl.String,
        "parameter": pl.String,
        "cadence_s": pl.Int64,
        "gone": pl.Boolean,
    }
    own = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        level=pl.lit(str(Level.SENSOR))
    )
    stations = _fastest(own, at_stations)
    areas = _fastest(stations, in_areas)
    every = pl.concat([each.select(*SLOW) for each in (own, stations, areas)])
    return every.filter(pl.col("cadence_s") > HOUR_S)


def _fastest(members: pl.DataFrame, belonging: pl.DataFrame) -> pl.DataFrame:
    """The smallest cadence of each channel of the next level, of what is in use if anything is."""
    placed = members.drop("level").rename({"subject": "member"}).join(belonging, on="member")
    in_use = pl.col("cadence_s").filter(~pl.col("gone")).min()
    return placed.group_by(CHANNEL).agg(
        cadence_s=pl.coalesce(in_use, pl.col("cadence_s").min()), gone=pl.col("gone").all()
    )


def times_in(seconds: int | pl.Expr) -> pl.Expr:
    """How often a channel of `cadence_s` is expected to speak in a span of time, at least once."""
    length = seconds if isinstance(seconds, pl.Expr) else pl.lit(seconds, dtype=pl.Int64)
    return (length // pl.col("cadence_s")).clip(lower_bound=1).cast(pl.Int32)
