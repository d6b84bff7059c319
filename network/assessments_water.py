"""Water of a day: class of a river section or sea station, classes of a bay. Pure.

The worst single item decides, of those that the station measures (GB 3838, GB 3097): online
stations measure a few of a standard's items, so a class always comes with the items it rests on.
One that lacks an item which its sensors should have given may be too good; it is not valid.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from network.assessments_rows import ITEMS_MISSING, NO_DATA, Series, city_date
from schemas import Interval
from schemas.registry import Sensor, Station
from standards import Edition, edition, sea_water, surface_water
from standards.rounding import revise
from standards.rows import Measured
from standards.water_classes import ClassTable, Verdict, class_table

Water = Literal["surface_water", "sea_water"]
LAKES = ("lake", "reservoir")
RIVERS = ("river", *LAKES)


@dataclass(frozen=True, slots=True)
class WaterAssessment:
    """The class of one station's water on one day, by its daily means.

    water_class: None when nothing was measured. items: class of each item judged. missing: items
    that its sensors should have given. exceeding: items over the target, with their multiple.
    meets_target: None without a target or a class, and when only a missing item could tell.
    """

    station: str
    day: date
    edition: str
    water_class: str | None
    items: Mapping[str, str]
    means: Mapping[str, Decimal]
    deciding: tuple[str, ...]
    target: str | None
    meets_target: bool | None
    exceeding: Mapping[str, Decimal | None]
    missing: tuple[str, ...]
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class BayAssessment:
    """A bay by its stations. good: percent of class I and II; worst: the worst station's class.

    Both None when no station has a class. without_class: stations that have none.
    """

    good: Decimal | None
    worst: str | None
    judged: int
    without_class: int
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class BasinAssessment:
    """The state of a basin: excellent, good, light, moderate or heavy; None without a class.

    names: of the state. by: shares of the sections' classes, or means where they are few; then
    water_class is that of the means.
    """

    state: str | None
    names: Mapping[str, str]
    by: str
    water_class: str | None
    judged: int
    without_class: int
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class SectionShare:
    """Of how many sections something holds. rate: percent of those judged, one decimal.

    without: sections of which it cannot be said. Not valid while there is one, nor while one of
    those judged lacks an item: neither is in the rate as it may be.
    """

    holding: int
    judged: int
    without: int
    rate: Decimal | None
    valid: bool
    reason: str


def water_day(
    days: Series, station: Station, expected: Collection[str], day: Interval
) -> WaterAssessment:
    """The class of a station on a city day.

    days: daily values of the station. expected: the parameters of its sensors.
    """
    on = city_date(day.start)
    family: Water = "sea_water" if station.realm == "sea" else "surface_water"
    standard = edition(family, on=on)
    table = _table(standard, station)
    values = {name: own[day.start] for name, own in days.items() if day.start in own}
    found = {name: Measured(values[name]) for name in table.limits if name in values}
    target = station.zone if station.zone in table.targets else None
    verdict = _judge(found, standard, station, target, values.get("water_temperature"))
    missing = tuple(name for name in expected if name in table.limits and name not in found)
    return WaterAssessment(
        station=station.id,
        day=on,
        edition=standard.id,
        water_class=verdict.water_class if verdict else None,
        items=verdict.by_item if verdict else {},
        means={name: values[name] for name in found},
        deciding=verdict.deciding if verdict else (),
        target=target,
        meets_target=_meets(verdict, missing),
        exceeding=verdict.exceeding if verdict else {},
        missing=missing,
        valid=verdict is not None and not missing,
        reason=NO_DATA if verdict is None else ITEMS_MISSING if missing else "",
    )


def bay_day(sections: Iterable[WaterAssessment], day: Interval) -> BayAssessment:
    """A bay on a city day, by its stations' classes; each station counts as one."""
    every = list(sections)
    classes = [each.water_class for each in every if each.water_class is not None]
    standard = edition("sea_water", on=city_date(day.start))
    lacking = len(every) - len(classes)
    if not classes:
        return BayAssessment(None, None, 0, lacking, False, NO_DATA)
    found = sea_water.bay([sea_water.Station(each) for each in classes], standard)
    whole = all(each.valid for each in every)
    reason = "" if whole else ITEMS_MISSING
    return BayAssessment(found.good, found.worst, len(classes), lacking, whole, reason)


