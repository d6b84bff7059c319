"""Which hour and which day a view speaks of: the newest that is over and has been aggregated.

A day is shown half an hour after its end: its last hours are aggregated by then, and a day that is
still being made is not taken for one without data.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from network.days import part_of_day
from schemas import Interval, Period

SETTLED = timedelta(minutes=30)
RECENT = timedelta(hours=3)  # an hour older than that is not `now`
DAY = timedelta(days=1)


def settled_day(now: datetime, period: Period = Period.DAY) -> Interval:
    """The last city day whose given part is over and settled; the night ends at 06:00."""
    day = Interval.city_day(now)
    while part_of_day(day, period).end + SETTLED > now:
        day = day_before(day)
    return day


def day_before(day: Interval, days: int = 1) -> Interval:
    """The city day so many days earlier."""
    return Interval.city_day(day.start + DAY / 2 - days * DAY)


def days_back(day: Interval, count: int) -> Iterator[Interval]:
    """So many city days in order, the given one the last."""
    return (day_before(day, back) for back in reversed(range(count)))


def newest_hour(rows: pl.DataFrame, now: datetime) -> datetime:
    """Start of the newest hour in the rows, not older than `RECENT`; else of the hour just over."""
    over = Interval.hour(now).start - timedelta(hours=1)
    recent = rows.filter(pl.col("start") > now - RECENT, pl.col("start") <= over)
    newest = recent["start"].max()
    return newest if isinstance(newest, datetime) else over
