"""How the embedded store packs a reading into a row, and unpacks rows into a frame.

Pure: no database here. A layout is the tuple of a reading's parameters in alphabetic order.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from functools import cache

import polars as pl

from schemas import FlaggedReading
from schemas.flags import GOOD_QUALITY
from schemas.observation import OBSERVATIONS

Layout = tuple[str, ...]
# (sensor id, ts in ms, packed values, packed quality or None)
Row = tuple[str, int, bytes, bytes | None]


@cache
def _floats(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}d")


@cache
def _shorts(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}h")


def layout_of(reading: FlaggedReading) -> Layout:
    return tuple(sorted(reading.values))


def pack_values(reading: FlaggedReading, layout: Layout) -> bytes:
    values = reading.values
    ordered = [math.nan if (v := values[key]) is None else v for key in layout]  # type: ignore[index]
    return _floats(len(layout)).pack(*ordered)


def pack_quality(reading: FlaggedReading, layout: Layout) -> bytes | None:
    """None when every value is plainly good."""
    if not reading.quality:
        return None
    codes = [reading.quality.get(key, GOOD_QUALITY) for key in layout]  # type: ignore[call-overload]
    return _shorts(len(layout)).pack(*codes)


def unpack(layout: Layout, rows: Sequence[Row]) -> pl.DataFrame:
    """Rows of one layout as observations, columns `OBSERVATIONS`, in the rows' order."""
    width = len(layout)
    all_good = _shorts(width).pack(*([GOOD_QUALITY] * width))
    packed = pl.DataFrame(
        {
            "sensor": [row[0] for row in rows],
            "ts": [row[1] for row in rows],
            "value": [row[2] for row in rows],
            "quality": [row[3] or all_good for row in rows],
        },
        schema={"sensor": pl.String, "ts": pl.Int64, "value": pl.Binary, "quality": pl.Binary},
    )
    return (
        packed.with_columns(
            pl.col("value").bin.reinterpret(dtype=pl.Array(pl.Float64, width)).arr.to_list(),
            pl.col("quality").bin.reinterpret(dtype=pl.Array(pl.Int16, width)).arr.to_list(),
            parameter=pl.lit(list(layout), dtype=pl.List(pl.String)),
        )
        .explode("parameter", "value", "quality")
        .select(
            "sensor",
            pl.col("ts").cast(OBSERVATIONS["ts"]),
            "parameter",
            pl.col("value").fill_nan(None),
            "quality",
        )
    )


def together(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Observations of several layouts as one frame, sorted by sensor, ts, parameter."""
    kept = [frame for frame in frames if not frame.is_empty()]
    if not kept:
        return pl.DataFrame(schema=OBSERVATIONS)
    return pl.concat(kept).sort("sensor", "ts", "parameter")
