"""Sound of the last whole day: attainment by functional zone, day and night."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from network.assessments import (
    Attainment,
    NoiseVerdict,
    attainment,
    city_date,
    noise_day,
    zones_of,
)
from network.views.days import settled_day
from schemas import Interval, Level, Period
from schemas.registry import Station
from standards import Edition, edition
from storage import Store


@dataclass(frozen=True, slots=True)
class ZoneNoise:
    """One functional zone. name: the standard's."""

    zone: str
    name: str
    day: Attainment
    night: Attainment


@dataclass(frozen=True, slots=True)
class NoiseView:
    """Zones of a set of stations on one day; day, night: over all zones."""

    on: date
    edition: str
    day: Attainment
    night: Attainment
    zones: tuple[ZoneNoise, ...]
    verdicts: tuple[NoiseVerdict, ...]


def noise_view(stations: Iterable[Station], *, store: Store, now: datetime) -> NoiseView:
    """The last day whose night is over."""
    day = settled_day(now, Period.NIGHT)
    return noise_of(noise_verdicts(stations, day, store=store), day)


def noise_of(verdicts: tuple[NoiseVerdict, ...], day: Interval) -> NoiseView:
    """What the verdicts of a day come to."""
    standard = edition("noise_quality", on=city_date(day.start))
    return NoiseView(
        on=city_date(day.start),
        edition=standard.id,
        day=attainment(verdicts, "day"),
        night=attainment(verdicts, "night"),
        zones=by_zone(verdicts, standard),
        verdicts=verdicts,
    )


def by_zone(verdicts: Iterable[NoiseVerdict], standard: Edition) -> tuple[ZoneNoise, ...]:
    """The rates of each zone that occurs, in the standard's order and with its names."""
    verdicts, names = tuple(verdicts), standard.tables["zones"]
    return tuple(
        ZoneNoise(
            zone,
            names.get(zone, zone),
            attainment(verdicts, "day", zone),
            attainment(verdicts, "night", zone),
        )
        for zone in zones_of(verdicts)
    )


def noise_verdicts(
    stations: Iterable[Station], day: Interval, *, store: Store
) -> tuple[NoiseVerdict, ...]:
    """Ld and Ln of a day for those of the stations that stand for a zone."""
    parts = [
        store.read_aggregates(day, period=period, level=Level.STATION, parameters=["laeq"])
        for period in (Period.DAYTIME, Period.NIGHT)
    ]
    return noise_day(pl.concat(parts), stations, day)
