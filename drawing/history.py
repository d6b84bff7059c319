"""A determinand over the years as SVG: samples as marks, limits as lines. Pure.

What was not detected is an open mark at its limit, for the value lies somewhere below it; no line
leads there. The scale begins at zero. A limit that lies far above everything else would flatten
the rest: it is left to the words beside the chart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drawing.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Tick, nice_step
from schemas import CITY_TIME, Interval

FAR = 2.5  # times the highest value, or the lowest limit
_TICKS = 7
_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)  # months between ticks
_PAD = timedelta(days=40)


@dataclass(frozen=True, slots=True)
class Spot:
    """One result. series: spots of one series are joined by a line. title: what a pointer tells."""

    at: datetime
    value: float
    below: bool
    series: str
    title: str


@dataclass(frozen=True, slots=True)
class Held:
    """A limit from one moment to another."""

    start: datetime
    end: datetime
    value: float
    kind: str


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    y: float
    below: bool
    title: str


@dataclass(frozen=True, slots=True)
class Step:
    x1: float
    x2: float
    y: float
    kind: str


@dataclass(frozen=True, slots=True)
class HistoryChart:
    """Everything the template paints. beyond: kinds of limits that lie above the scale."""

    paths: tuple[str, ...]
    marks: tuple[Mark, ...]
    steps: tuple[Step, ...]
    beyond: tuple[str, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def history_chart(spots: Sequence[Spot], limits: Sequence[Held], until: datetime) -> HistoryChart:
    """A chart of at least one spot, up to a moment. spots: in order of time."""
    window = Interval(spots[0].at - _PAD, max(until, spots[-1].at + _PAD))
    highest = max(spot.value for spot in spots)
    reach = FAR * max([highest, *sorted(held.value for held in limits)[:1]])
    shown = [held for held in limits if held.value <= reach]
    top = max([highest, *(held.value for held in shown)]) * 1.08 or 1.0
    step = nice_step(top)
    top = math.ceil(top / step) * step
    decimals = max(0, -math.floor(math.log10(step)))

    def x(moment: datetime) -> float:
        share = (moment - window.start) / window.length
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM), 1)

    series = dict.fromkeys(spot.series for spot in spots)
    return HistoryChart(
        paths=tuple(
            _path([(x(s.at), y(s.value), s.below) for s in spots if s.series == one])
            for one in series
        ),
        marks=tuple(Mark(x(s.at), y(s.value), s.below, s.title) for s in spots),
        steps=tuple(Step(x(h.start), x(h.end), y(h.value), h.kind) for h in shown),
        beyond=tuple(dict.fromkeys(h.kind for h in limits if h not in shown)),
        x_ticks=tuple(Tick(x(m), m.strftime("%Y-%m")) for m in _months(window)),
        y_ticks=tuple(
            Tick(y(n * step), f"{n * step:.{decimals}f}") for n in range(round(top / step) + 1)
        ),
    )


def _path(points: Iterable[tuple[float, float, bool]]) -> str:
    parts, joined = [], False
    for x, y, below in points:
        if not below:
            parts.append(f"{'L' if joined else 'M'}{x} {y}")
        joined = not below
    return "".join(parts)


def _months(window: Interval) -> list[datetime]:
    """Firsts of months for the axis, as few as can be read."""
    start, end = (moment.astimezone(CITY_TIME) for moment in (window.start, window.end))
    first = start.year * 12 + start.month  # the month after the start
    last = end.year * 12 + end.month - 1
    step = next((s for s in _STEPS if (last - first) / s < _TICKS), _STEPS[-1])
    numbers = range(-(-first // step) * step, last + 1, step)
    return [datetime(n // 12, n % 12 + 1, 1, tzinfo=CITY_TIME) for n in numbers]
