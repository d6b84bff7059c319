"""Sea water by GB 3097-1997: the class of a station, the share of good water of a bay. mg/L.

Not judged: the words of the standard that need a natural background (change of pH, of temperature,
of suspended matter) and its items without a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from standards.editions import Edition
from standards.rounding import revise
from standards.rows import Assessor, Measured, Row
from standards.water_classes import (
    RESULTS,
    ClassTable,
    Verdict,
    class_table,
    classify,
    results,
    target_in,
)
from standards.water_limits import Found, counted, found_in, some


@dataclass(frozen=True, slots=True)
class Station:
    """A station's class and the area it stands for, km2; None = one station counts as one."""

    water_class: str
    area: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Bay:
    """shares: percent by class, one decimal. good: percent of good (I, II) water, one decimal.

    worst: the worst class of a station.
    """

    shares: Mapping[str, Decimal]
    good: Decimal
    worst: str


def with_sums(found: Found, edition: Edition) -> dict[str, Measured]:
    """The values with sums formed: inorganic nitrogen of nitrate, nitrite and ammonia, as N.

    Nitrate and nitrite may be given as one (`nitrate_nitrite`). Only where the sum is not given and
    all its parts are: a missing part is not zero. A part below its detection limit counts half.
    """
    whole = dict(found)
    for total, ways in edition.tables["sums"].items():
        parts = next((way for way in ways if all(part in found for part in way)), None)
        if total not in found and parts is not None:
            whole[total] = Measured(sum((counted(found[part]) for part in parts), Decimal(0)))
    return whole


def judge(found: Found, edition: Edition, *, target: str | None = None) -> Verdict:
    """The class of one station (table 1). Raises ValueError when nothing can be judged."""
    return classify(class_table(edition), with_sums(found, edition), target)


def bay(stations: Sequence[Station], edition: Edition) -> Bay:
    """A bay by its stations, weighted by area where every station has one, else by their number.

    Raises ValueError without stations, with an area of zero, or where only some have one.
    """
    areas = [station.area for station in stations if station.area is not None]
    if not stations or len(areas) not in (0, len(stations)) or any(area <= 0 for area in areas):
        raise ValueError("a bay needs stations that all have an area above zero, or none has")
    weights = areas or [Decimal(1)] * len(stations)
    classes: list[str] = edition.tables["classes"]
    parts = dict.fromkeys(classes, Decimal(0))
    for station, weight in zip(stations, weights, strict=True):
        parts[station.water_class] += weight
    total = sum(weights, Decimal(0))
    good = sum((parts[name] for name in edition.tables["good"]), Decimal(0))
    return Bay(
        shares={name: revise(100 * part / total, 1) for name, part in parts.items()},
        good=revise(100 * good / total, 1),
        worst=max((station.water_class for station in stations), key=classes.index),
    )


def _columns(table: ClassTable, edition: Edition) -> list[str]:
    ways = [way for them in edition.tables["sums"].values() for way in them]
    return [*table.limits, *{part for way in ways for part in way}]


def _assess(row: Row, edition: Edition) -> Mapping[str, str]:
    table = class_table(edition)
    found = with_sums(found_in(row, _columns(table, edition)), edition)
    known = {item: value for item, value in found.items() if item in table.limits}
    return results(classify(table, some(known, table.limits), target_in(row, table)))


SEA = Assessor("sea_water", RESULTS, _assess)
