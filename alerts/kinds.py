"""What each kind of rule holds against its limit: windows of a channel turned into other windows.

`exceedance` and `sudden` take a window's value as it is. `rise` takes the change since some minutes
ago. The other kinds look at more than one channel's windows and are the judge's own: `forecast`,
`constancy`, `silence`, `disagreement`, `network`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from alerts.windows import Window
from schemas.alerts import Kind, Rule


class Measure(Protocol):
    def of(self, window: Window) -> Window | None:
        """The window with the value that is held against the limit; None where there is none."""


class AsItIs:
    def of(self, window: Window) -> Window | None:
        return window


class Rise:
    """The change against the window that began so long before; None where that one is missing."""

    def __init__(self, over: timedelta) -> None:
        self._over = over
        self._seen: deque[Window] = deque()

    def of(self, window: Window) -> Window | None:
        while self._seen and window.moment - self._seen[0].moment > self._over:
            self._seen.popleft()
        self._seen.append(window)
        earlier = self._seen[0]
        if window.moment - earlier.moment != self._over:
            return None
        completeness = min(window.completeness, earlier.completeness)
        change = round(window.value - earlier.value, 9)
        return replace(window, value=change, completeness=completeness)


# Kinds that the fast lane can see: those of one channel's own short windows.
STREAMED = (Kind.EXCEEDANCE, Kind.SUDDEN, Kind.RISE)


def measure_of(rule: Rule) -> Measure:
    """A fresh measure for one channel."""
    if rule.kind is Kind.RISE:
        return Rise(timedelta(minutes=rule.over_min or 0))
    return AsItIs()


def measured(rule: Rule, windows: Iterable[Window]) -> Iterator[Window]:
    """The windows of one channel as the rule sees them, in order."""
    measure = measure_of(rule)
    for window in windows:
        found = measure.of(window)
        if found is not None:
            yield found
