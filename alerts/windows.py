"""Observations averaged over a rule's windows: at once from a frame, or one by one as they come.

Windows are aligned to the city's clock, so that all who look at the same data see the same windows,
in whichever lane. Only quality-passed values count: a device's fault never becomes an alert. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import polars as pl

from schemas import CITY_TIME, Parameter, from_ms
from schemas.alerts import WindowName
from schemas.clock import DAY, HOUR
from schemas.flags import USABLE

# GB 3096-2008, 3.4: daytime 06:00-22:00.
DAY_FROM, DAY_TO = 6, 22
PLACES = 9  # beyond them, two ways to sum differ
CITY_OFFSET_MS = 8 * 3_600_000  # Asia/Shanghai has had no daylight saving time since 1991

Part = Literal["day", "night"]


@dataclass(frozen=True, slots=True)
class Shape:
    """A window's length, how far apart their beginnings are, the first one's hour of the day."""

    length: timedelta
    step: timedelta
    from_hour: int = 0


_MINUTE = timedelta(minutes=1)
SHAPES: dict[WindowName, Shape] = {
    "1min": Shape(_MINUTE, _MINUTE),
    "10min": Shape(10 * _MINUTE, 10 * _MINUTE),
    "15min": Shape(15 * _MINUTE, 15 * _MINUTE),
    "20min": Shape(20 * _MINUTE, 20 * _MINUTE),
    "1h": Shape(HOUR, HOUR),
    "8h": Shape(8 * HOUR, HOUR),
    "24h": Shape(DAY, DAY),
    "day": Shape((DAY_TO - DAY_FROM) * HOUR, DAY, DAY_FROM),
    "night": Shape((24 - DAY_TO + DAY_FROM) * HOUR, DAY, DAY_TO),
}


def shape_of(window: WindowName, cadence_s: int) -> Shape:
    """The shape of a window; an instant lasts as long as the sensor's cadence."""
    if window == "instant":
        return Shape(timedelta(0), timedelta(seconds=cadence_s))
    return SHAPES[window]


@dataclass(frozen=True, slots=True)
class Window:
    """The average over one window, in the parameter's unit; completeness 0..1.

    moment: when the condition is said to hold from, if it holds in this window: its beginning, or
    of running windows that of the newest step.
    """

    start: datetime
    moment: datetime
    value: float
    completeness: float = 1.0

    @property
    def part(self) -> Part:
        return part_of(self.start)


def part_of(moment: datetime) -> Part:
    hour = moment.astimezone(CITY_TIME).hour
    return "day" if DAY_FROM <= hour < DAY_TO else "night"


