"""Which limits of a standard hold for a station's parameter, and when: the lines of its charts.

Each over the hours for which it holds, for the edition may change, and day and night do. The limits
themselves are found by `standards.station_limits`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from schemas import Interval
from schemas.registry import Station
from standards.station_limits import Basis, limits_at


@dataclass(frozen=True, slots=True)
class LimitSpan:
    """A limit that holds over a span of time, in the parameter's unit. lower: a least value."""

    start: datetime
    end: datetime
    value: Decimal
    lower: bool
    edition: str
    basis: Basis
    of: str


def limits_of(station: Station, parameter: str, window: Interval) -> tuple[LimitSpan, ...]:
    """The limits of a parameter in a window, each over the hours for which it holds."""
    hours = [hour for hour in window.hours() if hour.start < window.end]
    held = [(hour, one) for hour in hours for one in limits_at(station, parameter, hour.start)]
    held.sort(key=lambda pair: (pair[1][1:], pair[1][0]))
    found = []
    for limit, group in groupby(held, key=lambda pair: pair[1]):
        for first, last in _runs([hour for hour, _ in group]):
            start, end = max(first.start, window.start), min(last.end, window.end)
            found.append(LimitSpan(start, end, *limit))
    return tuple(sorted(found, key=lambda span: (span.start, span.value)))


def _runs(hours: list[Interval]) -> Iterator[tuple[Interval, Interval]]:
    """First and last of each unbroken row of hours."""
    hours.sort()
    first = 0
    for at in range(1, len(hours) + 1):
        if at == len(hours) or hours[at].start != hours[at - 1].end:
            yield hours[first], hours[at - 1]
            first = at
