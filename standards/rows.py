"""Rows of a table in, rows with results out: what every assessor of `onenet assess` shares.

A cell is text, as a laboratory wrote it, full-width forms included. Empty means not measured;
`<0.05`, `ND(0.05)` and `0.05L` mean below the detection limit of 0.05. What cannot be understood,
or could be in two ways (`1,234`, `3/1/2026`), raises `BadCell`, which becomes the row's `error`; it
never stops the other rows.
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


_BELOW = re.compile(r"^(?:<\s*(?P<a>\S+)|ND\s*\(\s*(?P<b>\S+?)\s*\)|(?P<c>[\d.]+)L)$", re.I)
_NOTHING = {"", "-", "--", "/", "na", "n/a", "null"}
_NOT_DETECTED = {"nd", "n.d.", "未检出", "未檢出", "bdl", "<", "<dl", "<mdl"}
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$", re.I | re.A)
_GROUPED = re.compile(r"^[+-]?[\d.,' ]*\d[,' ][\d.,' ]*$")
_MOST = Decimal(10) ** 12  # of any unit: nothing that is measured comes near

_YEAR_FIRST = re.compile(
    r"^(\d{4})([-/.年])(\d{1,2})([-/.月])(\d{1,2})日?(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$",
    re.A,
)

# Full-width letters, digits and signs as they are typed in Chinese; what is not seen is left out.
_PLAIN = {0xFF01 + n: 0x21 + n for n in range(94)} | {
    **dict.fromkeys((0x3000, 0xA0, 0x2007, 0x202F), " "),
    **dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF)),
    **dict.fromkeys((0x2212, 0x2010, 0x2011, 0x2012, 0x2013), "-"),
}


def clean(text: str) -> str:
    """A cell or a column's name without what only looks: full-width forms and hidden characters."""
    return text.translate(_PLAIN).strip()


def measured(row: Row, field: str, *, minimum: Decimal | None = Decimal(0)) -> Measured | None:
    """The measured value of a cell; None when it was not measured. Raises BadCell.

    minimum: the smallest value that can be; None = any, as for a temperature.
    """
    text = clean(row.get(field) or "")
    if text.casefold() in _NOTHING:
        return None
    below = _BELOW.match(text)
    number = next((part for part in below.groups() if part), "") if below else text
    if not _NUMBER.match(number):
        raise BadCell(field, text, *_why_no_number(text))
    try:
        value = exact(number)
    except ValueError:
        raise BadCell(field, text, "a number that can be measured", "correct the cell") from None
    if abs(value) > _MOST:
        raise BadCell(field, text, f"at most {_MOST:.0e}", "correct the cell or its unit")
    if minimum is not None and value < minimum:
        raise BadCell(field, text, f"not below {minimum}", "correct the cell, or leave it empty")
    return Measured(value, below is not None)


def _why_no_number(text: str) -> tuple[str, str]:
    """Rule and remedy for a cell that is no number."""
    if text.casefold() in _NOT_DETECTED:
        return "not detected needs the detection limit", "write it as <0.05"
    if _GROUPED.match(text):
        return (
            "a number without separators, with a point",
            "write 1234.5, neither 1,234.5 nor 1234,5",
        )
    return (
        "a number, or a detection limit such as <0.05",
        "correct the cell, without a unit, or leave it empty if it was not measured",
    )


def chosen(row: Row, field: str, allowed: Iterable[str]) -> str:
    """A cell that must be one of a few words. Raises BadCell."""
    text = clean(row.get(field) or "")
    words = list(allowed)
    if text not in words:
        raise BadCell(field, text, "one of " + ", ".join(words), "correct the cell")
    return text


def names(found: Iterable[str]) -> str:
    """Several names in one cell: alphabetical, joined by `;`."""
    return ";".join(sorted(found))


def day_of(row: Row) -> date | None:
    """The day of a row's `date`, written year first; None when it has none. Raises BadCell."""
    text = clean(row.get("date") or "")
    if not text:
        return None
    parts = _YEAR_FIRST.match(text)
    try:
        if parts:
            return date(int(parts[1]), int(parts[3]), int(parts[5]))
        return date.fromisoformat(text)
    except ValueError:
        raise BadCell(
            "date", text, "a date as 2026-03-01, year first", "correct the cell"
        ) from None
