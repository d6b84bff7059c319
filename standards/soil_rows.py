"""`onenet assess soil` and `soil-risk`: one row is one sample, contents in mg/kg.

Columns: `land` is `paddy`, `orchard` or `other` for farmland (GB 15618; needs `ph`), `class_1` or
`class_2` for construction land (GB 36600); then one column an item, under the item's key in the
standard's table (`cd`, `hg`, `as` ... `benzene`). Empty = not measured, `<0.05` = not detected.
Farmland has a limit for total chromium (`cr`), construction land for hexavalent chromium (`cr6`);
an item without a limit for the row's land is left alone.

The assessors' family is that of farmland; the editions for construction land and for the index are
those that hold on the same day (or that the deployment fixes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import TypeVar

from standards.editions import Edition, edition
from standards.rounding import plain, revise
from standards.rows import Assessor, BadCell, Measured, Row, chosen, day_of, measured, names
from standards.soil import (
    DetectionLimitTooHigh,
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

Found = TypeVar("Found")
_PURE = Decimal(1_000_000)  # mg/kg: there is nothing else in the sample


def assess_soil(row: Row, farmland: Edition) -> Mapping[str, str]:
    """max_p, max_item, nemerow and grade; three decimals. Raises BadCell."""
    _, limits = _limits(row, farmland)
    sample = _sample(row, limits)
    factors = _decided(row, lambda: single_factors(sample, limits))
    index = nemerow(factors.values())
    return {
        "max_p": plain(revise(max(factors.values()), 3)),
        "max_item": names(largest(factors)),
        "nemerow": plain(revise(index, 3)),
        "grade": nemerow_grade(edition("soil_indices", on=_day(row)), index).zh,
    }


def assess_soil_risk(row: Row, farmland: Edition) -> Mapping[str, str]:
    """risk, in the words of the land's standard, and the items that decide it. Raises BadCell."""
    standard, limits = _limits(row, farmland)
    sample = _sample(row, limits)
    verdict = _decided(row, lambda: risk(sample, limits))
    return {"risk": risk_grade(standard, verdict.risk).zh, "deciding": names(verdict.deciding)}


SOIL = Assessor("soil_farmland", ("max_p", "max_item", "nemerow", "grade"), assess_soil)
SOIL_RISK = Assessor("soil_farmland", ("risk", "deciding"), assess_soil_risk)


def _limits(row: Row, farmland: Edition) -> tuple[Edition, dict[str, SoilLimit]]:
    construction = edition("soil_construction", on=_day(row))
    farms, sites = farmland.tables["lands"], construction.tables["lands"]
    land = chosen(row, "land", (*farms, *sites))
    if land in sites:
        return construction, construction_limits(construction, land)
    return farmland, farmland_limits(farmland, land, _ph(row))


def _ph(row: Row) -> Decimal:
    found = measured(row, "ph", minimum=None)
    if found is None or found.below or not 0 <= found.value <= 14:
        rule = "farmland has its limits by pH, from 0 to 14"
        raise BadCell("ph", row.get("ph") or "", rule, "measure or correct the pH")
    return found.value


def _sample(row: Row, limits: Mapping[str, SoilLimit]) -> dict[str, Measured]:
    cells = {item: measured(row, item) for item in limits}
    sample = {item: content for item, content in cells.items() if content is not None}
    if not sample:
        shown = ", ".join(list(limits)[:8])
        raise BadCell("items", "", f"at least one item with a limit ({shown} ...)", "fill one in")
    for item, content in sample.items():
        if content.value > _PURE:
            raise BadCell(item, row[item], f"at most {_PURE} mg/kg", "correct the cell or its unit")
    return sample


def _decided(row: Row, compute: Callable[[], Found]) -> Found:
    try:
        return compute()
    except DetectionLimitTooHigh as problem:
        rule = f"a detection limit up to the screening value {problem.screening} mg/kg"
        remedy = "use a more sensitive method, or leave it empty"
        raise BadCell(problem.item, row[problem.item], rule, remedy) from None


def _day(row: Row) -> date:
    day = day_of(row)
    if day is None:
        raise BadCell("date", "", "the day whose limits hold", "give the day of sampling")
    return day
