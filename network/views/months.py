"""Months beside each other: the last whole one, the one before, and the same of the year before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from network.assessments import city_date, series
from network.assessments_rows import by_place
from network.views.days import settled_day
from schemas import CITY_TIME, Interval, Level, Period
from standards.rounding import revise
from storage import Store


@dataclass(frozen=True, slots=True)
class MonthFigure:
    """The mean of a month, in the parameter's unit, one decimal; None without a valid month.

    on_month (环比), on_year (同比): change in percent, one decimal; None when either is not valid.
    """

    month: date
    mean: Decimal | None
    on_month: Decimal | None
    on_year: Decimal | None


def months_of(
    parameter: str, level: Level, subjects: Collection[str], *, store: Store, now: datetime
) -> dict[str, MonthFigure]:
    """The last whole month of each place that has a month at all."""
    month = _month_before(city_date(settled_day(now).end))
    before, year_before = _month_before(month), month.replace(year=month.year - 1)
    rows = store.read_aggregates(
        Interval(_midnight(year_before), _midnight(month) + timedelta(days=1)),
        period=Period.MONTH,
        level=level,
        subjects=list(subjects),
        parameters=[parameter],
    )
    found = {}
    for (_, subject), own in by_place(rows).items():
        means = series(own).get(parameter, {})
        mean = means.get(_midnight(month))
        found[subject] = MonthFigure(
            month=month,
            mean=None if mean is None else revise(mean, 1),
            on_month=_percent(mean, means.get(_midnight(before))),
            on_year=_percent(mean, means.get(_midnight(year_before))),
        )
    return found


def _percent(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    return None if now is None or not before else revise(100 * (now - before) / before, 1)


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CITY_TIME).astimezone(UTC)
