"""In which windows of time Observations are looked for: where channels have any, in steps.

A window is as long as the cadence of the channels that were going then says for so many rows, and
each further one is longer, for then the first held less than was hoped. From when to when channels
have observations is asked of the store: anew for few channels; for many it is kept for a while,
and what has come since is looked for before and behind what was known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from storage import Store

KEPT_S = 30.0
FEW = 50  # sensors whose first and last times are asked for each time
MOST_IN_A_WINDOW = 500_000  # expected observations
SPARE, GROWTH = 1.2, 3
SHORTEST_MS = 1000
Span = tuple[int, int]  # half-open, in ms
_MS = pl.col("ts").dt.epoch("ms")


@dataclass(frozen=True, slots=True)
class Extents:
    """By channel: sensor, parameter, first, last (ms). fresh: whether nothing can be beyond."""

    table: pl.DataFrame
    fresh: bool


class ExtentsKept:
    """From when to when channels have observations. Threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._guard = threading.Lock()
        self._all: pl.DataFrame | None = None
        self._asked = 0.0

    def of(self, sensors: Sequence[str]) -> Extents:
        if len(sensors) <= FEW:
            return Extents(self._ask(sensors), fresh=True)
        with self._guard:
            if self._all is None or time.monotonic() - self._asked > KEPT_S:
                self._asked = time.monotonic()
                self._all = self._ask(None)
            return Extents(self._all, fresh=False)

    def _ask(self, sensors: Sequence[str] | None) -> pl.DataFrame:
        key = ["sensor", "parameter"]
        first = self._store.earliest(sensors=sensors).select(*key, first=_MS)
        return first.join(self._store.latest(sensors=sensors).select(*key, last=_MS), on=key)


def windows(extents: Extents, bounds: Span, *, descending: bool, wanted: float) -> Iterator[Span]:
    """Windows within bounds, one after the other, that hold everything there is.

    extents: of the channels in question, with their cadence_s. wanted: rows hoped for.
    """
    start, end = bounds
    table = extents.table
    if table.is_empty():
        known = (end, end)
    else:
        known = (_number(table["first"].min()), _number(table["last"].max()) + 1)
    before, behind = (start, min(end, known[0])), (max(start, known[1]), end)
    body = (max(start, known[0]), min(end, known[1]))
    first, last = (behind, before) if descending else (before, behind)
    if not extents.fresh:
        yield from _unless_empty(first)
    yield from _steps(table, body, descending, wanted)
    if not extents.fresh:
        yield from _unless_empty(last)


def _unless_empty(span: Span) -> Iterator[Span]:
    if span[0] < span[1]:
        yield span


def _steps(table: pl.DataFrame, span: Span, descending: bool, wanted: float) -> Iterator[Span]:
    start, end = span
    factor = SPARE
    while start < end:
        length, edge = _length(table, end if descending else start, descending, wanted * factor)
        if descending:
            end = min(end, edge)
            low, high = max(start, end - length), end
            end = low
        else:
            start = max(start, edge)
            low, high = start, min(end, start + length)
            start = high
        yield from _unless_empty((low, high))
        factor *= GROWTH


def _length(table: pl.DataFrame, edge: int, descending: bool, wanted: float) -> tuple[int, int]:
    """How long a window is expected to hold so many observations, and where it may begin.

    The second is the edge itself, or, where no channel has anything there, the next place where
    one has: a gap of a year is a step and not a thousand windows.
    """
    going = _going(table, edge, descending)
    if going.is_empty():
        if descending:
            edge = _number(table.filter(pl.col("last") < edge)["last"].max()) + 1
        else:
            edge = _number(table.filter(pl.col("first") > edge)["first"].min())
        going = _going(table, edge, descending)
    per_ms = float((1 / going["cadence_s"]).sum()) / 1000 or 1e-6
    return max(SHORTEST_MS, int(min(wanted, MOST_IN_A_WINDOW) / per_ms)), edge


def _going(table: pl.DataFrame, edge: int, descending: bool) -> pl.DataFrame:
    """The channels that have observations on both sides of the edge, or up to it."""
    if descending:
        return table.filter(pl.col("last") + 1 >= edge, pl.col("first") < edge)
    return table.filter(pl.col("first") <= edge, pl.col("last") >= edge)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
