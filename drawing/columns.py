"""Columns as SVG, one a day, with the limits that held. Pure: numbers in, shapes out.

Columns stand on zero, so that twice as high is twice as much. A day without a value is a mark on
the axis and no column of height zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drawing.charts import Line, Tick, nice_step

WIDTH, HEIGHT = 640.0, 130.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 8.0, 10.0, 20.0
GAP = 0.22  # of a place, between two columns
NARROW = 5.0
LEAST = 1.0  # what is small is still seen
NOTHING = 1e-9  # amounts so small are drawn as none: no scale has steps for them


@dataclass(frozen=True, slots=True)
class Amount:
    """What a column stands for. title: said of it in words. whole: False = a lower bound."""

    value: float | None
    title: str
    colour: str | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    x: float
    y: float
    width: float
    height: float
    amount: Amount


@dataclass(frozen=True, slots=True)
class Columns:
    """missing: x of the middle of each place without a value; mark: half the size of its mark.

    narrow: too little room for a line around each column.
    """

    columns: tuple[Column, ...]
    missing: tuple[tuple[float, Amount], ...]
    limits: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    mark: float
    narrow: bool
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def columns(
    amounts: Sequence[Amount],
    *,
    limits: Sequence[tuple[int, int, float]] = (),
    marks: Mapping[int, str] | None = None,
) -> Columns:
    """A chart of amounts in order. limits: from and to which place (not included), and the value.

    marks: what is written under some of the places. Raises ValueError for an amount below zero.
    """
    values = [a.value for a in amounts if a.value is not None] + [v for _, _, v in limits]
    if any(value < 0 for value in values):
        raise ValueError("columns stand on zero: an amount is not below it")
    high = max([*values, 0.0])
    high = high if high > NOTHING else 1.0
    step = nice_step(high)
    high = math.ceil(high / step - 1e-9) * step
    place = (WIDTH - LEFT - RIGHT) / max(1, len(amounts))

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / high * (HEIGHT - TOP - BOTTOM), 1)

    def middle(at: float) -> float:
        return round(LEFT + (at + 0.5) * place, 1)

    drawn, missing = [], []
    for at, amount in enumerate(amounts):
        if amount.value is None:
            missing.append((middle(at), amount))
            continue
        top = min(y(amount.value), HEIGHT - BOTTOM - LEAST)
        x, width = LEFT + at * place + place * GAP / 2, place * (1 - GAP)
        height = round(HEIGHT - BOTTOM - top, 1)
        drawn.append(Column(round(x, 1), top, round(width, 1), height, amount))
    mark = round(min(3.0, place * 0.4), 1)
    decimals = max(0, -math.floor(math.log10(step)))
    return Columns(
        columns=tuple(drawn),
        missing=tuple(missing),
        limits=tuple(
            Line(round(LEFT + start * place, 1), round(LEFT + end * place, 1), y(value))
            for start, end, value in limits
        ),
        x_ticks=tuple(Tick(middle(at), text) for at, text in (marks or {}).items()),
        y_ticks=tuple(
            Tick(y(n * step), f"{n * step:.{decimals}f}") for n in range(round(high / step) + 1)
        ),
        mark=mark,
        narrow=place < NARROW,
    )
