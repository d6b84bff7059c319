"""A calendar of days: the index of a place, or the daily value of one pollutant with its index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from network.assessments import (
    NO_DATA,
    AirAssessment,
    city_date,
    day_air,
    day_item,
    series,
)
from network.views.air import POLLUTANTS
from network.views.days import day_before, days_back, settled_day
from schemas import Interval, Level, Period
from standards import edition
from standards.aqi import Category, category
from storage import Store

INDEX = "aqi"
CHOICES = (INDEX, *POLLUTANTS)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day. value: the index, or the pollutant's daily value as reported. index: AQI or IAQI.

    valid: whether the value may be taken at its word; an index that is not is a lower bound.
    """

    day: date
    value: Decimal | None
    index: int | None
    category: Category | None
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CalendarView:
    parameter: str
    level: str
    subject: str
    days: tuple[CalendarDay, ...]


def calendar_view(
    parameter: str, level: Level, subject: str, *, store: Store, now: datetime, count: int
) -> CalendarView:
    """So many days up to the last whole one. parameter: one of `CHOICES`.

    Raises ValueError for any other parameter.
    """
    if parameter not in CHOICES:
        raise ValueError(f"no calendar of {parameter!r}; there are: {', '.join(CHOICES)}")
    last = settled_day(now)
    window = Interval(day_before(last, count - 1).start, last.end)
    days = store.read_aggregates(
        window, period=Period.DAY, level=level, subjects=[subject], parameters=POLLUTANTS
    )
    ozone = store.read_aggregates(
        window, period=Period.HOUR, level=level, subjects=[subject], parameters=["o3"]
    )
    daily, hourly = series(days), series(ozone)
    found = []
    for day in days_back(last, count):
        air = day_air(hourly, daily, day)
        found.append(calendar_day(parameter, air))
    return CalendarView(parameter, str(level), subject, tuple(found))


def calendar_day(parameter: str, air: AirAssessment) -> CalendarDay:
    """A day as a calendar shows it. parameter: one of `CHOICES`."""
    on = city_date(air.start)
    if parameter == INDEX:
        value = None if air.aqi is None else Decimal(air.aqi)
        return CalendarDay(on, value, air.aqi, air.category, air.valid, air.reason)
    item = day_item(parameter)
    value, index = air.means.get(item), air.items.get(item)
    if value is None:
        return CalendarDay(on, None, None, None, False, NO_DATA)
    found = None if index is None else category(index, edition("aqi", on=on))
    return CalendarDay(on, value, index, found, True, "")