def basin_day(sections: Iterable[WaterAssessment], day: Interval) -> BasinAssessment:
    """A basin on a city day, by its sections."""
    every = list(sections)
    known = [each for each in every if each.water_class is not None]
    lacking = len(every) - len(known)
    if not known:
        return BasinAssessment(None, {}, "", None, 0, lacking, False, NO_DATA)
    standard = edition("surface_water", on=city_date(day.start))
    classes = [each.water_class or "" for each in known]
    if len(known) >= standard.tables["basin"]["sections_needed"]:
        found = surface_water.basin_of_classes(classes, standard)
    else:
        measured = [{item: Measured(value) for item, value in each.means.items()} for each in known]
        found = surface_water.basin(measured, standard)
    whole = all(each.valid for each in every)
    return BasinAssessment(
        state=found.state,
        names=standard.tables["states"][found.state],
        by=found.by,
        water_class=found.water_class,
        judged=len(known),
        without_class=lacking,
        valid=whole,
        reason="" if whole else ITEMS_MISSING,
    )


def good_share(sections: Iterable[WaterAssessment], day: Interval) -> SectionShare:
    """The share of good sections 优良断面 on a city day, class III or better."""
    passing = edition("surface_water", on=city_date(day.start)).tables["basin"]["passing"]
    every = list(sections)
    judged = [each.water_class in passing for each in every if each.water_class is not None]
    return _share(judged, len(every) - len(judged), whole=all(each.valid for each in every))


def target_share(sections: Iterable[WaterAssessment]) -> SectionShare:
    """The share of sections on target 达标断面, of those that have one."""
    aiming = [each for each in sections if each.target is not None]
    judged = [each.meets_target for each in aiming if each.meets_target is not None]
    return _share(judged, len(aiming) - len(judged), whole=len(judged) == len(aiming))


def _share(judged: list[bool], without: int, *, whole: bool) -> SectionShare:
    rate = revise(Decimal(100 * sum(judged)) / len(judged), 1) if judged else None
    reason = NO_DATA if rate is None else "" if whole else ITEMS_MISSING
    return SectionShare(sum(judged), len(judged), without, rate, not reason, reason)


def classes_on(moment: datetime, family: Water = "surface_water") -> tuple[str, ...]:
    """The classes of water that hold on a day, best first."""
    return tuple(edition(family, on=city_date(moment)).tables["classes"])


def expected_of(
    stations: Iterable[Station], sensors: Iterable[Sensor]
) -> dict[str, Collection[str]]:
    """What the sensors in use at each station measure."""
    found: dict[str, list[str]] = {station.id: [] for station in stations}
    for sensor in sensors:
        own = found.get(sensor.station)
        if own is not None and sensor.state != "retired":
            own += [key for key in sensor.parameters if key not in own]
    return dict(found)


def _meets(verdict: Verdict | None, missing: tuple[str, ...]) -> bool | None:
    if verdict is None or (verdict.meets_target and missing):
        return None
    return verdict.meets_target


def _table(standard: Edition, station: Station) -> ClassTable:
    if station.realm == "sea":
        return class_table(standard)
    body: surface_water.Body = "lake" if station.kind in LAKES else "river"
    return surface_water.surface_table(standard, body)


def _judge(
    found: Mapping[str, Measured],
    standard: Edition,
    station: Station,
    target: str | None,
    temperature: Decimal | None,
) -> Verdict | None:
    if not found:
        return None
    if station.realm == "sea":
        return sea_water.judge(found, standard, target=target)
    body: surface_water.Body = "lake" if station.kind in LAKES else "river"
    return surface_water.judge(found, standard, body=body, target=target, temperature=temperature)
