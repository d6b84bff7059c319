"""Quality control of a batch: every value of every channel is judged in one call.

Here the readings of a batch become flat arrays with the thresholds of their channels beside them,
the tests of `ingest.qartod` run over these, and what is not good goes back into the readings. The
tests' cost is per batch, not per value, whether few sensors sent much or many sent little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray

from ingest.neighbours import Neighbourhood
from ingest.qartod import (
    UNDER_MAINTENANCE,
    Channels,
    Codes,
    Moments,
    Numbers,
    first_found,
    flat_line,
    gross_range,
    rate_of_change,
    spike,
)
from schemas import (
    Catalogue,
    FlaggedReading,
    Parameter,
    ParameterKey,
    QcSettings,
    Reading,
    SensorId,
)
from schemas.flags import DEVICE_FLAGS, GOOD_QUALITY
from schemas.registry import Sensor

REACH = 3  # cadences within which a value counts as a neighbour
MOST_LAYOUTS = 100_000  # remembered orders of sending; a device may invent new ones for ever

# Thresholds of one channel; infinite where there is no such limit.
_LIMITS = np.dtype(
    [
        ("low", np.float64),
        ("high", np.float64),
        ("spike_suspect", np.float64),
        ("spike_bad", np.float64),
        ("rate_per_min", np.float64),
        ("flatline_ms", np.float64),
        ("tolerance", np.float64),
        ("reach_ms", np.float64),
        ("maintenance", np.bool_),
    ]
)


class QualityControl:
    """The quality tests of all sensors. Not thread-safe: one worker owns it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._numbers: dict[tuple[SensorId, ParameterKey], int] = {}
        self._layouts: dict[tuple[SensorId, tuple[ParameterKey, ...]], list[int]] = {}
        self._limits = np.empty(0, _LIMITS)
        self._neighbourhood = Neighbourhood()
        self._windows: dict[int, list[tuple[int, int]]] = {}

    def know(self, sensors: Iterable[Sensor]) -> None:
        """Take in new sensors, and new thresholds of known ones; what they sent stays in mind."""
        limits: dict[int, tuple[float, ...]] = {}
        for sensor in sensors:
            for key in sensor.parameters:
                if key in self._catalogue:
                    number = self._numbers.setdefault((sensor.id, key), len(self._numbers))
                    limits[number] = _limits_of(self._catalogue[key], sensor)
        more = np.empty(len(self._numbers) - len(self._limits), _LIMITS)
        self._limits = np.concatenate((self._limits, more))
        for number, row in limits.items():
            self._limits[number] = row
        self._neighbourhood.grow(len(self._numbers))

    def close(self, windows: Mapping[SensorId, Sequence[tuple[int, int]]]) -> None:
        """The maintenance windows of sensors, all there are: [start, end) in ms of device time."""
        self._windows = {
            number: list(windows[sensor])
            for (sensor, _), number in self._numbers.items()
            if sensor in windows
        }

    def flag(self, readings: Sequence[FlaggedReading]) -> None:
        """Add the quality codes of all values that are not good.

        Readings stand in order of arrival, of known sensors and channels. A code that a reading has
        already is the device's own, and is left alone.
        """
        channel: list[int] = []
        values: list[float | None] = []
        heard: dict[int, int] = {}
        sensor, sent, numbers = None, None, []  # as the reading before: mostly they are the same
        for reading in readings:
            keys = tuple(reading.values)
            if keys != sent or reading.sensor != sensor:
                sensor, sent = reading.sensor, keys
                numbers = self._numbered(sensor, keys)
            if reading.quality:
                for place, key in enumerate(keys, len(values)):
                    heard[place] = reading.quality.get(key, GOOD_QUALITY)
            channel += numbers
            values += reading.values.values()
        widths = [len(reading.values) for reading in readings]
        device = np.full(len(values), GOOD_QUALITY, np.int16)
        device[list(heard)] = list(heard.values())
        codes = self.judge(
            np.array(channel, np.int64),
            np.array([reading.ts_ms for reading in readings], np.int64).repeat(widths),
            np.array(values, np.float64),  # None becomes NaN
            device,
        )
        flagged = np.flatnonzero(codes != GOOD_QUALITY)
        ends = np.cumsum(widths)
        owners = np.searchsorted(ends, flagged, side="right")
        from_end = flagged - ends[owners]
        for owner, place, code in zip(owners, from_end, codes[flagged].tolist(), strict=True):
            reading = readings[owner]
            reading.quality[list(reading.values)[place]] = code

    def judge(self, channel: Channels, ts: Moments, values: Numbers, device: Codes) -> Codes:
        """Quality codes of values in order of arrival; the good ones become neighbours of others.

        All of shape (n,); NaN = missing; device: the codes that the devices gave themselves.
        """
        limits = self._limits
        in_range = gross_range(values, limits["low"][channel], limits["high"][channel])
        codes = first_found(device, in_range)
        fit = np.flatnonzero(codes == GOOD_QUALITY)
        codes[fit] = self._judge_by_neighbours(channel[fit], ts[fit], values[fit])
        at_work = limits["maintenance"][channel] | self._within_windows(channel, ts)
        codes[(codes == GOOD_QUALITY) & at_work] = UNDER_MAINTENANCE
        return codes

    def _within_windows(self, channel: Channels, ts: Moments) -> NDArray[np.bool_]:
        """Which values were measured in a maintenance window of their sensor."""
        found = np.zeros(len(channel), bool)
        for number in self._windows.keys() & set(channel.tolist()) if self._windows else ():
            own = channel == number
            for start, end in self._windows[number]:
                found |= own & (ts >= start) & (ts < end)
        return found

    def _judge_by_neighbours(self, channel: Channels, ts: Moments, values: Numbers) -> Codes:
        limits = self._limits
        beside = self._neighbourhood.meet(
            channel, ts, values, limits["reach_ms"][channel], limits["tolerance"][channel]
        )
        suspect, bad = limits["spike_suspect"][channel], limits["spike_bad"][channel]
        return first_found(
            spike(values, beside.reference, suspect, bad),
            rate_of_change(values, beside.before, beside.minutes, limits["rate_per_min"][channel]),
            flat_line(beside.unchanged_ms, limits["flatline_ms"][channel]),
        )

    def _numbered(self, sensor: SensorId, keys: tuple[ParameterKey, ...]) -> list[int]:
        """The numbers of a sensor's channels."""
        numbers = self._layouts.get((sensor, keys))
        if numbers is None:
            if len(self._layouts) >= MOST_LAYOUTS:
                self._layouts.clear()
            numbers = [self._numbers[sensor, key] for key in keys]
            self._layouts[sensor, keys] = numbers
        return numbers


def device_codes(reading: Reading) -> dict[ParameterKey, int]:
    """What a device says itself of its values; of a missing value there is nothing to say."""
    return {
        ParameterKey(key): DEVICE_FLAGS[flag]
        for key, flag in (reading.flags or {}).items()
        if reading.values.get(key) is not None and DEVICE_FLAGS[flag] != GOOD_QUALITY
    }


def _limits_of(parameter: Parameter, sensor: Sensor) -> tuple[float, ...]:
    """A row of `_LIMITS`: thresholds by parameter and cadence."""
    settings = parameter.qc_for(sensor.cadence_s) or QcSettings(cadence_s=sensor.cadence_s)
    flatline_ms = None if settings.flatline_s is None else settings.flatline_s * 1000
    optional = (settings.spike_suspect, settings.spike_bad, settings.rate_per_min, flatline_ms)
    return (
        *parameter.range,
        *(inf if limit is None else limit for limit in optional),
        settings.flatline_tolerance,
        REACH * sensor.cadence_s * 1000,
        sensor.state == "maintenance",
    )
