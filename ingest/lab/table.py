"""A laboratory's table as a whole: every sample in it, or everything that is wrong with it.

Nothing is taken from a table that has an error anywhere: who mends a row sends the whole again.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ingest.lab.columns import Columns, columns_of
from ingest.lab.heads import Head, Reader
from ingest.lab.results import long_result, wide_result
from schemas.ids import StationId
from schemas.registry import Station
from schemas.samples import Result, Sample, SampleMedium
from standards import read_table
from standards.rows import BadCell

Key = tuple[str, str]  # station, number


@dataclass(frozen=True, slots=True)
class LabFile:
    """problems: one line each; when there are any, there are no samples. ignored: columns."""

    samples: tuple[Sample, ...]
    problems: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def results(self) -> list[Result]:
        return [result for sample in self.samples for result in sample.results]

    @property
    def converted(self) -> dict[str, int]:
        """How many results came in another unit, by what became what."""
        written = ((r.reported.split(maxsplit=1)[1], r.unit) for r in self.results if r.reported)
        return dict(Counter(f"{before} to {after}" for before, after in written))


@dataclass(slots=True)
class _Found:
    """A sample that is being put together. line: where it began."""

    line: int
    head: Head
    results: dict[str, Result] = field(default_factory=dict)


def read_lab_file(
    source: Path,
    stations: Mapping[StationId, Station],
    *,
    now: datetime,
    given: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
) -> LabFile:
    """Read a CSV file, long or wide. given: what holds where the table has no such column.

    Raises OSError, and ValueError for a file that is no text.
    """
    text, _ = read_table(source)
    return read_lab_table(text, stations, now=now, given=given or {}, ignore=ignore)


def read_lab_table(
    text: str,
    stations: Mapping[StationId, Station],
    *,
    now: datetime,
    given: Mapping[str, str],
    ignore: Sequence[str] = (),
) -> LabFile:
    """The same of a text."""
    table = csv.DictReader(io.StringIO(text, newline=""), restval="")
    try:
        return _read(table, stations, now, given, ignore)
    except csv.Error as problem:  # a quote that is never closed makes one cell of the rest
        told = f"line {table.line_num}: {problem}; check the quotes of this line and those before"
        return LabFile((), (told,), ())


def _read(
    table: csv.DictReader[str],
    stations: Mapping[StationId, Station],
    now: datetime,
    given: Mapping[str, str],
    ignore: Sequence[str],
) -> LabFile:
    columns, wrong = columns_of(list(table.fieldnames or []), ignore)
    problems = [f"line 1: {problem}" for problem in wrong]
    if problems:
        return LabFile((), tuple(problems), columns.ignored)
    reader = Reader(stations, columns.headers, now)
    found: dict[Key, _Found] = {}
    for row in table:
        for problem in _take(row, table.line_num, columns, reader, given, found):
            problems.append(f"line {table.line_num}: {problem}")
    if not found and not problems:
        problems.append("line 2: row = '': at least one row below the head; fill one in")
    samples = () if problems else tuple(_sample(one) for one in found.values())
    return LabFile(samples, tuple(problems), columns.ignored)


def _take(
    row: Mapping[str | None, str],
    line: int,
    columns: Columns,
    reader: Reader,
    given: Mapping[str, str],
    found: dict[Key, _Found],
) -> Iterator[BadCell]:
    """Put a row with its sample; yields what is wrong with it."""
    if None in row:
        yield BadCell("row", str(row[None]), "as many cells as the head", "correct the row")
        return
    plain = {str(name): cell.strip() for name, cell in row.items()}
    own = {ours: plain[header] for ours, header in columns.headers.items()}
    cells = {**given, **{ours: cell for ours, cell in own.items() if cell or ours not in given}}
    head, wrong = reader.head(cells)
    yield from wrong
    medium = reader.medium(cells)
    if medium is None:
        return
    results, bad = _results(plain, cells, columns, medium)
    yield from bad
    if head is None:
        return
    if not results and not bad:
        yield BadCell("row", "", "a value for at least one determinand", "fill one in")
    key = head.station.id, head.number
    one = found.setdefault(key, _Found(line, head))
    yield from _conflicts(one, head, results, line, columns)
    one.results.update({result.determinand: result for result in results})


def _results(
    row: Mapping[str, str], cells: Mapping[str, str], columns: Columns, medium: SampleMedium
) -> tuple[list[Result], list[BadCell]]:
    results: list[Result] = []
    wrong: list[BadCell] = []
    if columns.long:
        try:
            results.append(long_result(cells, columns.headers, medium))
        except BadCell as problem:
            wrong.append(problem)
        return results, wrong
    for column in columns.contents:
        try:
            result = wide_result(row, column, medium, cells)
        except BadCell as problem:
            wrong.append(problem)
            continue
        if result is not None:
            results.append(result)
    return results, wrong


def _conflicts(
    one: _Found, head: Head, results: Sequence[Result], line: int, columns: Columns
) -> Iterator[BadCell]:
    if one.line == line:
        return
    remedy = f"correct it here or on line {one.line}, or give the sample a number of its own"
    if not columns.long:
        rule = "a sample stands on one row of a wide table"
        yield BadCell("sample", head.number, rule, remedy)
    for name in ("taken", "depth_from", "depth_to", "laboratory", "remark"):
        before, now = getattr(one.head, name), getattr(head, name)
        if before != now and columns.long:
            field_name = columns.headers.get(name, name)
            yield BadCell(field_name, str(now), f"one for a sample, {before} so far", remedy)
    for result in results:
        if result.determinand in one.results and columns.long:
            rule = f"once in sample {head.number!r}"
            yield BadCell("determinand", result.determinand, rule, remedy)


def _sample(one: _Found) -> Sample:
    head = one.head
    return Sample(
        number=head.number,
        station=head.station.id,
        medium=head.medium,
        taken=head.taken,
        depth_from=head.depth_from,
        depth_to=head.depth_to,
        laboratory=head.laboratory,
        remark=head.remark,
        results=tuple(one.results.values()),
    )
