"""A calendar as SVG: a column a week, a row a weekday, Monday on top. Pure: shapes, no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Generic, Protocol, TypeVar

CELL, GAP = 30, 3
LEFT, TOP = 34, 20


class Dated(Protocol):
    """Anything that belongs to a day."""

    @property
    def day(self) -> date: ...


Day = TypeVar("Day", bound=Dated)


@dataclass(frozen=True, slots=True)
class Cell(Generic[Day]):
    day: Day
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class MonthLabel:
    x: int
    year: int
    month: int


@dataclass(frozen=True, slots=True)
class HeatMap(Generic[Day]):
    """weekdays: y of the middle of each row, Monday first."""

    width: int
    height: int
    cells: tuple[Cell[Day], ...]
    months: tuple[MonthLabel, ...]
    weekdays: tuple[int, ...]


def heat_map(days: Sequence[Day]) -> HeatMap[Day]:
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