def windows(
    observations: pl.DataFrame,
    window: WindowName,
    parameter: Parameter,
    cadences: dict[str, int],
    until: datetime,
) -> dict[str, list[Window]]:
    """The windows of each sensor that have ended by `until`, in order; those without data: absent.

    observations: columns sensor, ts, value, quality of one parameter. cadences: seconds by sensor.
    """
    usable = observations.filter(
        (pl.col("quality") % 10).is_in([int(flag) for flag in USABLE]),
        pl.col("value").is_not_null(),
        pl.col("sensor").is_in(list(cadences)),
    ).sort("sensor", "ts")
    if window == "instant":
        return _instants(usable, until)
    shape = SHAPES[window]
    ends = _in_windows(usable, shape).filter(pl.col("end") <= until)
    found: dict[str, list[Window]] = {}
    for sensor, start, end, value, count in (
        ends.group_by("sensor", "start", "end", maintain_order=True)
        .agg(value=_average(parameter), count=pl.len())
        .sort("sensor", "start")
        .iter_rows()
    ):
        expected = max(1, shape.length // timedelta(seconds=cadences[sensor]))
        moment = max(start, end - shape.step)
        found.setdefault(sensor, []).append(
            Window(start, moment, round(value, PLACES), min(1.0, count / expected))
        )
    return found


def spreads(
    observations: pl.DataFrame,
    window: WindowName,
    parameter: Parameter,
    cadences: dict[str, int],
    until: datetime,
) -> dict[str, list[Window]]:
    """As `windows`, with the difference of the highest and lowest value in place of the average."""
    spread = parameter.model_copy(update={"averaging": "spread"})
    return windows(observations, window, spread, cadences, until)


def _average(parameter: Parameter) -> pl.Expr:
    value = pl.col("value")
    return {
        "energy": (10 ** (value / 10)).mean().log10() * 10,
        "sum": value.sum(),
        "spread": value.max() - value.min(),
    }.get(parameter.averaging, value.mean())


def _instants(usable: pl.DataFrame, until: datetime) -> dict[str, list[Window]]:
    found: dict[str, list[Window]] = {}
    rows = usable.filter(pl.col("ts") <= until).select("sensor", "ts", "value")
    for sensor, ts, value in rows.iter_rows():
        found.setdefault(sensor, []).append(Window(ts, ts, value))
    return found


def _in_windows(usable: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    """The observations with the window that each is in; of running ones, with each of them."""
    local = pl.col("ts").dt.convert_time_zone(CITY_TIME.key)
    shifted = local.dt.offset_by(f"-{shape.from_hour}h")
    every = f"{round(shape.step.total_seconds())}s" if shape.step < DAY else "1d"
    first = shifted.dt.truncate(every).dt.offset_by(f"{shape.from_hour}h")
    begun = usable.with_columns(begun=first.dt.convert_time_zone("UTC"))
    steps = max(1, shape.length // shape.step)
    return (
        pl.concat(
            begun.with_columns(start=pl.col("begun") - back * shape.step) for back in range(steps)
        )
        .with_columns(end=pl.col("start") + shape.length)
        .filter(pl.col("ts") < pl.col("end"))
    )


class WindowStream:
    """The short windows of one channel, made as its readings come, in order of device time.

    What comes late, for a window that is done, is left to the other lane.
    """

    def __init__(self, window: WindowName, parameter: Parameter, cadence_s: int) -> None:
        shape = shape_of(window, cadence_s)
        self._length_ms = round(shape.length.total_seconds() * 1000)
        self._energy = parameter.averaging == "energy"
        self._adds = parameter.averaging == "sum"
        self._expected = max(1, self._length_ms // (cadence_s * 1000)) if self._length_ms else 1
        self._start_ms = -1
        self._sum = 0.0
        self._count = 0

    def needed_from(self, moment_ms: int, hold: timedelta) -> int:
        """Where the windows begin that decide at a moment: the running one, the one before it, and
        those that fill the hold time before that. Of instants: the moment itself. In ms.
        """
        if not self._length_ms:
            return moment_ms
        back = 1 + math.ceil(hold.total_seconds() * 1000 / self._length_ms)
        running = moment_ms - (moment_ms + CITY_OFFSET_MS) % self._length_ms
        return running - back * self._length_ms

    def feed(self, ts_ms: int, value: float) -> Window | None:
        """Take a usable value; returns the window that is done by it."""
        if not self._length_ms:
            if ts_ms <= self._start_ms:
                return None
            self._start_ms = ts_ms
            moment = from_ms(ts_ms)
            return Window(moment, moment, value)
        start_ms = ts_ms - (ts_ms + CITY_OFFSET_MS) % self._length_ms
        if start_ms < self._start_ms:
            return None
        done = self.until(start_ms)
        self._start_ms = start_ms
        self._sum += 10 ** (value / 10) if self._energy else value
        self._count += 1
        return done

    def until(self, moment_ms: int) -> Window | None:
        """The window that has ended by a moment, if there is one with data."""
        if not self._count or moment_ms < self._start_ms + self._length_ms:
            return None
        mean = self._sum if self._adds else self._sum / self._count
        value = 10 * math.log10(mean) if self._energy else mean
        start = from_ms(self._start_ms)
        completeness = min(1.0, self._count / self._expected)
        self._sum, self._count = 0.0, 0
        self._start_ms += self._length_ms
        return Window(start, start, round(value, PLACES), completeness)
