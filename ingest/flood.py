"""Who floods: one token bucket a sensor, sized by the cadence that it is registered with.

Messages are counted, not readings: a message is what broker, queue and database have to handle, and
an array of 500 readings after an outage is just what a device should send. Three things must not be
taken for a flood. A day of backlog in single messages, newest first: the bucket holds more. A
longer one in order, from the device, or from the broker after ingest was away for days: device time
that advances fills the bucket as the clock does. What the broker sends a second time: not counted.
A flood is what none of these explains: the same over and over, or live readings far too fast.

Pure: time comes with the messages. Each worker counts what it takes itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from schemas import SensorId


@dataclass(frozen=True, slots=True)
class Allowance:
    """burst: messages at once. per_ms, per_device_ms: messages that a millisecond brings on, of
    our clock and of the device's."""

    burst: float
    per_ms: float
    per_device_ms: float


@dataclass(frozen=True, slots=True)
class Flood:
    """messages: within so many seconds. per_minute: how many could go on for ever."""

    messages: int
    seconds: int
    per_minute: int


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_ms: int  # arrival until which it is filled
    newest_ms: int | None = None  # device time
    full_ms: int = 0  # when it was full for the last time, and what came since
    since_full: int = 0
    told_ms: int = 0


class Floods:
    """The buckets of all sensors. Not thread-safe: one worker owns it."""

    def __init__(self) -> None:
        self._buckets: dict[SensorId, _Bucket] = {}

    def count(self, sensor: SensorId, cadence_s: int, arrived_ms: int) -> Flood | None:
        """Count a message: the flood that it belongs to, told once in a while, or None."""
        allowed = allowance(cadence_s)
        bucket = self._buckets.get(sensor)
        if bucket is None:
            bucket = self._buckets[sensor] = _Bucket(allowed.burst, arrived_ms)
        tokens = bucket.tokens + max(arrived_ms - bucket.filled_ms, 0) * allowed.per_ms
        bucket.filled_ms = max(arrived_ms, bucket.filled_ms)
        if tokens >= allowed.burst:
            tokens, bucket.full_ms, bucket.since_full = allowed.burst, arrived_ms, 0
        bucket.tokens = max(tokens - 1, 0.0)
        bucket.since_full += 1
        if tokens >= 1 or arrived_ms - bucket.told_ms < 1000 * settings()["report_every_s"]:
            return None
        bucket.told_ms = arrived_ms
        seconds = max(round((arrived_ms - bucket.full_ms) / 1000), 1)
        return Flood(bucket.since_full, seconds, round(60_000 * allowed.per_ms))

    def advance(self, sensor: SensorId, cadence_s: int, ts_ms: int) -> None:
        """Device time of a good reading in a message that was counted."""
        bucket = self._buckets.get(sensor)
        if bucket is None:  # the broker sent it again, and it is the first here
            return
        if bucket.newest_ms is not None and ts_ms > bucket.newest_ms:
            bucket.tokens += (ts_ms - bucket.newest_ms) * allowance(cadence_s).per_device_ms
        bucket.newest_ms = max(ts_ms, bucket.newest_ms or ts_ms)


@cache
def allowance(cadence_s: int) -> Allowance:
    limits = settings()
    return Allowance(
        max(limits["least_burst"], limits["backlog_h"] * 3600 / cadence_s),
        max(limits["least_per_s"], limits["cadences"] / cadence_s) / 1000,
        limits["in_order"] / cadence_s / 1000,
    )


@cache
def settings() -> dict[str, float]:
    text = resources.files("ingest").joinpath("flood.yaml").read_text("utf-8")
    loaded: dict[str, float] = yaml.safe_load(text)
    return loaded
