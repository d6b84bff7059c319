"""Time: clocks that are handed in, half-open intervals, milliseconds on the wire and in the store.

Times are timezone-aware everywhere, kept in UTC, shown in Asia/Shanghai. `Interval` is the one way
to say a span of time. Milliseconds since the epoch are used only where readings flow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

CITY_TIME = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOUR_MS = 3_600_000


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, timezone-aware UTC."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that a test owns."""

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Half-open span [start, end), timezone-aware; raises ValueError otherwise."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("an Interval needs timezone-aware times")
        if self.end <= self.start:
            raise ValueError(f"an Interval ends after its start: {self.start} .. {self.end}")

    @classmethod
    def hour(cls, moment: datetime) -> Interval:
        """The hour that holds the moment."""
        start = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return cls(start, start + HOUR)

    @classmethod
    def city_day(cls, moment: datetime) -> Interval:
        """The calendar day, in the city's time, that holds the moment."""
        local = moment.astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(local.astimezone(UTC), (local + DAY).astimezone(UTC))

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def hours(self) -> Iterator[Interval]:
        """The whole hours that this interval touches, in order."""
        hour = Interval.hour(self.start)
        while hour.start < self.end:
            yield hour
            hour = Interval(hour.end, hour.end + HOUR)

    def city_days(self) -> Iterator[Interval]:
        """The city's calendar days that this interval touches, in order."""
        day = Interval.city_day(self.start)
        while day.start < self.end:
            yield day
            day = Interval.city_day(day.end)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """The UTC moment of milliseconds since the epoch."""
    return datetime.fromtimestamp(ms / 1000, UTC)
