"""Effluent of municipal wastewater plants by GB 18918-2002: daily means, by grade. mg/L, degC.

Conditions of the tables: ammonia has wider limits in water of 12 degC and below; total phosphorus
in plants built before 2006; grade 3 judges the removal of COD and BOD5 where the influent is
strong.
The limits of single samples, which the amendment of 2026 adds, are not here (see the edition).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from standards.editions import Edition
from standards.rounding import exact
from standards.rows import Assessor, BadCell, Measured, Row, chosen, measured
from standards.water_compliance import RESULTS, Compliance
from standards.water_limits import (
    Found,
    Limits,
    counted,
    exceeding,
    found_in,
    read_limits,
    some,
    water_temperature_in,
)


@dataclass(frozen=True, slots=True)
class Plant:
    """What the limits depend on.

    built: the year; None = not before the year from which the stricter limits hold. influent: cod,
    bod5 of the inflow, mg/L, where known.
    """

    grade: str
    built: int | None = None
    influent: Found = field(default_factory=dict)


class TemperatureNeeded(ValueError):
    """The verdict on an item hangs on the water temperature, which is not known."""

    def __init__(self, item: str) -> None:
        self.item = item
        super().__init__(f"{item} lies between its limits for warm and for cold water")


def judge(
    found: Found, edition: Edition, plant: Plant, *, temperature: Decimal | None = None
) -> Compliance:
    """Compliance of daily means. temperature: of the water, degC.

    Raises TemperatureNeeded where the verdict hangs on it, ValueError when nothing can be judged or
    the grade is none.
    """
    rank = edition.tables["grades"].index(plant.grade)
    limits = _limits(found, edition, plant, rank, temperature)
    judged = {
        item: its for item, its in limits.items() if item in found and its.bound(rank) is not None
    }
    if not judged:
        raise ValueError(f"no item with a limit in grade {plant.grade} was measured")
    by_removal = _removal(found, edition, plant)
    by_value = {item: its for item, its in judged.items() if item not in by_removal}
    over = exceeding(by_value, found, rank, edition.tables["no_multiple"])
    over |= {item: None for item, enough in by_removal.items() if not enough}
    return Compliance(tuple(sorted(judged)), over)


def _limits(
    found: Found, edition: Edition, plant: Plant, rank: int, temperature: Decimal | None
) -> dict[str, Limits]:
    grades = len(edition.tables["grades"])
    limits = read_limits(edition.tables["items"], grades)
    old = edition.tables["built_before"]
    if plant.built is not None and plant.built < old["year"]:
        limits |= read_limits(old["items"], grades)
    cold = read_limits(edition.tables["cold"]["items"], grades)
    if temperature is not None:
        return limits | cold if temperature <= edition.tables["cold"]["at_most_degc"] else limits
    for item in cold.keys() & found.keys():
        if cold[item].met(found[item], rank) and not limits[item].met(found[item], rank):
            raise TemperatureNeeded(item)
    return limits


def _removal(found: Found, edition: Edition, plant: Plant) -> dict[str, bool]:
    """The items judged by their removal instead (table 1, note 1): whether it is enough."""
    rule = edition.tables["removal"]
    if plant.grade != rule["grade"]:
        return {}
    enough: dict[str, bool] = {}
    for item, inflow in plant.influent.items():
        strong = item in rule and counted(inflow) > exact(rule[item]["influent_above"])
        if strong and item in found:
            removed = 100 * (1 - counted(found[item]) / counted(inflow))
            enough[item] = removed > exact(rule[item]["percent_above"])
    return enough


def _assess(row: Row, edition: Edition) -> Mapping[str, str]:
    """Other columns: grade; if known water_temperature, built (year), cod_in, bod5_in."""
    grade = chosen(row, "grade", edition.tables["grades"])
    built = measured(row, "built")
    plant = Plant(grade, int(built.value) if built else None, _influent(row))
    limits = read_limits(edition.tables["items"], len(edition.tables["grades"]))
    rank = edition.tables["grades"].index(grade)
    limited = [item for item in limits if limits[item].bound(rank) is not None]
    found = some(found_in(row, limited), limited)
    try:
        return judge(found, edition, plant, temperature=water_temperature_in(row)).results()
    except TemperatureNeeded as missing:
        raise BadCell(
            "water_temperature",
            "",
            f"needed to judge {missing.item}: limits differ above and below 12 degC",
            "fill in the temperature of the water",
        ) from None


def _influent(row: Row) -> dict[str, Measured]:
    pairs = {item: measured(row, f"{item}_in") for item in ("cod", "bod5")}
    return {item: value for item, value in pairs.items() if value is not None}


EFFLUENT = Assessor("effluent", RESULTS, _assess)
