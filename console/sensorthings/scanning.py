"""Which Observations an answer has: narrowed by the store, read window by window, never all.

By default the oldest come first. In order of time, either way, only as much is read as a page
needs: windows as long as the channels' cadence says, longer while they hold little. In any other
order everything that fits has to be read, so how much that may be is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from console.sensorthings import keyset
from console.sensorthings.columns import Columns
from console.sensorthings.compiling import predicate
from console.sensorthings.keyset import Sorting
from console.sensorthings.model import OBSERVATIONS
from console.sensorthings.narrowing import BEGIN_MS, END_MS, TIMES, Narrowed, narrow
from console.sensorthings.observed import DATASTREAM, FEATURE, OWN, Observed
from console.sensorthings.options import Key, Options
from console.sensorthings.refusals import bad
from console.sensorthings.selecting import matching
from console.sensorthings.syntax import Path
from console.sensorthings.windows import MOST_IN_A_WINDOW, windows
from schemas import Interval, from_ms

MOST_SCANNED = 2_000_000  # observations read for one answer; the next page goes on from there
MOST_WINDOWS = 200
MOST_SORTED = 1_000_000  # observations that are put into another order than that of time
OLDEST_FIRST = (Key(Path(("phenomenonTime",))),)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an address bounds Observations to. None: not at all."""

    datastreams: frozenset[str] | None = None
    feature: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Observations in order; count: of all pages; token, skip: where the next page begins."""

    rows: pl.DataFrame
    count: int | None = None
    token: str = ""
    skip: int = 0


class Scan:
    """One question for Observations. Raises Refusal, and what the store raises."""

    def __init__(self, observed: Observed, scope: Scope, options: Options) -> None:
        self._observed = observed
        self._options = options
        self._columns = Columns(observed.entities, OBSERVATIONS, observed.times, OWN)
        moved = not observed.entities.stays.is_empty()
        self._narrowed = narrow(options.filter, features_move=moved)
        conditions = [predicate(node, self._columns) for node in self._narrowed.rest]
        if moved and scope.feature is not None:
            conditions.append(pl.col(FEATURE) == scope.feature)
        self._rest = pl.all_horizontal(conditions) if conditions else None
        self._channels = self._choose_channels(scope)
        exprs, by = keyset.sortings(options.order or OLDEST_FIRST, self._columns)
        self._keys = [*exprs, pl.col("ts").dt.epoch("ms").alias("ms")]
        self._by = [*by, Sorting("ms"), Sorting("sensor"), Sorting("parameter")]

    def _choose_channels(self, scope: Scope) -> pl.DataFrame:
        channels = self._observed.channels
        if scope.datastreams is not None:
            channels = channels.filter(pl.col(DATASTREAM).is_in(list(scope.datastreams)))
        if scope.feature is not None:
            sensors = self._observed.entities.ever_at(scope.feature)
            channels = channels.filter(pl.col("sensor").is_in(list(sensors)))
        names = channels.columns
        for node in self._narrowed.channels:
            columns = Columns(self._observed.entities, OBSERVATIONS, self._observed.times, OWN)
            condition = predicate(node, columns)
            channels = matching(columns.table(channels), condition).select(names).unique()
        return channels

    def page(self) -> Page:
        """The page that the options ask for."""
        count = self._count() if self._options.count else None
        order = self._options.order or OLDEST_FIRST
        if self._options.page == 0:
            return Page(self._none(), count)
        if order[0].path in TIMES:
            return replace(self._page_in_time(order[0].descending), count=count)
        return replace(self._page_in_order(), count=count)

    # In order of time

    def _page_in_time(self, descending: bool) -> Page:
        window, last = self._after_token(descending)
        skip, size = self._options.skip, self._options.page
        found, have, scanned = [self._none()], 0, 0
        for number, (edge, raw, rows) in enumerate(
            self._windows(window, descending, skip + size + 1), 1
        ):
            if last is not None:
                rows = keyset.after(rows, self._by, keyset.fitting(last, rows, self._by))
            found.append(keyset.sort(rows, self._by))
            have, scanned = have + rows.height, scanned + raw
            if have > skip + size:
                break
            if scanned > MOST_SCANNED or number == MOST_WINDOWS:
                whole = pl.concat(found)
                return Page(whole.slice(skip), None, keyset.token([edge]), max(0, skip - have))
        whole = pl.concat(found)
        page = whole.slice(skip, size)
        more = whole.height > skip + size
        return Page(page, None, keyset.token_of(page, self._by) if more else "")

    def _after_token(self, descending: bool) -> tuple[Narrowed, list[keyset.Plain] | None]:
        """The window that is left, and the keys of the last row that was told."""
        window = self._narrowed
        if not self._options.token:
            return window, None
        values = keyset.read_token(self._options.token)
        at = values[0] if values else None
        if not isinstance(at, int):
            raise bad("$skiptoken: not one of these pages'; begin again without it")
        # Of a page that ended between two rows, its edge in ms; else the last row's keys, in µs.
        between = len(values) == 1
        ms = at if between else at // 1000
        if descending:
            window = replace(window, end=min(window.end, ms if between else ms + 1))
        else:
            window = replace(window, start=max(window.start, ms))
        return window, None if between else values

    def _windows(
        self, bounds: Narrowed, descending: bool, wanted: int
    ) -> Iterator[tuple[int, int, pl.DataFrame]]:
        """Windows one after the other: where each ends, how much was read, what of it fits."""
        spans = windows(
            self._observed.extents(self._channels),
            (bounds.start, bounds.end),
            descending=descending,
            wanted=wanted,
        )
        for low, high in spans:
            raw = self._observed.read(low, high, self._channels)
            yield low if descending else high, raw.height, self._fitting(raw)

    def _fitting(self, raw: pl.DataFrame) -> pl.DataFrame:
        """What of some rows the filter lets through, with the columns that are sorted by."""
        rows = matching(self._columns.table(raw), self._rest)
        return rows.unique(["sensor", "ts", "parameter"]).with_columns(self._keys)

    def _none(self) -> pl.DataFrame:
        nothing = self._observed.read(BEGIN_MS, BEGIN_MS + 1, self._observed.channels.clear())
        return self._fitting(nothing)

    # In any other order, and counted

    def _page_in_order(self) -> Page:
        self._refuse_if_many("$orderby by anything but phenomenonTime", MOST_SORTED)
        rows = [self._none(), *(rows for _, _, rows in self._whole())]
        found = keyset.sort(pl.concat(rows), self._by)
        if self._options.token:
            last = keyset.fitting(keyset.read_token(self._options.token), found, self._by)
            found = keyset.after(found, self._by, last)
        page = found.slice(self._options.skip, self._options.page)
        more = found.height > self._options.skip + self._options.page
        token = keyset.token_of(page, self._by) if more and not page.is_empty() else ""
        return Page(page, None, token)

    def _count(self) -> int:
        if self._rest is None:
            return self._candidates()
        self._refuse_if_many("$count with this $filter", MOST_SCANNED)
        return sum(rows.height for _, _, rows in self._whole())

    def _whole(self) -> Iterator[tuple[int, int, pl.DataFrame]]:
        return self._windows(self._narrowed, False, MOST_IN_A_WINDOW)

    def _candidates(self) -> int:
        """How many observations the store has in the window and the channels."""
        window = self._narrowed
        if window.start >= window.end or self._channels.is_empty():
            return 0
        whole = (window.start, window.end) == (BEGIN_MS, END_MS)
        counts = self._observed.store.count_observations(
            None if whole else Interval(from_ms(window.start), from_ms(window.end)),
            sensors=self._channels["sensor"].unique().to_list(),
        )
        found = counts.join(self._channels, on=["sensor", "parameter"], how="semi")
        return int(found["count"].sum())

    def _refuse_if_many(self, what: str, most: int) -> None:
        if (many := self._candidates()) > most:
            raise bad(
                f"{what} has to look at {many} observations, and at most {most} are; narrow"
                " phenomenonTime by $filter, or ask for fewer Datastreams"
            )
