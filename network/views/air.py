"""The air of a place: index now, by hour and of the last day; the health index beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from network.assessments import (
    AirAssessment,
    HealthAssessment,
    by_place,
    day_air,
    hour_air,
    hour_health,
    series,
)
from network.views.days import newest_hour, settled_day
from schemas import Interval, Level, Period
from storage import Store

POLLUTANTS = ("pm25", "pm10", "so2", "no2", "co", "o3")
HOURS_SHOWN = 24
HOURS_NEEDED = timedelta(hours=2 * HOURS_SHOWN)  # an hour's index may look a day back (HJ 633-2012)


@dataclass(frozen=True, slots=True)
class IndexPoint:
    """The indices of one hour; aqi a lower bound where it is not valid. rgb: of its category."""

    start: datetime
    aqi: int | None
    rgb: tuple[int, int, int] | None
    valid: bool
    aqhi: str | None


@dataclass(frozen=True, slots=True)
class AirView:
    """now: of the newest hour. last_day: of the last whole one. hours: the last 24, in order."""

    level: str
    subject: str
    now: AirAssessment
    health: HealthAssessment
    last_day: AirAssessment
    hours: tuple[IndexPoint, ...]


def air_view(level: Level, subject: str, *, store: Store, now: datetime, area: int = 2) -> AirView:
    """The air of a station or area. area: its class by GB 3095."""
    day = settled_day(now)
    rows = store.read_aggregates(
        Interval(min(day.start, now - HOURS_NEEDED), now),
        period=Period.HOUR,
        level=level,
        subjects=[subject],
        parameters=POLLUTANTS,
    )
    hours, newest = series(rows), newest_hour(rows, now)
    days = days_of_air(level, [subject], day, store=store).get(subject)
    points = []
    for back in reversed(range(HOURS_SHOWN)):
        start = newest - timedelta(hours=back)
        index, health = hour_air(hours, start), hour_health(hours, start)
        rgb = index.category.rgb if index.category else None
        points.append(IndexPoint(start, index.aqi, rgb, index.valid, health.aqhi))
    return AirView(
        level=str(level),
        subject=subject,
        now=hour_air(hours, newest),
        health=hour_health(hours, newest),
        last_day=day_air(hours, {} if days is None else series(days), day, area=area),
        hours=tuple(points),
    )


def days_of_air(
    level: Level, subjects: Collection[str], day: Interval, *, store: Store
) -> Mapping[str, pl.DataFrame]:
    """Daily rows of the pollutants, by place of one level."""
    rows = store.read_aggregates(
        day, period=Period.DAY, level=level, subjects=list(subjects), parameters=POLLUTANTS
    )
    return {subject: own for (_, subject), own in by_place(rows).items()}


def air_of_day(
    level: Level, subjects: Collection[str], day: Interval, *, store: Store
) -> dict[str, AirAssessment]:
    """The daily index of many places of one level, each of them in the answer."""
    hourly = store.read_aggregates(
        day, period=Period.HOUR, level=level, subjects=list(subjects), parameters=["o3"]
    )
    hours = {subject: own for (_, subject), own in by_place(hourly).items()}
    days = days_of_air(level, subjects, day, store=store)
    return {
        subject: day_air(
            series(hours[subject]) if subject in hours else {},
            series(days[subject]) if subject in days else {},
            day,
        )
        for subject in subjects
    }
