"""Rivers and sea of the last whole day: sections by class, bays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from network.assessments import (
    RIVERS,
    BayAssessment,
    SectionShare,
    WaterAssessment,
    bay_day,
    by_place,
    city_date,
    classes_on,
    expected_of,
    good_share,
    series,
    water_day,
)
from network.views.days import settled_day
from registry import Registry
from schemas import Interval, Level, Medium, Period
from schemas.registry import Station
from storage import Store


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many sections are of a class. Those that lack an item are of it at best."""

    water_class: str
    sections: int


@dataclass(frozen=True, slots=True)
class BayState:
    bay: str
    assessment: BayAssessment
    stations: tuple[WaterAssessment, ...]


@dataclass(frozen=True, slots=True)
class WaterView:
    """counts: every class, best first, of all sections that have one; without_class: the others.

    good: the share of class III or better.
    partial: sections of the counts that lack an item. on_target: of those with_target.
    river_items, bay_items: on which the classes rest.
    """

    on: date
    edition: str
    counts: tuple[ClassCount, ...]
    without_class: int
    good: SectionShare
    partial: int
    on_target: int
    with_target: int
    river_items: tuple[str, ...]
    bay_items: tuple[str, ...]
    rivers: tuple[WaterAssessment, ...]
    bays: tuple[BayState, ...]


def water_view(*, store: Store, registry: Registry, now: datetime) -> WaterView:
    """All river sections and bays of the city."""
    day = settled_day(now)
    stations = registry.stations().values()
    rivers = classes_of(
        [s for s in stations if s.medium == Medium.WATER and s.kind in RIVERS],
        day,
        store=store,
        registry=registry,
    )
    sea = [s for s in stations if s.realm == "sea" and s.bay is not None]
    by_station = {a.station: a for a in classes_of(sea, day, store=store, registry=registry)}
    bays = {s.bay: [by_station[o.id] for o in sea if o.bay == s.bay] for s in sea if s.bay}
    found = [a.water_class for a in rivers if a.water_class is not None]
    return WaterView(
        on=city_date(day.start),
        edition=rivers[0].edition if rivers else "",
        counts=tuple(ClassCount(c, found.count(c)) for c in classes_on(day.start)),
        without_class=len(rivers) - len(found),
        good=good_share(rivers, day),
        partial=sum(a.water_class is not None and not a.valid for a in rivers),
        on_target=sum(a.meets_target is True for a in rivers),
        with_target=sum(a.meets_target is not None for a in rivers),
        river_items=items_of(rivers),
        bay_items=items_of(by_station.values()),
        rivers=rivers,
        bays=tuple(BayState(bay, bay_day(own, day), tuple(own)) for bay, own in bays.items()),
    )


def items_of(assessments: Iterable[WaterAssessment]) -> tuple[str, ...]:
    """Every item that took part, in the order in which they are met."""
    return tuple(dict.fromkeys(item for each in assessments for item in each.items))


def classes_of(
    stations: Iterable[Station], day: Interval, *, store: Store, registry: Registry
) -> tuple[WaterAssessment, ...]:
    """The class of each station on a day, in their order."""
    stations = list(stations)
    if not stations:
        return ()
    expected = expected_of(stations, registry.sensors().values())
    rows = store.read_aggregates(
        day, period=Period.DAY, level=Level.STATION, subjects=[s.id for s in stations]
    )
    own = {subject: series(part) for (_, subject), part in by_place(rows).items()}
    return tuple(water_day(own.get(s.id, {}), s, expected[s.id], day) for s in stations)
