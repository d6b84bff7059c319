"""Soil samples held against the standards of their own day: risk, single factors, indices. Pure.

Farmland by GB 15618 (use of land and pH), construction land by GB 36600 (class), Nemerow's index by
HJ/T 166. The evaluators are those of `onenet assess`, and give the same numbers. What cannot be
judged tells why.

A limit of detection above the screening value decides nothing: the item is left undecided. Without
it a verdict can only be too good, so it is a bound and not valid, unless the others already make it
the worst there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cache

from network.assessments_rows import found_in
from schemas.land_use import LandUse, land_use_of
from schemas.registry import Station
from schemas.samples import Sample
from standards import Edition, UnknownEdition, edition
from standards.rounding import revise
from standards.rows import Measured
from standards.soil import (
    DetectionLimitTooHigh,
    Risk,
    SoilGrade,
    SoilLimit,
    construction_limits,
    farmland_limits,
    largest,
    nemerow,
    nemerow_grade,
    risk,
    risk_grade,
    single_factors,
)

NO_LAND_USE = "no_land_use"
NO_PH = "no_ph"
NO_EDITION = "no_edition"
NO_ITEMS = "no_items"
UNDECIDED = "undecided"

RISKS: tuple[Risk, ...] = ("low", "between", "high")
_PLACES = 3  # of a factor and an index, as `onenet assess` gives them
_HIGHEST_PH = 14


@dataclass(frozen=True, slots=True)
class SoilAssessment:
    """The risk of one soil sample.

    depth: from, to, m. limits: of what was measured. risk: None when nothing could be judged; a
    bound when not valid. deciding: items of that risk. factors: C / S of each item judged, three
    decimals; largest: of which items. exceeding: those above their screening value, with C / S - 1.
    nemerow, grade: None when an item is undecided. undecided: items whose limit of detection lies
    above the screening value.
    """

    station: str
    number: str
    day: date
    depth: tuple[float | None, float | None]
    land_use: LandUse | None
    edition: str
    limits: Mapping[str, SoilLimit] = field(default_factory=dict)
    risk: Risk | None = None
    risk_name: SoilGrade | None = None
    deciding: tuple[str, ...] = ()
    factors: Mapping[str, Decimal] = field(default_factory=dict)
    largest: tuple[str, ...] = ()
    exceeding: Mapping[str, Decimal] = field(default_factory=dict)
    nemerow: Decimal | None = None
    grade: SoilGrade | None = None
    undecided: tuple[str, ...] = ()
    valid: bool = False
    reason: str = ""

    @property
    def standing(self) -> Risk | None:
        """The risk as far as it can be said: that it is low is said by a valid verdict only."""
        return None if self.risk == RISKS[0] and not self.valid else self.risk

    @property
    def worst_factor(self) -> Decimal | None:
        return max(self.factors.values(), default=None)


def soil_sample(sample: Sample, station: Station) -> SoilAssessment:
    """The risk of a soil sample, by how the land is used now."""
    use, found = land_use_of(station), found_in(sample)
    depth = sample.depth_from, sample.depth_to
    of = sample.station, sample.number, sample.day, depth, use
    if use is None:
        return SoilAssessment(*of, "", reason=NO_LAND_USE)
    try:
        standard = edition(use.family, on=sample.day)
        indices = edition("soil_indices", on=sample.day)
    except UnknownEdition:
        return SoilAssessment(*of, "", reason=NO_EDITION)
    limits = _limits(use, standard, found)
    if limits is None:
        return SoilAssessment(*of, standard.id, reason=NO_PH)
    contents = {item: content for item, content in found.items() if item in limits}
    limits = {item: limits[item] for item in contents}
    factors = _factors(contents, limits)
    undecided = tuple(item for item in contents if item not in factors)
    if not factors:
        reason = UNDECIDED if undecided else NO_ITEMS
        return SoilAssessment(*of, standard.id, limits, undecided=undecided, reason=reason)
    verdict = risk({item: contents[item] for item in factors}, limits)
    index = None if undecided else nemerow(factors.values())
    valid = not undecided or verdict.risk == RISKS[-1]
    return SoilAssessment(
        *of,
        standard.id,
        limits,
        risk=verdict.risk,
        risk_name=risk_grade(standard, verdict.risk),
        deciding=verdict.deciding,
        factors={item: revise(factor, _PLACES) for item, factor in factors.items()},
        largest=largest(factors),
        exceeding={i: revise(f - 1, _PLACES) for i, f in factors.items() if f > 1},
        nemerow=None if index is None else revise(index, _PLACES),
        grade=None if index is None else nemerow_grade(indices, index),
        undecided=undecided,
        valid=valid,
        reason="" if valid else UNDECIDED,
    )


def worst(assessments: Iterable[SoilAssessment]) -> SoilAssessment | None:
    """Of several samples of a plot the one that decides: the worst risk, then the largest factor.

    Beside one that is a bound, or could not be judged, it is a bound itself, unless it is high.
    """
    every = list(assessments)

    def badness(one: SoilAssessment) -> tuple[int, bool, Decimal]:
        rank = -1 if one.risk is None else RISKS.index(one.risk)
        return rank, not one.valid, one.worst_factor or Decimal(0)

    found = max(every, key=badness, default=None)
    lacking = next((one for one in every if not one.valid), None)
    if found is None or lacking is None or found.risk == RISKS[-1]:
        return found
    return replace(found, valid=False, reason=lacking.reason)


def _limits(
    use: LandUse, standard: Edition, found: Mapping[str, Measured]
) -> Mapping[str, SoilLimit] | None:
    """The limits of a use of land; None where they hang on a pH that is not known."""
    if use.family == "soil_construction":
        return _construction_limits(standard.id, use.land)
    ph = found.get("ph")
    if ph is None or ph.below or not 0 <= ph.value <= _HIGHEST_PH:
        return None
    return farmland_limits(standard, use.land, ph.value)


@cache
def _construction_limits(standard: str, land: str) -> Mapping[str, SoilLimit]:
    return construction_limits(edition("soil_construction", named=standard), land)


def _factors(
    contents: Mapping[str, Measured], limits: Mapping[str, SoilLimit]
) -> dict[str, Decimal]:
    """The single factor of each item that can be decided."""
    found: dict[str, Decimal] = {}
    for item, content in contents.items():
        try:
            found |= single_factors({item: content}, limits)
        except DetectionLimitTooHigh:
            continue
    return found
