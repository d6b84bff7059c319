"""A year of ambient air after HJ 663: valid days, annual mean, percentile, and whether they attain.

A pollutant attains in a year when its annual mean (not CO, not ozone) and its percentile of daily
values both do (HJ 663-2013, 5). A year over which the edition changed is judged by each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from standards.air_means import percentile
from standards.ambient_air import Attainment, attainment, companion, in_force, limit
from standards.editions import Edition

Daily = Mapping[date, Decimal | None]


@dataclass(frozen=True, slots=True)
class Year:
    """The assessment of one pollutant in one year by one edition.

    days: valid ones. lacking: what is too little data for a valid year, empty if none. mean,
    percentile: None where the edition has no such limit, or without a valid year. attains: None
    when it cannot be said.
    """

    parameter: str
    year: int
    edition: str
    days: int
    lacking: tuple[str, ...]
    mean: Attainment | None
    percentile: Attainment | None
    attains: bool | None


def assess_year(parameter: str, daily: Daily, year: int, *, area: int = 2) -> tuple[Year, ...]:
    """Assess a year by every edition that held in it, the earlier first.

    daily: valid daily means in ug/m3 (CO mg/m3), for ozone daily maxima of the 8 h mean; days of
    other years are passed over. Raises ValueError for a parameter that HJ 663 does not assess.
    """
    return tuple(
        assess_year_by(found, parameter, daily, year, area=area) for found in in_force(year)
    )


def assess_year_by(
    standard: Edition, parameter: str, daily: Daily, year: int, *, area: int = 2
) -> Year:
    """Assess a year by one edition of GB 3095, whether or not it held; limits of the year's end."""
    rules = companion(standard)
    rule = rules.tables["annual"].get(parameter)
    if rule is None:
        raise ValueError(f"{rules.id} does not assess {parameter!r} by year")
    values = {day: v for day, v in daily.items() if day.year == year and v is not None}
    lacking = lacking_days(list(values), year, rules)
    mean = high = None
    if not lacking:
        last = date(year, 12, 31)
        numbers = list(values.values())
        against = limit(parameter, rule["period"], area=area, on=last, named=standard.id)
        high = attainment(percentile(numbers, rule["percentile"]), against, kind="statistics")
        if rule["mean"]:
            against = limit(parameter, "year", area=area, on=last, named=standard.id)
            average = sum(numbers, Decimal(0)) / len(numbers)
            mean = attainment(average, against, kind="statistics")
    return Year(
        parameter=parameter,
        year=year,
        edition=standard.id,
        days=len(values),
        lacking=lacking,
        mean=mean,
        percentile=high,
        attains=_both(mean, high),
    )


def lacking_days(days: list[date], year: int, rules: Edition) -> tuple[str, ...]:
    """What a year's valid days lack (GB 3095, table 4): 324 a year, 27 a month, 25 in February."""
    minimum = rules.tables["minimum"]
    found = []
    if len(days) < minimum["days_a_year"]:
        found.append(f"{year}: {len(days)} valid days of {minimum['days_a_year']}")
    for month in range(1, 13):
        needed = minimum["days_a_february"] if month == 2 else minimum["days_a_month"]
        there = sum(day.month == month for day in days)
        if there < needed:
            found.append(f"{year}-{month:02}: {there} valid days of {needed}")
    return tuple(found)


def _both(mean: Attainment | None, high: Attainment | None) -> bool | None:
    if high is None:
        return None
    verdicts = [high.attains, mean.attains if mean else True]
    if False in verdicts:
        return False
    return None if None in verdicts else True
