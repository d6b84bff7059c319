"""Rows of a table in, rows with results out: what every assessor of `onenet assess` shares.

A cell is text, as a laboratory wrote it. Empty means not measured; `<0.05`, `ND(0.05)` and `0.05L`
mean below the detection limit of 0.05. What cannot be understood raises `BadCell`, which becomes
the row's `error`; it never stops the other rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from standards.editions import Edition
from standards.rounding import exact

Row = Mapping[str, str]
ERROR = "error"


class BadCell(ValueError):
    """A cell that cannot be assessed: field, value, rule, and what to do."""

    def __init__(self, field: str, value: str, rule: str, remedy: str) -> None:
        self.field = field
        super().__init__(f"{field} = {value!r}: {rule}; {remedy}")


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured value; below: it is the detection limit, and the true value lies below it."""

    value: Decimal
    below: bool = False


@dataclass(frozen=True, slots=True)
class Assessor:
    """One kind of assessment of a row.

    family: of editions, from which one is chosen for each row. results: the columns that are
    appended, in order. assess: results of a row by column, absent ones empty, and `error` beside
    them when only a part could be assessed; raises BadCell when nothing could.
    """

    family: str
    results: tuple[str, ...]
    assess: Callable[[Row, Edition], Mapping[str, str]]


_BELOW = re.compile(
    r"^(?:[<＜]\s*(?P<a>\S+)|ND\s*[(（]\s*(?P<b>\S+?)\s*[)）]|(?P<c>[\d.]+)L)$", re.I
)
_NOTHING = {"", "-", "--", "/", "na", "n/a", "null"}


def measured(row: Row, field: str, *, minimum: Decimal | None = Decimal(0)) -> Measured | None:
    """The measured value of a cell; None when it was not measured. Raises BadCell.

    minimum: the smallest value that can be; None = any, as for a temperature.
    """
    text = (row.get(field) or "").strip()
    if text.casefold() in _NOTHING:
        return None
    below = _BELOW.match(text)
    number = next((part for part in below.groups() if part), "") if below else text
    try:
        value = exact(number)
    except ValueError:
        raise BadCell(
            field,
            text,
            "a number, or a detection limit such as <0.05",
            "correct the cell, or leave it empty if it was not measured",
        ) from None
    if minimum is not None and value < minimum:
        raise BadCell(field, text, f"not below {minimum}", "correct the cell, or leave it empty")
    return Measured(value, below is not None)


def chosen(row: Row, field: str, allowed: Iterable[str]) -> str:
    """A cell that must be one of a few words. Raises BadCell."""
    text = (row.get(field) or "").strip()
    words = list(allowed)
    if text not in words:
        raise BadCell(field, text, "one of " + ", ".join(words), "correct the cell")
    return text


def names(found: Iterable[str]) -> str:
    """Several names in one cell: alphabetical, joined by `;`."""
    return ";".join(sorted(found))


def day_of(row: Row) -> date | None:
    """The day of a row's `date`; None when it has none. Raises BadCell."""
    text = (row.get("date") or "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadCell("date", text, "a date as 2026-03-01", "correct the cell") from None
