"""Rivers by the chief who answers for them 河长: sections against their targets, outfalls as now.

A chief of a basin answers for all that stands along it; one of single sections for these. So a
section may stand under two chiefs, of the city and of the district.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from network.assessments import city_date
from network.views.days import settled_day
from network.views.waterways import BasinView, Outfall, Section, basin_view
from registry import Registry
from schemas.registry import Place, RiverChief
from storage import Store


@dataclass(frozen=True, slots=True)
class ChiefLine:
    """One chief. chief: None for what nobody answers for.

    basins: whole ones. sections, outfalls: headwater first, basin by basin. on_target: of the
    sections with_target, for which it can be said.
    """

    chief: RiverChief | None
    basins: tuple[Place, ...]
    sections: tuple[Section, ...]
    outfalls: tuple[Outfall, ...]
    on_target: int
    with_target: int


@dataclass(frozen=True, slots=True)
class Chiefs:
    on: date
    lines: tuple[ChiefLine, ...]


def chiefs_view(*, store: Store, registry: Registry, now: datetime) -> Chiefs:
    """All chiefs, of the city first; at the end what has no chief, if there is any."""
    places = registry.places().values()
    basins = [place for place in places if place.kind == "basin"]
    found = (basin_view(basin.id, store=store, registry=registry, now=now) for basin in basins)
    views = [view for view in found if view is not None]
    levels = ("city", "district", "subdistrict")
    chiefs = sorted(registry.river_chiefs().values(), key=lambda c: (levels.index(c.level), c.id))
    lines = [_line(chief, views) for chief in chiefs]
    nobody = _line(None, views)
    if nobody.sections or nobody.outfalls:
        lines.append(nobody)
    return Chiefs(city_date(settled_day(now).start), tuple(lines))


def _line(chief: RiverChief | None, views: Iterable[BasinView]) -> ChiefLine:
    views = list(views)
    sections = [s for view in views for s in view.sections if _answers(chief, view, s)]
    verdicts = [s.water.meets_target for s in sections]
    return ChiefLine(
        chief=chief,
        basins=tuple(view.basin for view in views if chief is not None and view.chief == chief),
        sections=tuple(sections),
        outfalls=tuple(o for view in views for o in view.outfalls if _answers(chief, view, o)),
        on_target=verdicts.count(True),
        with_target=sum(verdict is not None for verdict in verdicts),
    )


def _answers(chief: RiverChief | None, view: BasinView, place: Section | Outfall) -> bool:
    own = place.station.chief
    if chief is None:
        return own is None and view.chief is None
    return own == chief.id or view.chief == chief
