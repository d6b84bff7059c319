"""A calendar as SVG: a column a week, a row a weekday, Monday on top. Pure: shapes, no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from network.views.calendar import CalendarDay

CELL, GAP = 30, 3
LEFT, TOP = 34, 20


@dataclass(frozen=True, slots=True)
class Cell:
    day: CalendarDay
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class MonthLabel:
    x: int
    year: int
    month: int


@dataclass(frozen=True, slots=True)
class HeatMap:
    """weekdays: y of the middle of each row, Monday first."""

    width: int
    height: int
    cells: tuple[Cell, ...]
    months: tuple[MonthLabel, ...]
    weekdays: tuple[int, ...]


def heat_map(days: Sequence[CalendarDay]) -> HeatMap:
    """The days in their places. A month's label stands over the column of its first day."""
    cells, labels = [], []
    monday = days[0].day - timedelta(days=days[0].day.weekday()) if days else None
    for each in days:
        week = 0 if monday is None else (each.day - monday).days // 7
        x = LEFT + week * (CELL + GAP)
        cells.append(Cell(each, x, TOP + each.day.weekday() * (CELL + GAP)))
        if each.day.day == 1 or (each is days[0] and each.day.day <= 20):
            labels.append(MonthLabel(x, each.day.year, each.day.month))
    width = max((cell.x for cell in cells), default=LEFT) + CELL + GAP
    rows = tuple(TOP + row * (CELL + GAP) + CELL // 2 for row in range(7))
    return HeatMap(width, TOP + 7 * (CELL + GAP), tuple(cells), tuple(labels), rows)
