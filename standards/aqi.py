"""Air quality index (AQI) after HJ 633: one day's or one hour's means in, index and its cause out.

Breakpoints, special rules and categories are data (`tables/hj633-*.yaml`); here is the arithmetic,
in exact fractions. A pollutant that was not measured takes no part: it is never zero. Whether means
are valid is judged before (`standards.air_means`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any, Literal

from standards.editions import Edition
from standards.rounding import Number, exact, revise
from standards.rows import Assessor, BadCell, Measured, Row, chosen, measured, names

Scale = Literal["daily", "hourly"]


@dataclass(frozen=True, slots=True)
class Category:
    """A category of the index: 一级 优 excellent and so on, with the colour of appendix A."""

    level: str
    zh: str
    en: str
    rgb: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class AirIndex:
    """The index of one place and day or hour.

    aqi, category: None when no item had an index. items: IAQI of each measured item, None where the
    edition gives none. primary: items of the largest IAQI, of an index above 50. exceeding: items
    with an IAQI above 100. All names in alphabetical order.
    """

    edition: str
    scale: Scale
    aqi: int | None
    category: Category | None
    primary: tuple[str, ...]
    exceeding: tuple[str, ...]
    items: Mapping[str, int | None]

    @property
    def level(self) -> str | None:
        return self.category.level if self.category else None

    @property
    def rgb(self) -> tuple[int, int, int] | None:
        return self.category.rgb if self.category else None


def iaqi(item: str, concentration: Number, edition: Edition, scale: Scale = "daily") -> int | None:
    """Index of one item (HJ 633, formula 1), rounded up to the next integer.

    concentration: in the item's unit (ug/m3, CO mg/m3), taken at face value. None where the edition
    gives no index: in 2012, 1 h SO2 and 8 h ozone above 800. Raises ValueError for an item that the
    edition does not know on that scale, and for a concentration that is none.
    """
    rule = _item(item, edition, scale)
    value = exact(concentration)
    if value < 0:
        raise ValueError(f"{item}: a concentration is not below 0, but {value}")
    points = list(zip(rule["breakpoints"], edition.tables["iaqi"], strict=False))
    for (low, from_index), (high, to_index) in pairwise(points):
        if value <= high:
            slope = Fraction(to_index - from_index) / (Fraction(high) - Fraction(low))
            return ceil(from_index + slope * (Fraction(value) - Fraction(low)))
    above: int | None = rule["above_last"]
    return above


def aqi(values: Mapping[str, Number | None], edition: Edition, scale: Scale = "daily") -> AirIndex:
    """The index of one day or hour (HJ 633, formula 2): the largest IAQI, and whose it is.

    values: by item; None and absent = not measured. Names that another edition indexes on this
    scale are passed over, so that a caller need not know editions; others raise ValueError.
    """
    indices = {
        item: iaqi(item, value, edition, scale)
        for item, value in sorted(values.items())
        if value is not None and not _of_another_edition(item, edition, scale)
    }
    known = {item: index for item, index in indices.items() if index is not None}
    largest = max(known.values(), default=None)
    table = edition.tables
    return AirIndex(
        edition=edition.id,
        scale=scale,
        aqi=largest,
        category=None if largest is None else category(largest, edition),
        primary=tuple(i for i, index in known.items() if index == largest > table["primary_above"]),
        exceeding=tuple(i for i, index in known.items() if index > table["exceeding_above"]),
        items=indices,
    )


def category(index: int, edition: Edition) -> Category:
    """The category of an index (HJ 633, table 2). Raises ValueError below 0."""
    if index < 0:
        raise ValueError(f"an index is not below 0, but {index}")
    found = next(c for c in edition.tables["categories"] if c["max"] is None or index <= c["max"])
    return Category(found["level"], found["zh"], found["en"], tuple(found["rgb"]))


def reported(item: str, mean: Number, edition: Edition, scale: Scale = "daily") -> Decimal:
    """A computed mean as it is reported, and as the index is to be taken of it.

    HJ 633-2026, 4.2, revises means to integers, CO to one decimal (GB/T 8170); HJ 633-2012 says
    nothing of it, and the mean comes back as it is.
    """
    places = edition.tables.get("concentration_places")
    value = exact(mean)
    return revise(value, places[_item(item, edition, scale)["unit"]]) if places else value


def items(edition: Edition, scale: Scale = "daily") -> tuple[str, ...]:
    """The items that an edition indexes on a scale."""
    return tuple(edition.tables["scales"][scale]["items"])


def _item(item: str, edition: Edition, scale: Scale) -> Mapping[str, Any]:
    known = edition.tables["scales"][scale]["items"]
    if item not in known:
        raise ValueError(f"{edition.id} has no {scale} item {item!r}; it has: {', '.join(known)}")
    rule: Mapping[str, Any] = known[item]
    return rule


def _of_another_edition(item: str, edition: Edition, scale: Scale) -> bool:
    return item in edition.tables["scales"][scale]["other_items"]


def taken_as(value: Measured) -> Decimal:
    """The number with which a measured value enters; below the detection limit, half of it.

    HJ 633 is silent on undetected values; half the limit is how HJ/T 194-2005 lets them take part
    in statistics, and so it is decided here.
    """
    return value.value / 2 if value.below else value.value


def _assess(row: Row, edition: Edition) -> Mapping[str, str]:
    scale = _scale(row, edition)
    found: dict[str, Number | None] = {}
    for item in items(edition, scale):
        cell = measured(row, item)
        found[item] = None if cell is None else taken_as(cell)
    index = aqi(found, edition, scale)
    if index.aqi is None or index.level is None:
        return {}
    return {"aqi": str(index.aqi), "level": index.level, "primary": names(index.primary)}


def _scale(row: Row, edition: Edition) -> Scale:
    if (row.get("scale") or "").strip():
        return "hourly" if chosen(row, "scale", ["daily", "hourly"]) == "hourly" else "daily"
    daily, hourly = (
        any(measured(row, item) for item in items(edition, scale)) for scale in ("daily", "hourly")
    )
    if hourly and not daily:
        raise BadCell(
            "scale", "", "hourly values need their scale", "add a column `scale` with `hourly`"
        )
    return "daily"


AQI = Assessor(family="aqi", results=("aqi", "level", "primary"), assess=_assess)
"""One row a day: so2, no2, pm10, pm25, o3_1h_max, o3_8h_max in ug/m3, co in mg/m3. With `scale` =
hourly, one row an hour: so2_1h, no2_1h, co_1h, o3_1h, and pm10_1h, pm25_1h (2012: pm10_24h,
pm25_24h, means of the last 24 hours)."""
