"""Soil: limits of a sample, single factors, Nemerow's index, class of risk.

Contents are mg/kg, dry, and are compared as they were measured (GB/T 8170-2008, 4.3.2: all digits),
not rounded. Farmland has its limits by land and pH (GB 15618), construction land by its class
(GB 36600). A content below the detection limit counts as half of it in an index; a detection limit
above the screening value can decide nothing and is refused. Rows of a table are in `soil_rows`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from standards.editions import Edition
from standards.rounding import Number, exact
from standards.rows import Measured

Risk = Literal["low", "between", "high"]
Sample = Mapping[str, Measured]


@dataclass(frozen=True, slots=True)
class SoilLimit:
    """Screening value 筛选值 and intervention value 管制值 of an item, mg/kg; None: it has none."""

    screening: Decimal
    intervention: Decimal | None


class DetectionLimitTooHigh(ValueError):
    """An item that was not detected could still lie above its screening value."""

    def __init__(self, item: str, limit: Decimal, screening: Decimal) -> None:
        self.item, self.screening = item, screening
        super().__init__(f"{item}: detection limit {limit} above the screening value {screening}")


def farmland_limits(edition: Edition, land: str, ph: Number) -> dict[str, SoilLimit]:
    """Limits of farmland by land (`paddy`, `orchard`, `other`) and pH (GB 15618-2018, 4 and 5).

    A pH on a bound of a band belongs to the lower band. Raises ValueError for an unknown land.
    """
    tables = edition.tables
    if land not in tables["lands"]:
        raise ValueError(f"{edition.id} has no land {land!r}; it has {', '.join(tables['lands'])}")
    value = exact(ph)
    band = sum(value > bound for bound in tables["ph_bounds"])
    intervention = tables["intervention"]
    return {
        item: SoilLimit(
            exact(by_land.get(land, by_land["other"])[band]),
            exact(intervention[item][band]) if item in intervention else None,
        )
        for item, by_land in tables["screening"].items()
    }


def construction_limits(edition: Edition, land: str) -> dict[str, SoilLimit]:
    """Limits of construction land of `class_1` or `class_2` (GB 36600-2018, tables 1 and 2).

    Raises ValueError for an unknown class.
    """
    lands = list(edition.tables["lands"])
    if land not in lands:
        raise ValueError(f"{edition.id} has no land {land!r}; it has {', '.join(lands)}")
    column = lands.index(land)
    return {
        item: SoilLimit(exact(row["screening"][column]), exact(row["intervention"][column]))
        for item, row in edition.tables["items"].items()
    }


def single_factors(sample: Sample, limits: Mapping[str, SoilLimit]) -> dict[str, Decimal]:
    """P = C / S of every measured item that has a screening value S (HJ/T 166-2004, 12).

    Raises DetectionLimitTooHigh.
    """
    return {
        item: _counted(item, content, limits[item]) / limits[item].screening
        for item, content in sample.items()
        if item in limits
    }


def largest(factors: Mapping[str, Decimal]) -> tuple[str, ...]:
    """The items of the largest single factor, mostly one. Raises ValueError if there is none."""
    most = max(factors.values())
    return tuple(item for item, factor in factors.items() if factor == most)


def nemerow(factors: Collection[Decimal]) -> Decimal:
    """Nemerow's index sqrt((mean(P)^2 + max(P)^2) / 2), not rounded. Raises ValueError if none."""
    if not factors:
        raise ValueError("an index needs at least one single factor")
    mean = sum(factors, Decimal(0)) / len(factors)
    return ((mean**2 + max(factors) ** 2) / 2).sqrt()


@dataclass(frozen=True, slots=True)
class SoilGrade:
    """A grade of Nemerow's index, or a class of risk, in both languages."""

    zh: str
    en: str


def nemerow_grade(edition: Edition, index: Number) -> SoilGrade:
    """清洁 .. 重度污染 (HJ/T 166-2004, 12), by the index as computed; a bound is still good."""
    value = exact(index)
    for grade in edition.tables["grades"]:
        if grade["max"] is None or value <= grade["max"]:
            return SoilGrade(grade["zh"], grade["en"])
    raise ValueError(f"{edition.id}: its last grade has an upper bound")


@dataclass(frozen=True, slots=True)
class RiskVerdict:
    """Class of risk of a sample, and the items that decided it (none when it is low)."""

    risk: Risk
    deciding: tuple[str, ...]


def risk(sample: Sample, limits: Mapping[str, SoilLimit]) -> RiskVerdict:
    """Compare each item with its screening and intervention value; the worst item decides.

    low: nothing above a screening value. between: above one, nothing above an intervention value.
    high: above an intervention value (GB 15618-2018, 6; GB 36600-2018, 5.3). A value on a limit
    keeps it. Raises DetectionLimitTooHigh.
    """
    contents = {
        item: _counted(item, content, limits[item])
        for item, content in sample.items()
        if item in limits
    }
    strict = tuple(i for i, c in contents.items() if _above(c, limits[i].intervention))
    if strict:
        return RiskVerdict("high", strict)
    watched = tuple(i for i, c in contents.items() if _above(c, limits[i].screening))
    return RiskVerdict("between" if watched else "low", watched)


def risk_grade(edition: Edition, found: Risk) -> SoilGrade:
    """What the standard of the land calls a class of risk."""
    words = edition.tables["risk"][found]
    return SoilGrade(words["zh"], words["en"])


def _counted(item: str, content: Measured, limit: SoilLimit) -> Decimal:
    if not content.below:
        return content.value
    if content.value > limit.screening:
        raise DetectionLimitTooHigh(item, content.value, limit.screening)
    return content.value / 2


def _above(content: Decimal, limit: Decimal | None) -> bool:
    return limit is not None and content > limit
