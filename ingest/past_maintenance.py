"""Maintenance that is entered when it is over, or under way: what was stored meanwhile is flagged.

A technician writes down at noon that he was at the sensor at nine. What comes in is flagged by
`qc`; what is there already is flagged here, and its hours become pending, so that aggregates,
verdicts and alerts of those hours are judged again without it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import structlog

from ingest.qartod import UNDER_MAINTENANCE
from ingest.validate import AHEAD_MS
from schemas import Interval, SensorId, from_ms
from schemas.clock import HOUR_MS
from storage import Store

log = structlog.get_logger()

Window = tuple[SensorId, int, int]  # [start, end) in ms of device time
DAY_MS = 24 * HOUR_MS


class PastMaintenance:
    """Not thread-safe: one worker owns it. Each worker does it all: once more changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: Mapping[SensorId, Sequence[tuple[int, int]]] = {}
        self._known: set[Window] = set()
        self._due: deque[Window] = deque()

    def note(self, windows: Mapping[SensorId, Sequence[tuple[int, int]]], now_ms: int) -> None:
        """The windows that there are now; those not seen before are due, as far as they are past.

        A device's clock may be ahead, so past is what may have come in by now.
        """
        if windows is self._seen:
            return
        self._seen = windows
        found = {(sensor, *window) for sensor, own in windows.items() for window in own}
        for sensor, start, end in sorted(found - self._known):
            until = min(end, now_ms + AHEAD_MS)
            self._due += [
                (sensor, at, min(at + DAY_MS, until)) for at in range(start, until, DAY_MS)
            ]
        self._known = found

    def work(self) -> None:
        """A day of one sensor at a time: ingest waits meanwhile. Raises StoreUnavailable."""
        if not self._due:
            return
        sensor, start, end = self._due[0]
        span = Interval(from_ms(start), from_ms(end))
        changed = self._store.reflag(sensor, span, UNDER_MAINTENANCE)
        self._due.popleft()
        if changed:
            log.info("flagged as under maintenance afterwards", sensor=sensor, readings=changed)
