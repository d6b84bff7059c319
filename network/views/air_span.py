"""The air of a place over a month or a year: days by category, pollutants, primary pollutants.

A month has no limit of its own. What the standard limits is the day and the year: the days above
the daily limit are counted, each by the edition of its date. Ozone and CO are shown by the
percentile by which HJ 663 judges a year, all others by their mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from network.assessments import (
    INCOMPLETE,
    NO_DATA,
    AirAssessment,
    Series,
    city_date,
    day_air,
    day_item,
    series,
)
from network.hours import minimum_data
from network.periods import year_of
from network.views.air import POLLUTANTS
from network.views.spans import Reported
from schemas import Level, Period
from standards import Edition, edition
from standards.air_means import percentile
from standards.air_year import Year, assess_year
from standards.ambient_air import Limit, attainment, limit
from standards.aqi import Category
from standards.rounding import exact, revise
from storage import Store

DAYS_OF_A_MONTH = 31
NOT_AGGREGATED = "not_aggregated"  # there are days, and no row of the span yet


@dataclass(frozen=True, slots=True)
class AirDays:
    """The days of a span by the categories of one edition, best first.

    edition: by which the days were judged; empty when each was by that of its own date. judged:
    days with a valid index. bounds: days whose index lacks an item, without: days with none.
    good: days of the first two categories, good_rate: percent of those judged, one decimal. Valid
    with as many days as HJ 663 asks for of a mean.
    """

    edition: str
    counts: tuple[tuple[Category, int], ...]
    judged: int
    bounds: int
    without: int
    good: int
    good_rate: Decimal | None
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PollutantSpan:
    """One pollutant over a span, in ug/m3 (CO mg/m3).

    percent: of the percentile that `value` is, None of a mean. value: one decimal, also when it is
    not valid. days: with a valid daily value. over: of them, above the daily limit; limits: those
    that held, each with its first day, in order. on_before, on_year: change in percent, one
    decimal.
    """

    parameter: str
    item: str
    percent: int | None
    value: Decimal | None
    days: int
    highest: Decimal | None
    highest_on: date | None
    over: int
    limits: tuple[tuple[date, Limit], ...]
    on_before: Decimal | None
    on_year: Decimal | None
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class AirSpan:
    """days: every day, in order. by_day: by the edition of each; by_edition: all of them by each of
    those that held, where there are several. before, year_before: of the spans compared with.

    primary: on how many days a pollutant was the primary one, most often first. worst: the day of
    the largest index. years: of a whole year, each pollutant by each edition.
    """

    level: str
    subject: str
    days: tuple[AirAssessment, ...]
    by_day: AirDays
    by_edition: tuple[AirDays, ...]
    before: AirDays | None
    year_before: AirDays
    pollutants: tuple[PollutantSpan, ...]
    primary: tuple[tuple[str, int], ...]
    worst: AirAssessment | None
    years: tuple[Year, ...]


@dataclass(frozen=True, slots=True)
class _Days:
    """What a span's days are made of. values: by item of a day and date, as they were measured."""

    reported: Reported
    hourly: Series
    daily: Series
    air: tuple[AirAssessment, ...]
    values: Mapping[str, Mapping[date, Decimal]]
    periods: Mapping[str, Mapping[str, Any]]


def air_span(level: Level, subject: str, span: Reported, *, store: Store) -> AirSpan:
    """The air of an area over a span, beside the span before and that of the year before."""
    now = _days(level, subject, span, store)
    year = _days(level, subject, span.year_before, store)
    before = None if span.before is None else _days(level, subject, span.before, store)
    editions = list(dict.fromkeys(day.edition for day in now.air))
    counted = Counter(item for day in now.air for item in day.primary)
    indexed = [day for day in now.air if day.aqi is not None]
    return AirSpan(
        level=str(level),
        subject=subject,
        days=now.air,
        by_day=_air_days(now.air),
        by_edition=tuple(
            _air_days([day_air(now.hourly, now.daily, day, named=name) for day in span.days], name)
            for name in editions
            if len(editions) > 1
        ),
        before=None if before is None else _air_days(before.air),
        year_before=_air_days(year.air),
        pollutants=tuple(_pollutant(key, now, before, year) for key in POLLUTANTS),
        primary=tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))),
        worst=max(indexed, key=lambda day: (day.aqi or 0, day.valid), default=None),
        years=tuple(
            found
            for key in POLLUTANTS
            for found in assess_year(key, now.values.get(day_item(key), {}), span.first.year)
            if span.kind == "year"
        ),
    )


