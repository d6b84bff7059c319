"""Verdicts on water: classes of sections, basins and bays, and shares of sections. Pure.

A class is its place in the standard's order: 1 = I, the last = worse than the worst class. A basin
of few sections has the class of their mean; one of many has only its state (1 = excellent).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal

import polars as pl

from network.assessments_rows import by_place, city_date, series
from network.assessments_water import (
    RIVERS,
    BasinAssessment,
    SectionShare,
    WaterAssessment,
    basin_day,
    bay_day,
    good_share,
    target_share,
    water_day,
)
from network.verdict_rows import Row, present, ruled, verdict
from schemas import Interval, Level, Medium, Period
from schemas.registry import Station
from standards import Edition, edition

BY_SHARES = "by_shares"  # many sections: no class of a mean
FAMILIES = ("surface_water", "sea_water")


def is_section(station: Station) -> bool:
    return station.medium == Medium.WATER and station.kind in RIVERS


def at_sea(station: Station) -> bool:
    return station.realm == "sea" and station.bay is not None


def water_verdicts(
    days: pl.DataFrame,
    stations: Iterable[Station],
    expected: Mapping[str, Collection[str]],
    wanted: Iterable[Interval],
) -> Iterator[Row]:
    """Of every station that has been heard, and of its areas.

    days: daily rows of stations. expected: what the sensors in use at each measure.
    """
    every = [station for station in stations if is_section(station) or at_sea(station)]
    own = {subject: (series(part), present(part)) for (_, subject), part in by_place(days).items()}
    for day in wanted:
        if not ruled(city_date(day.start), *FAMILIES):
            continue
        judged = {
            str(s.id): water_day(own[s.id][0] if s.id in own else {}, s, expected[s.id], day)
            for s in every
        }
        heard = {s.id for s in every if s.id in own and own[s.id][1].get(day.start)}
        for station in every:
            if station.id in heard:
                yield _class(station, judged[station.id], day)
        for (level, place, family), members in _areas(every).items():
            if heard.intersection(members):
                yield from _AREAS[family](level, place, [judged[name] for name in members], day)


def _areas(stations: Iterable[Station]) -> dict[tuple[Level, str, str], list[str]]:
    found: dict[tuple[Level, str, str], list[str]] = {}
    for station in stations:
        sea = at_sea(station)
        places = (
            {Level.BAY: station.bay, Level.CITY: "city"}
            if sea
            else {
                Level.BASIN: station.basin,
                Level.DISTRICT: station.district,
                Level.CITY: "city",
            }
        )
        for level, place in places.items():
            if place is not None:
                family = "sea_water" if sea else "surface_water"
                found.setdefault((level, place, family), []).append(station.id)
    return found


def _class(station: Station, water: WaterAssessment, day: Interval) -> Row:
    standard = edition("sea_water" if at_sea(station) else "surface_water", on=water.day)
    return verdict(
        Level.STATION,
        station.id,
        "sea_class" if at_sea(station) else "water_class",
        Period.DAY,
        day.start,
        value=_rank(water.water_class, standard),
        count=len(water.items),
        expected=len(water.items) + len(water.missing),
        reason=water.reason,
        edition=water.edition,
    )


def _rivers(
    level: Level, place: str, sections: list[WaterAssessment], day: Interval
) -> Iterator[Row]:
    standard = edition("surface_water", on=city_date(day.start))
    shares = {"water_good": good_share(sections, day), "water_on_target": target_share(sections)}
    for index, share in shares.items():
        if share.judged + share.without:
            yield _share(level, place, index, share, day, standard)
    if level is Level.BASIN:
        yield from _basin(place, basin_day(sections, day), day, standard)


def _basin(place: str, basin: BasinAssessment, day: Interval, standard: Edition) -> Iterator[Row]:
    state = None if basin.state is None else list(standard.tables["states"]).index(basin.state) + 1
    values = {"water_state": state, "water_class": _rank(basin.water_class, standard)}
    for index, value in values.items():
        yield verdict(
            Level.BASIN,
            place,
            index,
            Period.DAY,
            day.start,
            value=value,
            count=basin.judged,
            expected=basin.judged + basin.without_class,
            reason=BY_SHARES if value is None and state is not None else basin.reason,
            edition=standard.id,
        )


def _sea(level: Level, place: str, sections: list[WaterAssessment], day: Interval) -> Iterator[Row]:
    standard, bay = edition("sea_water", on=city_date(day.start)), bay_day(sections, day)
    values: dict[str, Decimal | int | None] = {"sea_good": bay.good}
    if level is Level.BAY:
        values["sea_class"] = _rank(bay.worst, standard)
    for index, value in values.items():
        yield verdict(
            level,
            place,
            index,
            Period.DAY,
            day.start,
            value=value,
            count=bay.judged,
            expected=bay.judged + bay.without_class,
            reason=bay.reason,
            edition=standard.id,
        )


def _share(
    level: Level, place: str, index: str, share: SectionShare, day: Interval, standard: Edition
) -> Row:
    return verdict(
        level,
        place,
        index,
        Period.DAY,
        day.start,
        value=share.rate,
        count=share.judged,
        expected=share.judged + share.without,
        reason=share.reason,
        edition=standard.id,
    )


def _rank(water_class: str | None, standard: Edition) -> int | None:
    return None if water_class is None else standard.tables["classes"].index(water_class) + 1


_AREAS = {"surface_water": _rivers, "sea_water": _sea}
