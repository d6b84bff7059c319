"""Drinking water by GB 5749-2022: routine indices and disinfectants, at the plant or at the tap.

mg/L. Gross alpha and beta activity are guidance values: over them the nuclides are analysed before
anything is said of the water. Here they count as exceeding, so that nobody passes over them. Water
at its source is surface water or groundwater, and judged as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from standards.editions import Edition
from standards.rows import Assessor, Measured, Row, chosen
from standards.water_compliance import RESULTS, Compliance
from standards.water_limits import Found, Limits, counted, exceeding, found_in, read_limits, some

Place = Literal["plant", "tap"]


def judge(found: Found, edition: Edition, *, place: Place = "tap") -> Compliance:
    """Compliance of a sample (tables 1 and 2). place: where it was taken; matters to disinfectants.

    Trihalomethanes are the sum of value / limit of four; formed where it is not given and they are.
    Raises ValueError when nothing can be judged.
    """
    limits = _limits(edition)
    whole = _with_ratios(found, limits, edition)
    judged = tuple(sorted(whole.keys() & limits.keys()))
    if not judged:
        raise ValueError("no item of the table was measured")
    rank = edition.tables["places"].index(place)
    return Compliance(judged, exceeding(limits, whole, rank, edition.tables["no_multiple"]))


def _limits(edition: Edition) -> dict[str, Limits]:
    return read_limits(edition.tables["items"], len(edition.tables["places"]))


def _with_ratios(
    found: Found, limits: Mapping[str, Limits], edition: Edition
) -> dict[str, Measured]:
    whole = dict(found)
    for total, parts in edition.tables["ratios"].items():
        if total not in found and all(part in found for part in parts):
            ratios = (_ratio(found[part], limits[part]) for part in parts)
            whole[total] = Measured(sum(ratios, Decimal(0)))
    return whole


def _ratio(value: Measured, limits: Limits) -> Decimal:
    bound = limits.bound(0)
    if not isinstance(bound, Decimal):
        raise ValueError("a ratio needs an upper bound")
    return counted(value) / bound


def _assess(row: Row, edition: Edition) -> Mapping[str, str]:
    place: Place = "tap"
    if (row.get("place") or "").strip():
        place = "plant" if chosen(row, "place", edition.tables["places"]) == "plant" else "tap"
    limits = _limits(edition)
    return judge(some(found_in(row, limits), limits), edition, place=place).results()


DRINKING = Assessor("drinking_water", RESULTS, _assess)
