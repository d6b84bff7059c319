"""Whole tables through the evaluators: `onenet assess`. Text in, text out.

The input's columns come back unchanged and in order; results are appended under their names, then
`error`, empty where the row is fine. The edition is the one named, else that of the row's `date`,
else that of the day given.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, TextIO

from standards.editions import UnknownEdition, edition
from standards.rows import ERROR, Assessor, BadCell, Row, clean, day_of

DELIMITERS = ",;\t"
COLUMNS_TOLD = 8
_BLANK = " \r\n\t,;\ufeff"


def assess_rows(
    rows: Iterable[Row], assessor: Assessor, *, named: str | None, on: date
) -> Iterator[dict[str, str]]:
    """Each row with its results. A row that cannot be assessed has only an `error`.

    An assessor finds the day that is judged in the row's `date`, given or not: limits of other
    families are chosen by it. Raises UnknownEdition when `named` is none of the assessor's family.
    """
    _check(assessor, named)
    for row in rows:
        yield {**row, **_judged(row, assessor, named=named, on=on)}


def _check(assessor: Assessor, named: str | None) -> None:
    if named is not None:
        edition(assessor.family, named=named)


def _judged(row: Row, assessor: Assessor, *, named: str | None, on: date) -> dict[str, str]:
    """The results of a row, each named, and its `error`."""
    nothing = dict.fromkeys(assessor.results, "")
    try:
        day = day_of(row) or on
        asked = _Asked({**row, "date": day.isoformat()})
        found = dict(assessor.assess(asked, edition(assessor.family, on=day, named=named)))
    except (BadCell, UnknownEdition) as problem:
        return {**nothing, ERROR: str(problem)}
    error = found.pop(ERROR, "")
    if not error and not any(found.values()):
        error = asked.error()
    return {**nothing, **found, ERROR: error}


class _Asked(dict[str, str]):
    """A row that knows which of the columns an assessor asked for it has."""

    def __init__(self, cells: Row) -> None:
        super().__init__(cells)
        self._met = False
        self._missed: dict[str, None] = {}

    def _note(self, name: str) -> None:
        self._met = self._met or (name in self and name != "date")
        if name not in self:
            self._missed[name] = None

    def get(self, name: str, default: Any = None) -> Any:
        self._note(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self._note(name)
        return super().__getitem__(name)

    def error(self) -> str:
        """Why there can be no result: the table has none of the columns; empty if it has one."""
        if self._met or not self._missed:
            return ""
        wanted = ", ".join(list(self._missed)[:COLUMNS_TOLD])
        rule = f"none of the columns that are read is there: {wanted} ..."
        own = ", ".join(name for name in self if name and name != "date")
        return str(BadCell("columns", own, rule, "name the columns so"))


def assess_csv(
    source: TextIO, target: TextIO, assessor: Assessor, *, named: str | None, on: date
) -> tuple[int, int]:
    """Assess a CSV table; returns the number of rows and of rows with an error.

    The delimiter is that of the first row: comma, semicolon or tab; the output has the same.
    Columns are known by their names without regard to case, spaces and full-width letters. A row
    with more cells than the first has names is an error of that row. Raises ValueError for a table
    without a head, with a column twice, or whose quotes do not close; and UnknownEdition.
    """
    _check(assessor, named)
    text, delimiter = _body(source.read())
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        head = next(lines, [])
        names = _names(head, assessor)
        writer = csv.writer(target, delimiter=delimiter, lineterminator="\n")
        writer.writerow([*head, *assessor.results, ERROR])
        total = wrong = 0
        for cells in lines:
            if not cells:
                continue
            kept, found = _assess_cells(cells, names, assessor, named=named, on=on)
            # The writer quotes a line feed in a cell, but not a carriage return.
            writer.writerow(cell.replace("\r", "\n") for cell in (*kept, *found))
            total += 1
            wrong += bool(found[-1])
    except csv.Error as problem:
        raise ValueError(f"line {lines.line_num}: {problem}: look at the quotes there") from None
    return total, wrong


def _assess_cells(
    cells: list[str], names: list[str], assessor: Assessor, *, named: str | None, on: date
) -> tuple[list[str], list[str]]:
    """A row's own cells, as many as there are names, and its results with the error."""
    kept = (cells + [""] * len(names))[: len(names)]
    if len(cells) > len(names):
        problem = BadCell(
            "row", cells[len(names)], f"{len(names)} cells, as the first row", "quote or remove it"
        )
        return kept, [*[""] * len(assessor.results), str(problem)]
    row = {name: cell for name, cell in zip(names, kept, strict=True) if name}
    judged = _judged(row, assessor, named=named, on=on)
    return kept, [judged[name] for name in (*assessor.results, ERROR)]


def _body(text: str) -> tuple[str, str]:
    """The table from its first row on that is not blank, and its delimiter."""
    lines = text.splitlines(keepends=True)
    begun = next((n for n, line in enumerate(lines) if line.strip(_BLANK)), len(lines))
    text, first = "".join(lines[begun:]), lines[begun].rstrip() if begun < len(lines) else ""
    if first.casefold().startswith("sep=") and len(first) == len("sep=;"):
        return _body(text[len(first) :])[0], first[-1]
    return text, max(DELIMITERS, key=first.count)


def _names(head: list[str], assessor: Assessor) -> list[str]:
    """The columns as assessors call them; empty ones are left alone. Raises ValueError."""
    names = [clean(name).casefold() for name in head]
    if not any(names):
        raise ValueError("the table is empty: its first row must name the columns")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ValueError(f"column {twice[0]!r} stands twice in the first row")
    taken = [name for name in (*assessor.results, ERROR) if name in names]
    if taken:
        raise ValueError(f"column {taken[0]!r} is a result: rename it in the input")
    return names
