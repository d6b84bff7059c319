"""The rows of a question, bit by bit: polars frames of some ten thousand rows, one at a time.

A window is parted into spans short enough that what the registry promises for one of them stays
below `ROWS_AT_ONCE`; each span is read when the one before has gone out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import polars as pl

from console.open_data.choice import LENGTHS, Aggregates, Observations
from console.open_data.columns import CITY_MS, schema_of
from console.open_data.published import Published, parameters_of
from schemas import Cause, Interval
from schemas.clock import DAY, HOUR
from storage import Store

ROWS_AT_ONCE = 50_000
SHORTEST = timedelta(minutes=1)
CAUSES = {int(cause): cause.name.lower() for cause in Cause}


def aggregate_rows(asked: Aggregates, known: Published, store: Store) -> Iterator[pl.DataFrame]:
    """Frames of the table `aggregates`, in order of time. Raises StoreUnavailable."""
    names = known.subjects(asked.level)
    step = LENGTHS.get(asked.period, DAY)
    span = step * max(1, ROWS_AT_ONCE // max(1, asked.series))
    for window in parted(asked.window, span):
        found = store.read_aggregates(
            window,
            period=asked.period,
            level=asked.level,
            subjects=asked.subjects,
            parameters=asked.parameters,
        )
        yield _as_table(
            "aggregates",
            found.join(names, on="subject"),  # who is not of the registry is not published
            by=("start", "subject", "parameter"),
        )


def observation_rows(asked: Observations, known: Published, store: Store) -> Iterator[pl.DataFrame]:
    """Frames of the table `observations`, in order of time. Raises StoreUnavailable."""
    stations = {str(s.id): str(s.station) for s in known.sensors.values()}
    at_once = timedelta(seconds=ROWS_AT_ONCE / max(asked.a_second, 1e-3))
    for window in parted(asked.window, min(max(at_once, SHORTEST), DAY)):
        found = store.read(window, sensors=asked.sensors, parameters=asked.parameters)
        told = found.with_columns(
            station=pl.col("sensor").replace_strict(stations, return_dtype=pl.String),
            flag=pl.col("quality") % 10,
            cause=(pl.col("quality") // 10).replace_strict(CAUSES, return_dtype=pl.String),
        )
        yield _as_table("observations", told, by=("ts", "sensor", "parameter"))


def _as_table(name: str, found: pl.DataFrame, *, by: tuple[str, ...]) -> pl.DataFrame:
    units = pl.col("parameter").replace_strict(
        parameters_of(None), default=None, return_dtype=pl.String
    )
    schema = schema_of(name)
    return (
        found.with_columns(unit=units)
        .sort(by)
        .select(
            pl.col(column).dt.convert_time_zone(CITY_MS.time_zone or "UTC").cast(dtype)
            if dtype == CITY_MS
            else pl.col(column).cast(dtype)
            for column, dtype in schema.items()
        )
    )


def parted(window: Interval, longest: timedelta) -> Iterator[Interval]:
    """The window in spans of whole hours where they are that long, one after the other."""
    if longest > HOUR:
        longest -= longest % HOUR
    start = window.start
    while start < window.end:
        end = min(start + longest, window.end)
        yield Interval(start, end)
        start = end
