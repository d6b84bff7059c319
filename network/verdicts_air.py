"""Verdicts on air: AQI with its items, AQHI, and the running means that they are taken of. Pure.

Of stations, subdistricts, districts and the city, by the functions that the views show. An item
that a place does not measure at all has no row of its own; that the index lacks it, the index says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from network.assessments_air import (
    HEALTH_HOURS,
    OZONE,
    AirAssessment,
    day_air,
    hour_air,
    hour_health,
    hour_mean,
    looks_back,
)
from network.assessments_rows import (
    INCOMPLETE,
    ITEMS_MISSING,
    NO_DATA,
    Place,
    Series,
    by_place,
    city_date,
    series,
)
from network.verdict_rows import Row, present, ruled, verdict
from schemas import Index, Interval, Level, Period, indices
from standards.air_means import HOURS

LEVELS = (Level.STATION, Level.SUBDISTRICT, Level.DISTRICT, Level.CITY)
POLLUTANTS = tuple(index.of for key, index in indices().items() if key.startswith("iaqi_"))
REACH = timedelta(hours=HOURS)  # no hour's verdict is made of more
FAMILIES = ("aqi", "ambient_air", "aqhi")
NO_INDEX = "no_index"  # the edition has none for so high a mean


@dataclass(frozen=True, slots=True)
class Touched:
    """Which hours' verdicts some hours take part in: AQI, AQHI, and running means by length."""

    index: frozenset[datetime]
    health: frozenset[datetime]
    running: Mapping[int, frozenset[datetime]]

    @property
    def every(self) -> frozenset[datetime]:
        return self.index.union(self.health, *self.running.values())


def touched_by(hours: Iterable[datetime]) -> Touched:
    """The hours themselves, and as many after each as the verdict of an hour looks back on."""
    begun = set(hours)
    ahead = {hour + timedelta(hours=n) for hour in begun for n in range(HOURS)}
    days = {city_date(hour): hour for hour in ahead}
    back = {day: looks_back(hour) for day, hour in days.items() if ruled(day, *FAMILIES)}

    def touched(length: int | None) -> frozenset[datetime]:
        """The hours whose verdict is made of so many; None: by the edition of each."""
        return frozenset(
            hour
            for hour in ahead
            for most in [back.get(city_date(hour))]
            if most is not None
            and any(hour - timedelta(hours=n) in begun for n in range(length or most))
        )

    lengths = {index.hours for index in _running() if index.hours}
    return Touched(touched(None), touched(HEALTH_HOURS), {n: touched(n) for n in lengths})


def hour_verdicts(hours: pl.DataFrame, touched: Touched) -> Iterator[Row]:
    """Of every place in the rows. hours: hourly rows of `POLLUTANTS`, from `REACH` before."""
    for place, own in by_place(hours.filter(pl.col("level").is_in(LEVELS))).items():
        values, there = series(own), present(own)
        for hour in sorted(touched.index & there.keys()):
            yield from _index(place, hour_air(values, hour), Period.HOUR, there[hour])
        for hour in sorted(touched.health & there.keys()):
            yield _health(place, values, hour)
        for index in _running():
            for hour in sorted(touched.running[index.hours or 0] & there.keys()):
                if index.of in there[hour]:
                    yield _mean(place, index, values, hour)


def day_verdicts(
    days: pl.DataFrame, ozone: pl.DataFrame, wanted: Iterable[Interval], areas: Mapping[str, int]
) -> Iterator[Row]:
    """Of every place in the rows. days: daily rows of `POLLUTANTS`; ozone: hourly ones of ozone.

    areas: class of GB 3095 by station; of every other place it is 2.
    """
    judged = [day for day in wanted if ruled(city_date(day.start), *FAMILIES)]
    hourly = {place: series(own) for place, own in by_place(ozone).items()}
    for place, own in by_place(days.filter(pl.col("level").is_in(LEVELS))).items():
        values, there, hours = series(own), present(own), hourly.get(place, {})
        for day in judged:
            if day.start in there:
                air = day_air(hours, values, day, area=areas.get(place[1], 2))
                yield from _index(place, air, Period.DAY, there[day.start])
                if OZONE in there[day.start]:
                    yield _largest(place, air, hours, day)


def _running() -> list[Index]:
    return [index for index in indices().values() if index.kind == "running" and index.hours]


def _index(place: Place, air: AirAssessment, period: Period, there: set[str]) -> Iterator[Row]:
    wanted = (*air.means, *air.missing)
    yield verdict(
        *place,
        "aqi",
        period,
        air.start,
        value=air.aqi,
        count=len(air.means),
        expected=len(wanted),
        reason=air.reason,
        edition=air.edition,
    )
    for parameter in sorted(there):
        own = [item for item in wanted if item.partition("_")[0] == parameter]
        if own:
            yield _item(place, air, period, parameter, own)


def _item(
    place: Place, air: AirAssessment, period: Period, parameter: str, own: Sequence[str]
) -> Row:
    """The largest of a pollutant's items: HJ 633-2012 has two of ozone."""
    known = [item for item in own if item in air.means]
    values = [index for item in known if (index := air.items[item]) is not None]
    reason = ITEMS_MISSING if len(known) < len(own) else "" if values else NO_INDEX
    return verdict(
        *place,
        f"iaqi_{parameter}",
        period,
        air.start,
        value=max(values, default=None),
        count=len(known),
        expected=len(own),
        reason=reason if known else NO_DATA,
        edition=air.edition,
    )


def _health(place: Place, values: Series, hour: datetime) -> Row:
    health = hour_health(values, hour)
    return verdict(
        *place,
        "aqhi",
        Period.HOUR,
        hour,
        value=health.band,
        count=len(health.means),
        expected=len(health.means) + len(health.missing),
        reason=health.reason,
        edition=health.edition,
    )


def _mean(place: Place, index: Index, values: Series, hour: datetime) -> Row:
    mean = hour_mean(values, index.of, hour, index.hours or 1)
    return verdict(
        *place,
        index.key,
        Period.HOUR,
        hour,
        value=mean.value,
        count=mean.count,
        expected=mean.hours,
        reason=mean.reason,
        edition=mean.edition,
    )


def _largest(place: Place, air: AirAssessment, hours: Series, day: Interval) -> Row:
    item = f"{OZONE}_8h_max"
    found = [at for at in hours.get(OZONE, {}) if day.start <= at < day.end]
    return verdict(
        *place,
        item,
        Period.DAY,
        day.start,
        value=air.means.get(item),
        count=len(found),
        expected=HOURS,
        reason="" if item in air.means else INCOMPLETE if found else NO_DATA,
        edition=air.edition,
    )