def _days(level: Level, subject: str, span: Reported, store: Store) -> _Days:
    days = store.read_aggregates(
        span.reach, period=Period.DAY, level=level, subjects=[subject], parameters=POLLUTANTS
    )
    ozone = store.read_aggregates(
        span.reach, period=Period.HOUR, level=level, subjects=[subject], parameters=["o3"]
    )
    daily, hourly = series(days), series(ozone)
    air = tuple(day_air(hourly, daily, day) for day in span.days)
    whole = span.rows(store=store, level=level, subjects=[subject], parameters=POLLUTANTS)
    periods = {row["parameter"]: row for row in whole.iter_rows(named=True)}
    return _Days(span, hourly, daily, air, _values(air, daily), periods)


def _values(air: Iterable[AirAssessment], daily: Series) -> dict[str, dict[date, Decimal]]:
    """Means of a day as they are stored; ozone's largest 8 h mean, which is not, as reported."""
    found: dict[str, dict[date, Decimal]] = {}
    for day in air:
        for key in POLLUTANTS:
            item = day_item(key)
            value = daily.get(key, {}).get(day.start) if item == key else day.means.get(item)
            if value is not None:
                found.setdefault(item, {})[city_date(day.start)] = value
    return found


def _air_days(air: Sequence[AirAssessment], name: str = "") -> AirDays:
    standard = edition("aqi", named=air[-1].edition)
    judged = [day for day in air if day.valid and day.aqi is not None]
    bounds = sum(day.aqi is not None and not day.valid for day in air)
    good = sum((day.aqi or 0) <= standard.tables["exceeding_above"] for day in judged)
    reason = "" if len(judged) >= _least(air) else INCOMPLETE if judged else NO_DATA
    return AirDays(
        edition=name,
        counts=tuple(
            (
                found,
                sum(
                    day.category is not None and day.category.level == found.level for day in judged
                ),
            )
            for found in _categories(standard)
        ),
        judged=len(judged),
        bounds=bounds,
        without=len(air) - len(judged) - bounds,
        good=good,
        good_rate=revise(Decimal(100 * good) / len(judged), 1) if judged else None,
        valid=not reason,
        reason=reason,
    )


def _categories(standard: Edition) -> Iterator[Category]:
    for entry in standard.tables["categories"]:
        yield Category(entry["level"], entry["zh"], entry["en"], tuple(entry["rgb"]))


def _least(air: Sequence[AirAssessment]) -> int:
    """Of so many days as many as HJ 663 asks for of a mean: the month's 27, the year's share."""
    last = city_date(air[-1].start)
    minimum = minimum_data(last).tables["minimum"]
    if len(air) <= DAYS_OF_A_MONTH:
        return int(minimum["days_a_february" if last.month == 2 else "days_a_month"])
    return -(-len(air) * int(minimum["days_a_year"]) // year_of(last).days)


def _pollutant(key: str, now: _Days, before: _Days | None, year: _Days) -> PollutantSpan:
    item, own = day_item(key), now.values.get(day_item(key), {})
    last = now.reported.last
    rule = minimum_data(last).tables["annual"][key]
    percent = None if rule["mean"] else int(rule["percentile"])
    value, valid, reason = _statistic(key, percent, now)
    highest_on = max(own, key=lambda day: (own[day], -day.toordinal()), default=None)
    limits = {day: limit(key, rule["period"], on=day) for day in _dates(now)}
    return PollutantSpan(
        parameter=key,
        item=item,
        percent=percent,
        value=None if value is None else revise(value, 1),
        days=len(own),
        highest=None if highest_on is None else revise(own[highest_on], 1),
        highest_on=highest_on,
        over=sum(attainment(own[day], limits[day]).attains is False for day in own),
        limits=_runs(limits),
        on_before=_change(key, percent, value if valid else None, before),
        on_year=_change(key, percent, value if valid else None, year),
        valid=valid,
        reason=reason,
    )


def _runs(limits: Mapping[date, Limit]) -> tuple[tuple[date, Limit], ...]:
    first: dict[Limit, date] = {}
    for day, each in limits.items():
        first.setdefault(each, day)
    return tuple((day, each) for each, day in first.items())


def _statistic(key: str, percent: int | None, of: _Days) -> tuple[Decimal | None, bool, str]:
    """The stored mean, or the percentile of the daily values; whether it is valid; why not."""
    if percent is None:
        row = of.periods.get(key)
        if row is None:
            return None, False, NOT_AGGREGATED if of.values.get(key) else NO_DATA
        value = None if row["value"] is None else exact(row["value"])
        return value, bool(row["valid"]), str(row["reason"])
    own = list(of.values.get(day_item(key), {}).values())
    if not own:
        return None, False, NO_DATA
    enough = len(own) >= _least(of.air)
    return percentile(own, percent), enough, "" if enough else INCOMPLETE


def _change(
    key: str, percent: int | None, value: Decimal | None, then: _Days | None
) -> Decimal | None:
    if value is None or then is None:
        return None
    was, valid, _ = _statistic(key, percent, then)
    return revise(100 * (value - was) / was, 1) if valid and was else None


def _dates(of: _Days) -> Iterator[date]:
    return (city_date(day.start) for day in of.reported.days)
