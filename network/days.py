"""Hours to days, and for sound to daytime and night. Pure.

A day is the city's calendar day. It is valid with the hours that GB 3095 asks for, by the edition
of its date; a part of the day with the same share. Daytime is 06:00-22:00, night 22:00-06:00 of the
next day (GB 3096-2008, 3.4, 3.5); the night belongs to the day on which it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from network.averaging import average
from network.cadences import CHANNEL, times_in
from network.hours import HOUR_S, finish
from schemas import CITY_TIME, Interval, Period
from schemas.observation import AGGREGATES
from standards import Edition

# (from, to) in hours after the day's midnight in the city.
PARTS: dict[Period, tuple[int, int]] = {
    Period.DAY: (0, 24),
    Period.DAYTIME: (6, 22),
    Period.NIGHT: (22, 30),
}


def part_of_day(day: Interval, period: Period) -> Interval:
    """The span of a period that belongs to a city day."""
    begin, end = PARTS[period]
    return Interval(day.start + timedelta(hours=begin), day.start + timedelta(hours=end))


def day_rows(
    hours: pl.DataFrame, days: Sequence[Interval], period: Period, slow: pl.DataFrame
) -> pl.DataFrame:
    """Aggregates of some days, or of a part of each, from hourly rows of all levels.

    hours: rows of `AGGREGATES` that begin within the periods' spans. slow: columns `SLOW`; all
    other channels are expected in every hour. Only sound has a daytime and a night.
    """
    begin, end = (timedelta(hours=hour) for hour in PARTS[period])
    wanted = pl.Series([day.start for day in days], dtype=AGGREGATES["start"])
    in_part = (
        hours.lazy()
        .with_columns(day=_midnight(pl.col("start") - begin))
        .filter(pl.col("day").is_in(wanted.implode()), pl.col("start") < pl.col("day") + end)
    )
    if period is not Period.DAY:
        in_part = in_part.filter(pl.col("method") == "energy")
    key = ["level", "subject", "parameter", "day"]
    whole = (end - begin) // timedelta(hours=1)
    expected = (
        in_part.group_by(key)
        .agg(method=pl.col("method").first())
        .join(slow.lazy(), on=CHANNEL, how="left")
        .with_columns(expected=times_in(whole * HOUR_S).fill_null(whole))
    )
    valid = in_part.filter("valid").with_columns(
        weight=pl.lit(1.0), low=pl.col("minimum"), high=pl.col("maximum")
    )
    found = average(valid.collect(), key).drop("method")
    rows = expected.join(found.lazy(), on=key, how="left").with_columns(start=pl.col("day") + begin)
    return finish(rows.collect(), period=period, least=_least_of_a_day)


def _midnight(moment: pl.Expr) -> pl.Expr:
    """When the city day began that holds a moment in UTC."""
    local = moment.dt.convert_time_zone(CITY_TIME.key).dt.truncate("1d")
    return local.dt.convert_time_zone("UTC")


def _least_of_a_day(rules: Edition) -> float:
    return float(rules.tables["minimum"]["hours_a_day"]) / 24
