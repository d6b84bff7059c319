"""Whole tables through the evaluators: `onenet assess`. Text in, text out.

The input's columns come back unchanged and in order; results are appended under their names, then
`error`, empty where the row is fine. The edition is the one named, else that of the row's `date`,
else that of the day given.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date
from typing import TextIO

from standards.editions import UnknownEdition, edition
from standards.rows import ERROR, Assessor, BadCell, Row, day_of


def assess_rows(
    rows: Iterable[Row], assessor: Assessor, *, named: str | None, on: date
) -> Iterator[dict[str, str]]:
    """Each row with its results. A row that cannot be assessed has only an `error`.

    An assessor finds the day that is judged in the row's `date`, given or not: limits of other
    families are chosen by it. Raises UnknownEdition when `named` is none of the assessor's family.
    """
    if named is not None:
        edition(assessor.family, named=named)
    for row in rows:
        results = dict.fromkeys(assessor.results, "")
        error = ""
        try:
            day = day_of(row) or on
            found = dict(
                assessor.assess(
                    {**row, "date": day.isoformat()}, edition(assessor.family, on=day, named=named)
                )
            )
            error = found.pop(ERROR, "")
            results.update(found)
        except (BadCell, UnknownEdition) as problem:
            results, error = dict.fromkeys(assessor.results, ""), str(problem)
        yield {**row, **results, ERROR: error}


def assess_csv(
    source: TextIO, target: TextIO, assessor: Assessor, *, named: str | None, on: date
) -> tuple[int, int]:
    """Assess a CSV table; returns the number of rows and of rows with an error.

    Raises ValueError for a table without a head, with a column twice, or with a row that has more
    cells than the head; and UnknownEdition.
    """
    reader = csv.DictReader(source)
    head = list(reader.fieldnames or [])
    if not head:
        raise ValueError("the table is empty: its first row must name the columns")
    twice = sorted({name for name in head if head.count(name) > 1})
    if twice:
        raise ValueError(f"column {twice[0]!r} stands twice in the first row")
    taken = [name for name in (*assessor.results, ERROR) if name in head]
    if taken:
        raise ValueError(f"column {taken[0]!r} is a result: rename it in the input")
    writer = csv.DictWriter(target, [*head, *assessor.results, ERROR], lineterminator="\n")
    writer.writeheader()
    total = wrong = 0
    for row in assess_rows(_whole(reader), assessor, named=named, on=on):
        writer.writerow(row)
        total += 1
        wrong += bool(row[ERROR])
    return total, wrong


def _whole(reader: csv.DictReader[str]) -> Iterator[Row]:
    for row in reader:
        if None in row:
            raise ValueError(f"line {reader.line_num} has more cells than the first row has names")
        yield {name: value or "" for name, value in row.items()}
