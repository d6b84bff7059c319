"""Line charts as SVG, drawn on the server. Pure: series in, shapes out; templates only paint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas import CITY_TIME, Interval

WIDTH, HEIGHT = 640.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 12.0, 12.0, 26.0

Point = tuple[datetime, float | None]


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A level stretch: from x1 to x2 at y."""

    x1: float
    x2: float
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the template paints; coordinates in the SVG's own units."""

    line: str
    means: str
    flagged: tuple[tuple[float, float], ...]
    limits: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    band: tuple[float, float] | None = None
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def nice_step(span: float, steps: int = 4) -> float:
    """A step of 1, 2 or 5 times a power of ten that divides a span in about so many parts."""
    raw = span / steps
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)


def chart(
    window: Interval,
    good: Sequence[Point],
    flagged: Sequence[tuple[datetime, float]],
    means: Sequence[Point],
    *,
    gap: timedelta,
    limits: Sequence[tuple[datetime, datetime, float]] = (),
    band: Interval | None = None,
) -> Chart:
    """A chart of one channel. gap: longer silence breaks the line; a gap is never drawn over.

    limits: from, to, value. band: a time that is set off from the rest.
    """
    values = [v for _, v in [*good, *means] if v is not None] + [v for _, v in flagged]
    values += [value for _, _, value in limits]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    step = nice_step(high - low)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step

    def x(moment: datetime) -> float:
        share = (moment - window.start) / window.length
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    half_hour = timedelta(minutes=30)
    decimals = max(0, -math.floor(math.log10(step)))
    count = round((high - low) / step)
    return Chart(
        line=_path([(t, x(t), y(v)) if v is not None else (t, 0, None) for t, v in good], gap),
        means=_path(
            [(t, x(t + half_hour), y(v)) if v is not None else (t, 0, None) for t, v in means],
            timedelta(minutes=90),
        ),
        flagged=tuple((x(t), y(v)) for t, v in flagged),
        limits=tuple(Line(x(start), x(end), y(value)) for start, end, value in limits),
        x_ticks=tuple(
            Tick(x(t), t.astimezone(CITY_TIME).strftime("%H:%M")) for t in _hours(window)
        ),
        y_ticks=tuple(
            Tick(y(low + n * step), f"{low + n * step:.{decimals}f}") for n in range(count + 1)
        ),
        band=None if band is None else (x(band.start), x(band.end)),
    )


def _path(points: Sequence[tuple[datetime, float, float | None]], gap: timedelta) -> str:
    parts, before = [], None
    for moment, x, y in points:
        if y is None:
            before = None
            continue
        parts.append(f"{'L' if before is not None and moment - before <= gap else 'M'}{x} {y}")
        before = moment
    return "".join(parts)


def _hours(window: Interval) -> list[datetime]:
    """Round times of day for the axis, about six of them."""
    hours = max(1, round(window.length.total_seconds() / 3600 / 6))
    start = window.start.astimezone(CITY_TIME).replace(minute=0, second=0, microsecond=0)
    first = start + timedelta(hours=hours - start.hour % hours)
    ticks = []
    while first < window.end:
        ticks.append(first)
        first += timedelta(hours=hours)
    return ticks
