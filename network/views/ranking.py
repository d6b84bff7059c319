"""The league table of districts and subdistricts: air and sound of the last whole day, and change.

A place is ranked by its daily AQI, and only when that is valid: an index that lacks an item could
be better than it is. Equal indices share a rank.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from network.assessments import AirAssessment, Attainment, NoiseVerdict, attainment, city_date
from network.views.air import air_of_day
from network.views.days import day_before, settled_day
from network.views.months import MonthFigure, months_of
from network.views.noise import noise_verdicts
from registry import Registry
from schemas import Level, Period
from schemas.registry import Place, Station
from storage import Store

PARTICULATES = "pm25"


@dataclass(frozen=True, slots=True)
class RankLine:
    """One place. Changes are against the day before; None where either day cannot be said.

    pm25: daily mean as reported. noise_change: of the rate, in percentage points, by part.
    """

    place: str
    rank: int | None
    air: AirAssessment
    aqi_change: int | None
    pm25: Decimal | None
    pm25_change: Decimal | None
    month: MonthFigure | None
    noise_day: Attainment
    noise_night: Attainment
    day_change: Decimal | None
    night_change: Decimal | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """air_on, noise_on: the days; a night is over only at 06:00, so they may differ."""

    air_on: date
    noise_on: date
    edition: str
    districts: tuple[RankLine, ...]
    subdistricts: tuple[RankLine, ...]


def ranking(*, store: Store, registry: Registry, now: datetime) -> Ranking:
    """All districts and subdistricts, the best first, those that cannot be ranked last."""
    day, night = settled_day(now), settled_day(now, Period.NIGHT)
    places, stations = registry.places().values(), list(registry.stations().values())
    verdicts = [noise_verdicts(stations, each, store=store) for each in (night, day_before(night))]
    tables = {}
    for level in (Level.DISTRICT, Level.SUBDISTRICT):
        own = [place for place in places if place.kind == str(level)]
        names = [place.id for place in own]
        air, before = (
            air_of_day(level, names, each, store=store) for each in (day, day_before(day))
        )
        months = months_of(PARTICULATES, level, names, store=store, now=now)
        lines = [
            _line(
                place,
                (air[place.id], before[place.id]),
                [_of_place(place, stations, each) for each in verdicts],
                months.get(place.id),
            )
            for place in own
        ]
        tables[level] = _ranked(lines)
    editions = {line.air.edition for table in tables.values() for line in table}
    return Ranking(
        air_on=city_date(day.start),
        noise_on=city_date(night.start),
        edition=", ".join(sorted(editions)),
        districts=tables[Level.DISTRICT],
        subdistricts=tables[Level.SUBDISTRICT],
    )


def _line(
    place: Place,
    air: tuple[AirAssessment, AirAssessment],
    noise: Collection[list[NoiseVerdict]],
    month: MonthFigure | None,
) -> RankLine:
    now, before = air
    pm25, pm25_before = (each.means.get(PARTICULATES) for each in air)
    change = None
    if now.valid and before.valid and now.aqi is not None and before.aqi is not None:
        change = now.aqi - before.aqi
    (day, day_was), (night, night_was) = (
        [attainment(verdicts, part) for verdicts in noise] for part in ("day", "night")
    )
    return RankLine(
        place=place.id,
        rank=None,
        air=now,
        aqi_change=change,
        pm25=pm25,
        pm25_change=_difference(pm25, pm25_before),
        month=month,
        noise_day=day,
        noise_night=night,
        day_change=_difference(day.rate, day_was.rate),
        night_change=_difference(night.rate, night_was.rate),
    )


def _of_place(
    place: Place, stations: Collection[Station], verdicts: Collection[NoiseVerdict]
) -> list[NoiseVerdict]:
    own = {s.id for s in stations if place.id in (s.district, s.subdistrict)}
    return [verdict for verdict in verdicts if verdict.station in own]


def _difference(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    return None if now is None or before is None else now - before


def _ranked(lines: list[RankLine]) -> tuple[RankLine, ...]:
    def index(line: RankLine) -> int:
        return line.air.aqi if line.air.aqi is not None else 10**6

    valid = sorted((line for line in lines if line.air.valid), key=index)
    others = sorted((line for line in lines if not line.air.valid), key=index)
    first: Mapping[int, int] = {
        index(line): at for at, line in reversed(list(enumerate(valid, start=1)))
    }
    ranked = [replace(line, rank=first[index(line)]) for line in valid]
    return (*ranked, *others)
