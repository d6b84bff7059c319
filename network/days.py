"""Hours to days, and for sound to daytime and night. Pure.

A day is the city's calendar day. It is valid with the hours that GB 3095 asks for, by the edition
of its date; a part of the day with the same share. Daytime is 06:00-22:00, night 22:00-06:00 of the
next day (GB 3096-2008, 3.4, 3.5); the night belongs to the day on which it begins.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from network.averaging import average
from network.hours import finish
from schemas import Interval, Period
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
    hours: pl.DataFrame, day: Interval, period: Period, per_day: pl.DataFrame
) -> pl.DataFrame:
    """Aggregates of one day, or part of one, from hourly rows of all levels.

    hours: rows of `AGGREGATES` that begin within the period's span. per_day: columns subject,
    hours = in how many hours of a day a slow sensor speaks (all others: in each).
    Only sound has a daytime and a night.
    """
    span = part_of_day(day, period)
    in_span = hours.filter(pl.col("start").is_between(span.start, span.end, closed="left"))
    if period is not Period.DAY:
        in_span = in_span.filter(pl.col("method") == "energy")
    key = ["level", "subject", "parameter"]
    whole = int(span.length / timedelta(hours=1))
    expected = (
        in_span.group_by(key)
        .agg(method=pl.col("method").first())
        .join(per_day, on="subject", how="left")
        .with_columns(expected=pl.col("hours").fill_null(whole).clip(1, whole).cast(pl.Int32))
    )
    valid = in_span.filter("valid").with_columns(
        weight=pl.lit(1.0), low=pl.col("minimum"), high=pl.col("maximum")
    )
    joined = expected.join(average(valid, key).drop("method"), on=key, how="left").with_columns(
        start=pl.lit(span.start).cast(AGGREGATES["start"])
    )
    return finish(joined, period=period, least=_least_of_a_day)


def _least_of_a_day(rules: Edition) -> float:
    return float(rules.tables["minimum"]["hours_a_day"]) / 24
