"""Rivers and sea over a month or a year: classes by the means of the span, targets, bays.

A section's class is that of its means over the span, item by item, and not the mean of its days'
classes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from network.assessments import (
    RIVERS,
    BayAssessment,
    SectionShare,
    WaterAssessment,
    bay_day,
    by_place,
    classes_on,
    expected_of,
    good_share,
    series,
    target_share,
    water_day,
)
from network.views.spans import Reported
from network.views.water import ClassCount, items_of
from registry import Registry
from schemas import Level, Medium
from schemas.registry import Station
from storage import Store


@dataclass(frozen=True, slots=True)
class SectionSpan:
    """A river section or sea station. before, year_before: its class then, None where not known."""

    station: Station
    water: WaterAssessment
    before: str | None
    year_before: str | None


@dataclass(frozen=True, slots=True)
class BaySpan:
    bay: str
    assessment: BayAssessment
    stations: tuple[SectionSpan, ...]


@dataclass(frozen=True, slots=True)
class WaterSpan:
    """counts, sea_counts: every class, best first; good, on_target: shares of the sections.

    items, sea_items: on which the classes rest.
    """

    sections: tuple[SectionSpan, ...]
    counts: tuple[ClassCount, ...]
    good: SectionShare
    on_target: SectionShare
    items: tuple[str, ...]
    bays: tuple[BaySpan, ...]
    sea_counts: tuple[ClassCount, ...]
    sea: BayAssessment
    sea_items: tuple[str, ...]


def water_span(
    stations: Iterable[Station], span: Reported, *, store: Store, registry: Registry
) -> WaterSpan:
    """The rivers and the sea stations among the stations given."""
    every = [s for s in stations if s.medium == Medium.WATER]
    expected = expected_of(every, registry.sensors().values())
    rivers = _sections([s for s in every if s.kind in RIVERS], expected, span, store)
    sea = _sections([s for s in every if s.realm == "sea"], expected, span, store)
    river_waters, sea_waters = ([each.water for each in group] for group in (rivers, sea))
    bays: dict[str, list[SectionSpan]] = {}
    for each in sea:
        if each.station.bay is not None:
            bays.setdefault(each.station.bay, []).append(each)
    day = span.row
    return WaterSpan(
        sections=rivers,
        counts=_counts(river_waters, classes_on(day.start)),
        good=good_share(river_waters, day),
        on_target=target_share(river_waters),
        items=items_of(river_waters),
        bays=tuple(
            BaySpan(bay, bay_day([each.water for each in own], day), tuple(own))
            for bay, own in bays.items()
        ),
        sea_counts=_counts(sea_waters, classes_on(day.start, "sea_water")),
        sea=bay_day(sea_waters, day),
        sea_items=items_of(sea_waters),
    )


def _sections(
    stations: list[Station],
    expected: Mapping[str, Collection[str]],
    span: Reported,
    store: Store,
) -> tuple[SectionSpan, ...]:
    if not stations:
        return ()
    now, before, year = (
        None if each is None else _classes(stations, expected, each, store)
        for each in (span, span.before, span.year_before)
    )
    return tuple(
        SectionSpan(
            station,
            (now or {})[station.id],
            _class(before, station),
            _class(year, station),
        )
        for station in stations
    )


def _classes(
    stations: Iterable[Station],
    expected: Mapping[str, Collection[str]],
    span: Reported,
    store: Store,
) -> dict[str, WaterAssessment]:
    stations = list(stations)
    rows = span.rows(store=store, level=Level.STATION, subjects=[s.id for s in stations])
    own = {subject: series(part) for (_, subject), part in by_place(rows).items()}
    return {str(s.id): water_day(own.get(s.id, {}), s, expected[s.id], span.row) for s in stations}


def _class(then: Mapping[str, WaterAssessment] | None, station: Station) -> str | None:
    found = None if then is None else then[station.id]
    return found.water_class if found is not None and found.valid else None


def _counts(waters: Iterable[WaterAssessment], classes: Iterable[str]) -> tuple[ClassCount, ...]:
    found = [each.water_class for each in waters]
    return tuple(ClassCount(name, found.count(name)) for name in classes)
