"""Samples held against the standards of their own day: water here, soil in its own module. Pure.

Groundwater by GB/T 14848, surface water GB 3838, sea water GB 3097: the class of the worst item.
Drinking water by GB 5749: whether it complies. What lies below detection counts half its limit, as
the evaluators say. What cannot be judged tells why. Effluent is not judged: its limits are those of
the permit, which the network does not keep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from network.assessments_rows import found_in
from network.assessments_soil import NO_EDITION, NO_ITEMS, SoilAssessment, soil_sample
from schemas.registry import Station
from schemas.samples import Sample, SampleMedium
from standards import Edition, UnknownEdition, drinking_water, edition, groundwater, surface_water
from standards import sea_water as sea
from standards.water_classes import Verdict, class_table
from standards.water_limits import Found

NO_STANDARD = "no_standard"
LAKES = ("lake", "reservoir")


@dataclass(frozen=True, slots=True)
class WaterSample:
    """The verdict on one sample of water: a class, or for drinking water whether it complies.

    items: class of each item judged, an empty text for drinking water. exceeding: items over the
    limit of the target class or of the table, with their multiple C / S - 1 where there is one.
    """

    station: str
    number: str
    day: date
    medium: SampleMedium
    edition: str
    water_class: str | None = None
    compliant: bool | None = None
    items: Mapping[str, str] = field(default_factory=dict)
    deciding: tuple[str, ...] = ()
    target: str | None = None
    exceeding: Mapping[str, Decimal | None] = field(default_factory=dict)
    valid: bool = False
    reason: str = ""


Assessment: TypeAlias = SoilAssessment | WaterSample


def assess_sample(sample: Sample, station: Station) -> Assessment:
    """The verdict on a sample, by the editions of the day on which it was taken."""
    if sample.medium == SampleMedium.SOIL:
        return soil_sample(sample, station)
    return water_sample(sample, station)


def water_sample(sample: Sample, station: Station) -> WaterSample:
    """The class of a sample of water, or its compliance."""
    of = sample.station, sample.number, sample.day, sample.medium
    family = _FAMILIES.get(sample.medium)
    if family is None:
        return WaterSample(*of, "", reason=NO_STANDARD)
    try:
        standard = edition(family, on=sample.day)
    except UnknownEdition:
        return WaterSample(*of, "", reason=NO_EDITION)
    found = found_in(sample)
    if sample.medium == SampleMedium.SEA_WATER:
        found = sea.with_sums(found, standard)
    if not found.keys() & standard.tables["items"].keys():
        return WaterSample(*of, standard.id, reason=NO_ITEMS)
    if sample.medium == SampleMedium.DRINKING_WATER:
        place: drinking_water.Place = "plant" if station.kind == "plant" else "tap"
        kept = drinking_water.judge(found, standard, place=place)
        return WaterSample(
            *of,
            standard.id,
            compliant=kept.compliant,
            items=dict.fromkeys(kept.judged, ""),
            deciding=tuple(kept.exceeding),
            exceeding=kept.exceeding,
            valid=True,
        )
    target = station.zone if station.zone in class_table(standard).targets else None
    verdict = _JUDGES[sample.medium](found, standard, station, target)
    return WaterSample(
        *of,
        standard.id,
        water_class=verdict.water_class,
        items=verdict.by_item,
        deciding=verdict.deciding,
        target=target,
        exceeding=verdict.exceeding,
        valid=True,
    )


def _groundwater(found: Found, standard: Edition, _station: Station, target: str | None) -> Verdict:
    return groundwater.judge(found, standard, target=target)


def _sea_water(found: Found, standard: Edition, _station: Station, target: str | None) -> Verdict:
    return sea.judge(found, standard, target=target)


def _surface_water(
    found: Found, standard: Edition, station: Station, target: str | None
) -> Verdict:
    temperature, saturation = found.get("water_temperature"), found.get("do_saturation")
    return surface_water.judge(
        found,
        standard,
        body="lake" if station.kind in LAKES else "river",
        target=target,
        temperature=temperature.value if temperature else None,
        saturation=saturation.value if saturation else None,
    )


_FAMILIES: Mapping[SampleMedium, str] = {
    SampleMedium.GROUNDWATER: "groundwater",
    SampleMedium.SURFACE_WATER: "surface_water",
    SampleMedium.SEA_WATER: "sea_water",
    SampleMedium.DRINKING_WATER: "drinking_water",
}
_JUDGES: Mapping[SampleMedium, Callable[[Found, Edition, Station, str | None], Verdict]] = {
    SampleMedium.GROUNDWATER: _groundwater,
    SampleMedium.SURFACE_WATER: _surface_water,
    SampleMedium.SEA_WATER: _sea_water,
}
