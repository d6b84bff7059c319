"""Automatic quality tests: range, spike, rate of change, flat line, device flags.

Each test is a pure function of a value, its neighbours in time and the thresholds of its parameter
and cadence. `ChannelHistory` holds the few neighbours that the tests need, in order of device time,
so that a late reading is judged by its true neighbours. Source: QARTOD tests 4 (gross range),
6 (spike), 7 (rate of change), 8 (flat line).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from schemas import Cause, Flag, Parameter, ParameterKey, QcSettings, Reading, quality
from schemas.flags import DEVICE_FLAGS, GOOD_QUALITY, worst
from schemas.registry import Sensor

REMEMBERED = 12  # neighbours kept per channel
NEAR = 3  # cadences within which a value counts as a neighbour

RANGE_BAD = quality(Flag.BAD, Cause.RANGE)
SPIKE_SUSPECT = quality(Flag.SUSPECT, Cause.SPIKE)
SPIKE_BAD = quality(Flag.BAD, Cause.SPIKE)
RATE_SUSPECT = quality(Flag.SUSPECT, Cause.RATE)
FLAT_SUSPECT = quality(Flag.SUSPECT, Cause.FLATLINE)
MISSING = quality(Flag.MISSING, Cause.MISSING)
UNDER_MAINTENANCE = quality(Flag.SUSPECT, Cause.MAINTENANCE)


def gross_range(value: float, low: float, high: float) -> int:
    """Bad outside the physically possible range (QARTOD test 4)."""
    return GOOD_QUALITY if low <= value <= high else RANGE_BAD


def spike(value: float, reference: float, settings: QcSettings) -> int:
    """Suspect or bad by distance from the neighbours' value (QARTOD test 6)."""
    distance = abs(value - reference)
    if settings.spike_bad is not None and distance > settings.spike_bad:
        return SPIKE_BAD
    if settings.spike_suspect is not None and distance > settings.spike_suspect:
        return SPIKE_SUSPECT
    return GOOD_QUALITY


def rate(value: float, before: float, minutes: float, settings: QcSettings) -> int:
    """Suspect when changing faster than believable, unit per minute (QARTOD test 7)."""
    if settings.rate_per_min is None or minutes <= 0:
        return GOOD_QUALITY
    fast = abs(value - before) / minutes > settings.rate_per_min
    return RATE_SUSPECT if fast else GOOD_QUALITY


def flatline(unchanged_s: float, settings: QcSettings) -> int:
    """Suspect when unchanged for too long (QARTOD test 8)."""
    limit = settings.flatline_s
    return FLAT_SUSPECT if limit is not None and unchanged_s >= limit else GOOD_QUALITY


@dataclass(slots=True)
class ChannelHistory:
    """The last few values of one channel in order of device time, and since when it is flat.

    times and values run in parallel: ms since the epoch, canonical unit.
    """

    parameter: Parameter
    settings: QcSettings | None
    near_ms: int
    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    flat_value: float | None = None
    flat_since: int = 0
    flat_until: int = 0

    def judge(self, ts_ms: int, value: float) -> int:
        """The quality code of a value, which is then remembered."""
        code = gross_range(value, *self.parameter.range)
        in_range = code == GOOD_QUALITY
        settings = self.settings
        if settings is not None:
            if in_range:
                code = self._judge_by_neighbours(ts_ms, value, settings)
            if ts_ms >= self.flat_until:
                self._remember_flat(ts_ms, value, settings.flatline_tolerance)
        if in_range:
            self._remember(ts_ms, value)
        return code

    def _judge_by_neighbours(self, ts_ms: int, value: float, settings: QcSettings) -> int:
        code, times, values = GOOD_QUALITY, self.times, self.values
        at = self._place(ts_ms)
        if at and ts_ms - times[at - 1] <= self.near_ms:
            before = values[at - 1]
            if at < len(times) and 0 < times[at] - ts_ms <= self.near_ms:
                reference = (before + values[at]) / 2
            else:
                last_three = sorted(values[max(0, at - 3) : at])
                reference = last_three[len(last_three) // 2]
            code = spike(value, reference, settings)
            minutes = (ts_ms - times[at - 1]) / 60_000
            code = worst(code, rate(value, before, minutes, settings))
        return worst(code, flatline(self._unchanged_s(ts_ms, value, settings), settings))

    def _place(self, ts_ms: int) -> int:
        """Where a time belongs among those remembered; at the end for a reading in order."""
        times = self.times
        return len(times) if not times or ts_ms > times[-1] else bisect_left(times, ts_ms)

    def _unchanged_s(self, ts_ms: int, value: float, settings: QcSettings) -> float:
        if self.flat_value is None or ts_ms < self.flat_until:
            return 0.0
        same = abs(value - self.flat_value) <= settings.flatline_tolerance
        return (ts_ms - self.flat_since) / 1000 if same else 0.0

    def _remember_flat(self, ts_ms: int, value: float, tolerance: float) -> None:
        if self.flat_value is None or abs(value - self.flat_value) > tolerance:
            self.flat_value, self.flat_since = value, ts_ms
        self.flat_until = ts_ms

    def _remember(self, ts_ms: int, value: float) -> None:
        at = self._place(ts_ms)
        times = self.times
        if at < len(times) and times[at] == ts_ms:
            return
        times.insert(at, ts_ms)
        self.values.insert(at, value)
        if len(times) > REMEMBERED:
            del times[0], self.values[0]


class SensorQc:
    """The quality tests of one sensor: one history per parameter, thresholds of its cadence."""

    def __init__(self, sensor: Sensor, parameters: dict[ParameterKey, Parameter]) -> None:
        near_ms = NEAR * sensor.cadence_s * 1000
        self._maintenance = sensor.state == "maintenance"
        self._histories = {
            key: ChannelHistory(p, p.qc_for(sensor.cadence_s), near_ms)
            for key, p in parameters.items()
        }

    def flag(self, ts_ms: int, reading: Reading) -> dict[ParameterKey, int]:
        """Quality codes of the values that are not plainly good."""
        codes: dict[ParameterKey, int] = {}
        device = reading.flags or {}
        for name, value in reading.values.items():
            key = ParameterKey(name)
            if value is None:
                codes[key] = MISSING
                continue
            code = DEVICE_FLAGS[device[name]] if name in device else GOOD_QUALITY
            if code == GOOD_QUALITY:
                code = self._histories[key].judge(ts_ms, value)
            if self._maintenance:
                code = worst(code, UNDER_MAINTENANCE)
            if code != GOOD_QUALITY:
                codes[key] = code
        return codes
