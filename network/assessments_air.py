"""Air of one place: AQI of an hour and of a day, and the health index. Pure.

Which means an index is taken of is the edition's business (HJ 633): its items name a parameter and
a kind of mean, and the kinds are here. An index that lacks an item is a lower bound, since another
item could only raise it: it carries what is missing, and is not valid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from network.assessments_rows import INCOMPLETE, ITEMS_MISSING, NO_DATA, Series, city_date
from schemas import Interval
from standards import Edition, edition
from standards.air_means import HOURS, Values, daily_max_8h, running_mean
from standards.ambient_air import companion, limit
from standards.aqhi import aqhi
from standards.aqi import Category, Scale, aqi, items, reported

OZONE = "o3"
HEALTH_HOURS = 3  # mean of three hours (tables/aqhi-hk.yaml); three quarters of three is all three


@dataclass(frozen=True, slots=True)
class AirAssessment:
    """AQI of one place and hour or day.

    aqi: None when no item has a mean. means: as reported, ug/m3 (CO mg/m3). items: IAQI, None where
    the edition gives none. missing: items without a valid mean. reason: why not valid.
    """

    start: datetime
    scale: Scale
    edition: str
    aqi: int | None
    category: Category | None
    primary: tuple[str, ...]
    means: Mapping[str, Decimal]
    items: Mapping[str, int | None]
    missing: tuple[str, ...]
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class HealthAssessment:
    """AQHI of one place, of the three hours that end with the given one.

    aqhi: 1 to 10, or 10+; None when a pollutant is lacking. band: the same as 1 to 11. risk: key of
    the category.
    """

    start: datetime
    edition: str
    aqhi: str | None
    band: int | None
    risk: str | None
    risk_names: Mapping[str, str]
    means: Mapping[str, Decimal]
    missing: tuple[str, ...]
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class RunningMean:
    """The mean of some hours that end with one. count: of them with a valid value."""

    start: datetime
    edition: str
    value: Decimal | None
    count: int
    hours: int
    valid: bool
    reason: str


def hour_air(hours: Series, hour: datetime) -> AirAssessment:
    """The real-time AQI of an hour. hours: hourly values of the place, 24 of them for 2012."""
    standard = edition("aqi", on=city_date(hour))
    rules = _rules(hour)

    def mean(parameter: str, kind: str) -> Decimal | None:
        if kind == "1h":
            return hours.get(parameter, {}).get(hour)
        last = _hours(hours, parameter, hour, HOURS)
        return running_mean(last, HOURS, rules.tables["minimum"]["hours_a_day"])[-1]

    return _assessed(hour, standard, "hourly", mean)


def day_air(
    hours: Series, days: Series, day: Interval, *, area: int = 2, named: str | None = None
) -> AirAssessment:
    """The AQI of a city day.

    hours, days: hourly and daily values of the place; ozone comes from the hours. area: class of
    GB 3095, for the limit above which a short day of ozone counts. named: an edition of HJ 633
    other than that of the day.
    """
    on = city_date(day.start)
    standard, rules = edition("aqi", on=on, named=named), _rules(day.start)

    def mean(parameter: str, kind: str) -> Decimal | None:
        if not kind:
            return days.get(parameter, {}).get(day.start)
        hourly = _hours(hours, parameter, day.end - timedelta(hours=1), HOURS)
        if kind == "8h_max":
            most = limit(parameter, kind, area=area, on=on).value
            return daily_max_8h(hourly, rules, most)
        found = [value for value in hourly if value is not None]
        enough = len(found) >= rules.tables["minimum"]["hours_a_day"]
        return max(found) if enough else None

    return _assessed(day.start, standard, "daily", mean)


def hour_health(hours: Series, hour: datetime) -> HealthAssessment:
    """The AQHI of the hours that end with the given one. hours: hourly values of the place."""
    standard = edition("aqhi", on=city_date(hour))
    found: dict[str, Decimal] = {}
    for parameter in standard.tables["beta"]:
        mean = hour_mean(hours, parameter, hour, HEALTH_HOURS)
        if mean.value is not None:
            found[parameter] = mean.value
    index = aqhi(found, standard)
    return HealthAssessment(
        start=hour,
        edition=standard.id,
        aqhi=index.aqhi if index else None,
        band=index.band if index else None,
        risk=index.risk if index else None,
        risk_names=dict(index.risk_names) if index else {},
        means=found,
        missing=tuple(name for name in standard.tables["beta"] if name not in found),
        valid=index is not None,
        reason=_reason(bool(found), index is None),
    )


def hour_mean(hours: Series, parameter: str, last: datetime, length: int) -> RunningMean:
    """The mean of so many hours of a pollutant: of those that HJ 663 asks for, else of them all."""
    rules = _rules(last)
    values = _hours(hours, parameter, last, length)
    count = sum(value is not None for value in values)
    least = rules.tables["minimum"].get(f"hours_of_{length}", length)
    mean = running_mean(values, length, least)[-1]
    short = INCOMPLETE if count else NO_DATA
    return RunningMean(
        start=last,
        edition=rules.id,
        value=mean,
        count=count,
        hours=length,
        valid=mean is not None,
        reason=short if mean is None else "",
    )


def looks_back(hour: datetime) -> int:
    """How many hours the AQI of an hour is made of, itself among them: by its edition 1, or 24."""
    kinds = {item.partition("_")[2] for item in items(edition("aqi", on=city_date(hour)), "hourly")}
    return 1 if kinds == {"1h"} else HOURS


def day_item(parameter: str) -> str:
    """The item of a day that stands for a pollutant: ozone's is its largest eight-hour mean."""
    return f"{OZONE}_8h_max" if parameter == OZONE else parameter


def _assessed(
    start: datetime,
    standard: Edition,
    scale: Scale,
    mean: Callable[[str, str], Decimal | None],
) -> AirAssessment:
    wanted = items(standard, scale)
    means: dict[str, Decimal] = {}
    for item in wanted:
        parameter, _, kind = item.partition("_")
        value = mean(parameter, kind)
        if value is not None:
            means[item] = reported(item, value, standard, scale)
    index = aqi(means, standard, scale)
    missing = tuple(item for item in wanted if item not in means)
    return AirAssessment(
        start=start,
        scale=scale,
        edition=standard.id,
        aqi=index.aqi,
        category=index.category,
        primary=index.primary,
        means=means,
        items=index.items,
        missing=missing,
        valid=index.aqi is not None and not missing,
        reason=_reason(index.aqi is not None, bool(missing)),
    )


def _reason(any_found: bool, lacking: bool) -> str:
    if not any_found:
        return NO_DATA
    return ITEMS_MISSING if lacking else ""


def _rules(moment: datetime) -> Edition:
    return companion(edition("ambient_air", on=city_date(moment)))


def _hours(hours: Series, parameter: str, last: datetime, count: int) -> Values:
    """So many hourly values, the given hour's the last, missing ones as None."""
    own = hours.get(parameter, {})
    return [own.get(last - timedelta(hours=back)) for back in reversed(range(count))]
