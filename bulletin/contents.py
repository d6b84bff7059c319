"""What a bulletin says: every figure of one area and span, each of them read from a view.

Nothing is computed here but which stations an area has, and which editions of the standards held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from alerts import rules_ever
from network import views
from network.views import Reported
from registry import Registry
from schemas import Level
from schemas.alerts import Rule
from schemas.registry import Enterprise, Place, Station
from standards import Edition, UnknownEdition, edition
from storage import Store

CITY = "city"
# Families of standards, by the part of the bulletin in which they decide.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "air": ("aqi", "ambient_air", "air_assessment"),
    "noise": ("noise_quality", "noise_construction", "noise_boundary"),
    "water": ("surface_water",),
    "sea": ("sea_water",),
}


@dataclass(frozen=True, slots=True)
class Area:
    """The city, or one district. id: `city` or the district's."""

    id: str
    level: Literal[Level.CITY, Level.DISTRICT]
    place: Place | None

    def has(self, station: Station) -> bool:
        return self.place is None or station.district == self.id


@dataclass(frozen=True, slots=True)
class EditionUse:
    """One edition, and the first and last day of a span on which it held."""

    part: str
    family: str
    edition: Edition
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class DistrictLine:
    place: Place
    air: views.AirSpan


@dataclass(frozen=True, slots=True)
class Bulletin:
    """uses: editions in the span. compared_by: those of the spans compared with, where others.

    credits: of the loud facilities by station, as on the last day of the span.
    """

    span: Reported
    area: Area
    made: datetime
    stations: Mapping[str, Station]
    places: Mapping[str, Place]
    enterprises: Mapping[str, Enterprise]
    rules: Mapping[str, Rule]
    uses: tuple[EditionUse, ...]
    compared_by: tuple[EditionUse, ...]
    air: views.AirSpan
    districts: tuple[DistrictLine, ...]
    noise: views.NoiseSpan
    water: views.WaterSpan
    soil: tuple[views.SoilMean, ...]
    soil_risk: views.SoilView
    groundwater: views.GroundwaterView
    owners: tuple[views.Compared, ...]
    loud: tuple[views.LoudSpan, ...]
    credits: Mapping[str, views.Credit]
    alerts: views.AlertSpan
    quality: views.QualitySpan

    @property
    def changed(self) -> tuple[str, ...]:
        """Families of which more than one edition held in the span."""
        families = [use.family for use in self.uses]
        return tuple(dict.fromkeys(name for name in families if families.count(name) > 1))


def area_of(name: str | None, registry: Registry) -> Area:
    """The city, or a district by its id. Raises ValueError that names those that there are."""
    if name is None or name == CITY:
        return Area(CITY, Level.CITY, None)
    districts = districts_of(registry)
    if name not in districts:
        raise ValueError(f"there is no district {name!r}; there are: {', '.join(districts)}")
    return Area(name, Level.DISTRICT, districts[name])


def areas(registry: Registry) -> list[Area]:
    """Every area that has a bulletin: the city, then its districts."""
    return [area_of(name, registry) for name in (CITY, *districts_of(registry))]


def districts_of(registry: Registry) -> dict[str, Place]:
    return {id: place for id, place in registry.places().items() if place.kind == "district"}


def compile_bulletin(
    area: Area, span: Reported, *, store: Store, registry: Registry, made: datetime
) -> Bulletin:
    """All of it. Raises StoreUnavailable."""
    every = list(registry.stations().values())
    own = [station for station in every if area.has(station)]
    district = "" if area.place is None else area.id
    last = span.reach.end - timedelta(seconds=1)  # samples of the days after it are not yet known
    return Bulletin(
        span=span,
        area=area,
        made=made,
        stations={str(station.id): station for station in own},
        places=registry.places(),
        enterprises=registry.enterprises(),
        rules=rules_ever(registry),
        uses=editions_in(span),
        compared_by=_compared_by(span),
        air=views.air_span(area.level, area.id, span, store=store),
        districts=_districts(area, span, store, registry),
        noise=views.noise_span(own, span, store=store),
        water=views.water_span(own, span, store=store, registry=registry),
        soil=views.soil_span(own, span, store=store),
        soil_risk=views.soil_view(registry=registry, now=last, district=district),
        groundwater=views.groundwater_view(registry=registry, now=last, district=district),
        owners=views.compared(every, span, store=store, areas=_neighbourhoods(area, own)),
        loud=views.loud(own, span, store=store),
        credits=_credits(district, last, store, registry),
        alerts=views.alert_span(span, registry=registry, district=district or None),
        quality=views.quality_span(own, span, store=store, registry=registry),
    )


def _districts(
    area: Area, span: Reported, store: Store, registry: Registry
) -> tuple[DistrictLine, ...]:
    """Of a city's bulletin, the air of each district."""
    if area.place is not None:
        return ()
    return tuple(
        DistrictLine(place, views.air_span(Level.DISTRICT, place.id, span, store=store))
        for place in districts_of(registry).values()
    )


def _credits(
    district: str, now: datetime, store: Store, registry: Registry
) -> dict[str, views.Credit]:
    found = views.facilities(store=store, registry=registry, now=now, district=district)
    return {str(each.station.id): each.credit for each in found}


def _neighbourhoods(area: Area, own: Iterable[Station]) -> set[str] | None:
    """The areas in which a district's enterprises are compared; None = all."""
    if area.place is None:
        return None
    found = {area.id}
    for station in own:
        if station.enterprise is not None:
            found |= {each for each in (station.subdistrict, station.basin, station.bay) if each}
    return found


def editions_in(span: Reported) -> tuple[EditionUse, ...]:
    """Every edition that held on a day of the span, in order."""
    found = []
    for part, families in FAMILIES.items():
        for family in families:
            days: dict[str, list[date]] = {}
            for day in _dates(span):
                held = _edition(family, day)
                if held is not None:
                    days.setdefault(held.id, []).append(day)
            for name, own in days.items():
                held = edition(family, named=name)
                found.append(EditionUse(part, family, held, own[0], own[-1]))
    return tuple(found)


def _compared_by(span: Reported) -> tuple[EditionUse, ...]:
    """Editions that held in the spans compared with, and on no day of this one."""
    here = {use.edition.id for use in editions_in(span)}
    found: dict[str, EditionUse] = {}
    for other in (span.year_before, span.before):
        for use in editions_in(other) if other else ():
            if use.edition.id not in here:
                found.setdefault(use.edition.id, use)
    return tuple(found.values())


def _edition(family: str, day: date) -> Edition | None:
    try:
        return edition(family, on=day)
    except UnknownEdition:
        return None


def _dates(span: Reported) -> Iterable[date]:
    return (date.fromordinal(n) for n in range(span.first.toordinal(), span.last.toordinal() + 1))
