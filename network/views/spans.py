"""The month or year that a report speaks of, and the rows of aggregates that belong to it.

A month or a year has rows when it is over. Of a year that is still running a report speaks up to
the last day that has settled: its rows are those of the year to date.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal

import polars as pl

from network.periods import MONTHS, TO_DATE, YEARS, Span, city_date, month_of, year_of, year_to
from network.views.days import SETTLED, settled_day
from schemas import CITY_TIME, Interval, Level, Period
from schemas.clock import DAY
from storage import Store

Kind = Literal["month", "year", "year_to_date"]
_PERIODS: dict[Kind, dict[Period, Period]] = {
    "month": {of: period for period, of in MONTHS.items()},
    "year": {of: period for period, of in YEARS.items()},
    "year_to_date": {of: period for period, of in TO_DATE.items()},
}


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report speaks of. first, last: its city days."""

    kind: Kind
    span: Span

    @property
    def first(self) -> date:
        return self.span.first

    @property
    def last(self) -> date:
        return self.span.last

    @property
    def reach(self) -> Interval:
        return self.span.reach

    @property
    def days(self) -> tuple[Interval, ...]:
        return tuple(self.reach.city_days())

    @property
    def row(self) -> Interval:
        """The day under whose start the rows of its days stand."""
        return Interval.city_day(datetime.combine(self.span.named, time(12), CITY_TIME))

    @property
    def settled(self) -> datetime:
        """The first moment at which its last day is shown."""
        return self.reach.end + SETTLED

    @property
    def before(self) -> Reported | None:
        """The month before; of years there is none but the year before."""
        if self.kind != "month":
            return None
        return Reported("month", month_of(self.first - DAY))

    @property
    def year_before(self) -> Reported:
        """The same of the year before; of a 29 February the 28th."""
        last = _year_earlier(self.last)
        if self.kind == "month":
            return Reported("month", month_of(last))
        return Reported(self.kind, year_of(last) if self.kind == "year" else year_to(last))

    def rows(
        self,
        *,
        store: Store,
        level: Level,
        subjects: Collection[str] | None = None,
        parameters: Collection[str] | None = None,
        part: Period = Period.DAY,
    ) -> pl.DataFrame:
        """Its aggregates. part: of whole days, or of sound's daytimes or nights."""
        return store.read_aggregates(
            self.row,
            period=_PERIODS[self.kind][part],
            level=level,
            subjects=None if subjects is None else list(subjects),
            parameters=None if parameters is None else list(parameters),
        )


def month_reported(day: date, now: datetime) -> Reported:
    """The month of a day. Raises ValueError when it is not over and settled."""
    found = Reported("month", month_of(day))
    if found.settled > now:
        raise ValueError(
            f"month {day:%Y-%m} is not over: it can be reported from "
            f"{found.settled.astimezone(CITY_TIME):%Y-%m-%d %H:%M}; take an earlier month"
        )
    return found


def year_reported(year: int, now: datetime) -> Reported:
    """A year, or as much of it as is over. Raises ValueError when not a day of it is."""
    whole = Reported("year", year_of(date(year, 1, 1)))
    if whole.settled <= now:
        return whole
    last = city_date(settled_day(now).start)
    if last.year != year:
        raise ValueError(f"year {year} has no day yet that is over; take an earlier year")
    return Reported("year_to_date", year_to(last))


def midnight(day: date) -> datetime:
    """When a city day begins, in UTC."""
    return datetime.combine(day, time(), CITY_TIME).astimezone(UTC)


def _year_earlier(day: date) -> date:
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap else day.day)
