"""Limits of water, item by item: what every water standard's table is made of.

An item has one limit a class (or grade, or place), the strictest first. A limit is an upper bound,
a lower bound or a range; a value exactly at its bound meets it, except under `above`. Numbers are
decimals, in the unit of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from standards.rounding import exact
from standards.rows import BadCell, Measured, Row, measured

HALF = Decimal("0.5")
HIGHEST_PH = Decimal(14)
COLDEST = Decimal(-2)

Bound = Decimal | tuple[Decimal, Decimal] | None
Found = Mapping[str, Measured]


class Kind(StrEnum):
    """How a value is held against a bound: the words of the tables."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    ABOVE = "above"
    WITHIN = "within"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one item. bounds: by class, strictest first; None = no limit in that class.

    Classes after the last bound have no limit either.
    """

    kind: Kind
    bounds: tuple[Bound, ...]
    zh: str
    en: str
    unit: str

    def bound(self, rank: int) -> Bound:
        return self.bounds[rank] if rank < len(self.bounds) else None

    def met(self, value: Measured, rank: int) -> bool:
        """Whether the value meets the limit of the class of that rank (0 = strictest)."""
        return _met(self.kind, value, self.bound(rank))

    def rank(self, value: Measured) -> int:
        """The rank of the best class whose limit is met; one past the last when none is.

        Classes with equal limits so give the better of them.
        """
        ranks = range(len(self.bounds))
        return next((rank for rank in ranks if self.met(value, rank)), len(self.bounds))

    def multiple(self, value: Measured, rank: int) -> Decimal | None:
        """By how much a value lies over the upper bound, C / S - 1 (超标倍数), unrounded.

        None where the item has no upper bound, or a bound of zero (not to be detected).
        """
        bound = self.bound(rank)
        if self.kind is not Kind.AT_MOST or not isinstance(bound, Decimal) or not bound:
            return None
        return counted(value) / bound - 1


def counted(value: Measured) -> Decimal:
    """The number with which a value takes part: half the detection limit when it lies below that.

    环办监测函[2020]82号, 七; SL 219-2013, 12.2.5.
    """
    return value.value * HALF if value.below else value.value


def _met(kind: Kind, value: Measured, bound: Bound) -> bool:
    number = counted(value)
    match kind, bound:
        case _, None:
            return True
        case Kind.AT_MOST, Decimal() as most:
            return number <= most or (value.below and not most)
        case Kind.AT_LEAST, Decimal() as least:
            return number >= least
        case Kind.ABOVE, Decimal() as least:
            return number > least
        case Kind.WITHIN, (low, high):
            return low <= number <= high
        case _:
            raise ValueError(f"{kind} cannot be held against {bound}")


def read_limits(items: Mapping[str, Mapping[str, Any]], classes: int) -> dict[str, Limits]:
    """The limits of a table's items. A single limit holds for all classes. Raises ValueError."""
    return {key: _limits(key, item, classes) for key, item in items.items()}


def _limits(key: str, item: Mapping[str, Any], classes: int) -> Limits:
    kinds = [kind for kind in Kind if kind.value in item]
    if len(kinds) != 1:
        raise ValueError(f"{key}: exactly one of {', '.join(Kind)} is needed")
    written = item[kinds[0].value]
    bounds = [_bound(one) for one in (written if isinstance(written, list) else [written])]
    if len(bounds) == 1:
        bounds *= classes
    if len(bounds) > classes:
        raise ValueError(f"{key}: {len(bounds)} limits for {classes} classes")
    return Limits(kinds[0], tuple(bounds), item["zh"], item["en"], item.get("unit", "mg/L"))


def _bound(written: Any) -> Bound:
    if written is None:
        return None
    if isinstance(written, list):
        low, high = written
        return exact(low), exact(high)
    return exact(written)


def exceeding(
    limits: Mapping[str, Limits], found: Found, rank: int, without: Iterable[str] = ()
) -> dict[str, Decimal | None]:
    """The items that do not meet the limit of that rank, each with its multiple (C / S - 1).

    without: items for which the standard computes no multiple; theirs is None.
    """
    plain = set(without)
    over: dict[str, Decimal | None] = {}
    for item in sorted(found.keys() & limits.keys()):
        if not limits[item].met(found[item], rank):
            multiple = limits[item].multiple(found[item], rank)
            over[item] = None if item in plain else multiple
    return over


def found_in(row: Row, items: Iterable[str]) -> dict[str, Measured]:
    """The items that a row gives a value for; an empty cell is missing, never zero. Raises BadCell.

    A redox potential may be negative, nothing else; a pH ends at 14.
    """
    found: dict[str, Measured] = {}
    for item in items:
        value = measured(row, item, minimum=None if item == "orp_mv" else Decimal(0))
        if value is None:
            continue
        if item == "ph" and value.value > HIGHEST_PH:
            raise BadCell(item, str(value.value), "not above 14", "correct the cell")
        found[item] = value
    return found


def some(found: dict[str, Measured], items: Iterable[str]) -> dict[str, Measured]:
    """The same values, when there are any. Raises BadCell: a row without a value has no verdict."""
    if found:
        return found
    raise BadCell(
        "row", "", "a value for at least one of " + ", ".join(sorted(items)), "fill one in"
    )


def water_temperature_in(row: Row) -> Decimal | None:
    """The water temperature of a row, degC: `water_temperature`, else `temperature`."""
    for field in ("water_temperature", "temperature"):
        value = measured(row, field, minimum=COLDEST)
        if value is not None:
            return value.value
    return None
