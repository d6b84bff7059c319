"""How values are averaged: plainly, as sound energy, as vectors, or summed. Never blindly.

`average` gives the statistics of a grouped frame by each row's own method; every other module of
this room goes through it, whether it groups observations into hours, hours into days or sensors
into stations and districts.

Sound: GB 3096-2008, 3.2 (equivalent level, energy mean). Wind: vector mean, weighted by speed.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_RADIANS = pl.col("value") * (3.141592653589793 / 180)


def average(frame: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Statistics of each group: value, minimum, maximum, count.

    frame: columns `by`, `method` (mean, energy, vector, sum), `value` (not null), `weight`
    (of a vector; 1 where none), `low` and `high` (what minimum and maximum are taken of).
    Energy is averaged in dB as 10 lg of the mean of 10^(L/10).
    """
    grouped = frame.group_by(list(by)).agg(
        method=pl.col("method").first(),
        mean=pl.col("value").mean(),
        energy=(10 ** (pl.col("value") / 10)).mean().log10() * 10,
        east=(_RADIANS.sin() * pl.col("weight")).sum(),
        north=(_RADIANS.cos() * pl.col("weight")).sum(),
        sum=pl.col("value").sum(),
        minimum=pl.col("low").min(),
        maximum=pl.col("high").max(),
        count=pl.len().cast(pl.Int32),
    )
    direction = (pl.arctan2("east", "north").degrees() + 360) % 360
    value = (
        pl.when(pl.col("method") == "energy")
        .then(pl.col("energy"))
        .when(pl.col("method") == "vector")
        .then(direction)
        .when(pl.col("method") == "sum")
        .then(pl.col("sum"))
        .otherwise(pl.col("mean"))
    )
    # Rounded far below any resolution, so that the order of arrival leaves no trace.
    return grouped.with_columns(value=value.round(9)).select(
        *by, "method", "value", "minimum", "maximum", "count"
    )
