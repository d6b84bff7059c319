"""How the embedded store packs a reading into a row, and unpacks rows into a frame.

Pure: no database here. A layout is the tuple of a reading's parameters in alphabetic order.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

import polars as pl

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


class Packing:
    """How readings whose parameters were sent in one order are packed, without asking their names.

    layout: the parameters in alphabetic order. values(reading.values), quality(reading.quality)
    give the bytes; quality is None when every value is plainly good.
    """

    def __init__(self, sent: tuple[str, ...]) -> None:
        self.layout: Layout = tuple(sorted(sent))
        # Of a single key, itemgetter would give the bare value.
        self._ordered = itemgetter(*self.layout) if len(sent) > 1 else _only_value
        self._pack, self._pack_codes = _floats(len(sent)).pack, _shorts(len(sent)).pack

    def values(self, values: Mapping[Any, float | None]) -> bytes:
        ordered = self._ordered(values)
        try:
            return self._pack(*ordered)
        except struct.error:  # something is missing: rare, and this way free for all others
            return self._pack(*(math.nan if value is None else value for value in ordered))

    def quality(self, quality: Mapping[Any, int]) -> bytes | None:
        if not quality:
            return None
        return self._pack_codes(*(quality.get(key, GOOD_QUALITY) for key in self.layout))


def reflagged(quality: bytes | None, width: int, code: int) -> bytes | None:
    """Packed quality with `code` in place of good; None where nothing is good."""
    codes = [GOOD_QUALITY] * width if quality is None else _shorts(width).unpack(quality)
    if GOOD_QUALITY not in codes:
        return None
    return _shorts(width).pack(*(code if one == GOOD_QUALITY else one for one in codes))


def width_of(values: bytes) -> int:
    """How many values are packed."""
    return len(values) // _floats(1).size


def _only_value(values: Mapping[Any, float | None]) -> tuple[float | None, ...]:
    return tuple(values.values())


packing_of = lru_cache(maxsize=4096)(Packing)


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


def counted(counts: pl.DataFrame) -> pl.DataFrame:
    """Numbers of observations, columns `OBSERVATION_COUNTS`, with each channel once."""
    return (
        counts.group_by("sensor", "parameter")
        .agg(pl.col("count").sum())
        .filter(pl.col("count") > 0)
        .sort("sensor", "parameter")
    )
