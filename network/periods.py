"""Days to months, years and years to date. Pure.

One way for every medium and level: the mean of the valid daily values (of sound by energy, of rain
the sum), for sound also of the daytimes (Ld) and of the nights (Ln). A subject's periods come from
its own days and from nobody else's, so any slice of the city can be computed by itself.

A month is valid with the daily values that HJ 663 asks for (27, in February 25), a year with those
of a year (324) and every month valid. Of a year to date HJ 663 says nothing: it is held to the
year's share of the days that have passed and to its whole months, so that on 31 December it is the
year. No other standard of ours states any minimum, so all media are held to these.

A channel slower than daily (a passive sampler changed every week) is held to the same share of what
its cadence lets expect, rounded up; and to whole months only if it must speak in each.

Percentiles, the 8 h of ozone and whether a year attains are not made here: see `standards`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from network.averaging import running
from network.cadences import NONE_SLOW, times_in
from network.hours import minimum_data, whole_rows
from schemas import CITY_TIME, Interval, Period
from schemas.clock import DAY
from schemas.observation import AGGREGATES

# Of each period the daily rows that it is made of.
MONTHS = {
    Period.MONTH: Period.DAY,
    Period.MONTH_DAYTIME: Period.DAYTIME,
    Period.MONTH_NIGHT: Period.NIGHT,
}
YEARS = {
    Period.YEAR: Period.DAY,
    Period.YEAR_DAYTIME: Period.DAYTIME,
    Period.YEAR_NIGHT: Period.NIGHT,
}
TO_DATE = {
    Period.YEAR_TO_DATE: Period.DAY,
    Period.YEAR_TO_DATE_DAYTIME: Period.DAYTIME,
    Period.YEAR_TO_DATE_NIGHT: Period.NIGHT,
}
MADE_OF = {**MONTHS, **YEARS, **TO_DATE}

DAY_S = 86_400
SHORTEST_MONTH_S = 28 * DAY_S  # what is slower need not speak in each month
_CHANNEL = ["level", "subject", "parameter"]
_ASKED: dict[str, pl.DataType] = {
    "first": pl.Date(),
    "last": pl.Date(),
    "start": AGGREGATES["start"],
    "expected": pl.Int32(),
    "edition": pl.String(),
    "least": pl.Int32(),  # valid daily values
    "whole_months": pl.Int32(),  # that must be valid
}
_FEBRUARY = 2


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """City days from `first` to `last`; its rows are stored under the start of the day `named`."""

    named: date
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def reach(self) -> Interval:
        return Interval(_midnight(self.first), _midnight(self.last + DAY))


def month_of(day: date) -> Span:
    first = day.replace(day=1)
    return Span(first, first, (first + timedelta(days=31)).replace(day=1) - DAY)


def year_of(day: date) -> Span:
    first = day.replace(month=1, day=1)
    return Span(first, first, day.replace(month=12, day=31))


def year_to(day: date) -> Span:
    """The year up to and with a day. Its rows are named after that day, so each day has its own."""
    return Span(day, day.replace(month=1, day=1), day)


def touched_periods(days: Iterable[Interval], until: datetime) -> dict[Period, list[Span]]:
    """What depends on these city days, of each period, as far as it is over at a moment.

    A day belongs to its month, to its year, and to the year to date of every later day of the year.
    """
    dates = sorted({city_date(day.start) for day in days})
    over = city_date(until) - DAY  # the last day that has ended
    earliest: dict[Span, date] = {}
    for day in dates:
        earliest.setdefault(year_of(day), day)
    to_date = [
        year_to(first + n * DAY)
        for year, first in earliest.items()
        for n in range((min(over, year.last) - first).days + 1)
    ]
    months = sorted(month for month in {month_of(day) for day in dates} if month.last <= over)
    years = [year for year in earliest if year.last <= over]
    return {
        **dict.fromkeys(MONTHS, months),
        **dict.fromkeys(YEARS, years),
        **dict.fromkeys(TO_DATE, to_date),
    }


def period_rows(
    days: pl.DataFrame, spans: Sequence[Span], period: Period, slow: pl.DataFrame = NONE_SLOW
) -> pl.DataFrame:
    """Aggregates of some spans, columns `AGGREGATES`.

    days: rows of the period `MADE_OF[period]`, of any levels, all those of the spans' days. A
    channel has a row in every span in which it has a daily row, be it an invalid one. slow: columns
    `SLOW`; all other channels are expected every day.
    """
    begins = pl.col("day").dt.truncate("1mo" if period in MONTHS else "1y")
    valid = pl.col("valid")
    dated = days.with_columns(day=_city_day(pl.col("start"))).select(
        *_CHANNEL,
        "day",
        "method",
        first=begins,
        value=pl.when(valid).then("value"),
        low="minimum",
        high="maximum",
        weight=pl.lit(1.0),
    )
    key = [*_CHANNEL, "first"]
    asked = dated.select(key).unique().join(_asked(spans, period), on="first")
    found = _of_slow(asked, slow).sort("last")
    months = _valid_months(dated, key, slow)
    for known, at in ((running(dated, key, "day"), "day"), (months, "month")):
        found = found.join_asof(
            known.sort(at), left_on="last", right_on=at, by=key, check_sortedness=False
        )
    enough = (pl.col("count") >= pl.col("least")) & (
        pl.col("valid_months").fill_null(0) >= pl.col("whole_months")
    )
    spoken = pl.col("method").is_not_null()
    return whole_rows(found.filter(spoken).with_columns(enough=enough), period=period)


def _asked(spans: Sequence[Span], period: Period) -> pl.DataFrame:
    """How each span is named and what is asked of it, by the edition of its last day."""
    rows = []
    for span in spans:
        rules, month, year = minimum_data(span.last), month_of(span.last), year_of(span.last)
        if period in MONTHS:
            least, whole_months = _least_of_month(span.last), 0
        else:
            a_year = int(rules.tables["minimum"]["days_a_year"])
            least = -(-span.days * a_year // year.days)  # rounded up
            whole_months = span.last.month - (span.last < month.last)
        start = _midnight(span.named)
        rows.append((span.first, span.last, start, span.days, rules.id, least, whole_months))
    return pl.DataFrame(rows, schema=_ASKED, orient="row")


def _of_slow(asked: pl.DataFrame, slow: pl.DataFrame) -> pl.DataFrame:
    """What is asked of each channel of what is asked of one that speaks every day.

    asked: `expected`, `least`, and maybe `whole_months`, by channel.
    """
    # Of a channel that is not slow there is no cadence, and nothing smaller than each day.
    times = pl.min_horizontal("expected", times_in(DAY_S * pl.col("expected").cast(pl.Int64)))
    least = -(-pl.col("least") * pl.col("times") // pl.col("expected"))  # rounded up
    slowed = asked.join(slow, on=_CHANNEL, how="left").with_columns(times=times)
    every_month = pl.col("cadence_s").fill_null(0) <= SHORTEST_MONTH_S
    whole = [pl.col("whole_months") * every_month] if "whole_months" in asked.columns else []
    return (
        slowed.with_columns(least.cast(pl.Int32).alias("least"), *whole)
        .with_columns(expected="times")
        .drop("times", "cadence_s")
    )


def _valid_months(dated: pl.DataFrame, key: Sequence[str], slow: pl.DataFrame) -> pl.DataFrame:
    """How many months have been valid at the end of each `month` that has any daily rows."""
    months = dated.group_by(*key, month=pl.col("day").dt.month_end()).agg(
        days=pl.col("value").count()
    )
    ends = months["month"].unique().to_list()
    of_month = {
        "month": ends,
        "least": [_least_of_month(end) for end in ends],
        "expected": [end.day for end in ends],
    }
    schema = {"month": pl.Date, "least": pl.Int32, "expected": pl.Int32}
    asked = months.join(pl.DataFrame(of_month, schema=schema), on="month")
    enough = (pl.col("days") >= pl.col("least")).cast(pl.Int32)
    return (
        _of_slow(asked, slow)
        .sort("month")
        .select(*key, "month", valid_months=enough.cum_sum().over(key))
    )


def _least_of_month(day: date) -> int:
    minimum = minimum_data(month_of(day).last).tables["minimum"]
    return int(minimum["days_a_february" if day.month == _FEBRUARY else "days_a_month"])


def city_date(moment: datetime) -> date:
    return moment.astimezone(CITY_TIME).date()


def _city_day(moment: pl.Expr) -> pl.Expr:
    """The city's date of moments in UTC."""
    return moment.dt.convert_time_zone(CITY_TIME.key).dt.date()


def _midnight(day: date) -> datetime:
    """When a city day begins, in UTC."""
    return datetime.combine(day, time(), CITY_TIME).astimezone(UTC)
