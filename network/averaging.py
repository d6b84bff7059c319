"""How values are averaged: plainly, as sound energy, as vectors, or summed. Never blindly.

`average` gives the statistics of a grouped frame by each row's own method, `running` the same of
everything up to each row; every other module of this room goes through them, whether it groups
observations into hours, hours into days, days into years or sensors into stations and districts.

Sums are taken in fixed point, where a + b + c has one result. In floating point it depends on the
order and on how the work is split, so that a backfill would differ from live rows in a last digit.

Sound: GB 3096-2008, 3.2 (equivalent level, energy mean). Wind: vector mean, weighted by speed.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

FINE = 1e9  # fixed point: billionths of the unit, in 128 bits
DECIMALS = 9

# We multiply and never divide: polars divides by a single number by way of its reciprocal, by a
# column truly, and a column may be a single number to it, so that a last bit would tell how many
# groups there were.
_PART, _BEL = 1 / FINE, 0.1

_VALUE, _WEIGHT, _ONE_OF = pl.col("value"), pl.col("weight"), 1.0 / pl.col("count")
_RADIANS = _VALUE.radians()

# What is summed by each method, and what becomes of the sums.
_SUMMED: dict[str, dict[str, pl.Expr]] = {
    "mean": {"total": _VALUE},
    "sum": {"total": _VALUE},
    "energy": {"total": 10 ** (_VALUE * _BEL)},
    "vector": {"east": _RADIANS.sin() * _WEIGHT, "north": _RADIANS.cos() * _WEIGHT},
}
METHODS = tuple(_SUMMED)
_RESULT: dict[str, pl.Expr] = {
    "mean": pl.col("total") * _ONE_OF,
    "sum": pl.col("total"),
    "energy": (pl.col("total") * _ONE_OF).log10() * 10,
    "vector": (pl.arctan2("east", "north").degrees() + 360) % 360,
}


def average(frame: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Statistics of each group: value, minimum, maximum, count.

    frame: columns `by` (the parameter among them), `method` (mean, energy, vector, sum), `value`
    (not null), `weight` (of a vector; 1 where none), `low` and `high` (what minimum and maximum are
    taken of). Energy is averaged in dB as 10 lg of the mean of 10^(L/10).
    """
    lazy = frame.lazy()
    return pl.concat(
        average_by(method, lazy.filter(pl.col("method") == method), by)
        for method in _methods(frame)
    ).collect()


def _methods(frame: pl.DataFrame) -> list[str]:
    """The methods that occur, in order; one of them where there is nothing at all."""
    return frame["method"].unique().sort().to_list() or ["mean"]


def average_by(method: str, frame: pl.LazyFrame, by: Sequence[str]) -> pl.LazyFrame:
    """As `average`, of rows that are all averaged by one method; they need not name it."""
    sums = {name: _fixed(term).sum() for name, term in _SUMMED[method].items()}
    grouped = frame.group_by(list(by)).agg(
        **sums,
        minimum=pl.col("low").min(),
        maximum=pl.col("high").max(),
        count=pl.len().cast(pl.Int32),
    )
    return grouped.with_columns(pl.col(name).cast(pl.Float64) * _PART for name in sums).select(
        *by,
        "minimum",
        "maximum",
        "count",
        method=pl.lit(method),
        value=_RESULT[method].round(DECIMALS),
    )


def running(frame: pl.DataFrame, by: Sequence[str], along: str) -> pl.DataFrame:
    """Statistics of each row's group up to and with that row, in the order of `along`.

    frame: as for `average`, and rows without a value (null) that add nothing; `along` has no value
    twice in a group. The last row of a group has what `average` gives for its values.
    """
    lazy = frame.lazy()
    return pl.concat(_running(lazy, by, along, method) for method in _methods(frame)).collect()


def _running(frame: pl.LazyFrame, by: Sequence[str], along: str, method: str) -> pl.LazyFrame:
    there = pl.col("value").is_not_null()
    sums = {
        name: pl.when(there).then(_fixed(term)).otherwise(0).cum_sum().over(by)
        for name, term in _SUMMED[method].items()
    }
    summed = (
        frame.filter(pl.col("method") == method)
        .sort(*by, along)
        .with_columns(
            **sums,
            minimum=pl.when(there).then("low").cum_min().forward_fill().over(by),
            maximum=pl.when(there).then("high").cum_max().forward_fill().over(by),
            count=there.cum_sum().over(by).cast(pl.Int32),
        )
    )
    result = pl.when(pl.col("count") > 0).then(_RESULT[method].round(DECIMALS))
    return summed.with_columns(pl.col(name).cast(pl.Float64) * _PART for name in sums).select(
        *by, along, "minimum", "maximum", "count", method=pl.lit(method), value=result
    )


def _fixed(term: pl.Expr) -> pl.Expr:
    return (term * FINE).round().cast(pl.Int128)
