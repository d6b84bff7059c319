"""What becomes of each reading of one write to InfluxDB, decided before anything is written.

Pure: the readings and what the store already holds of them come in, a `Plan` goes out.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from schemas import FlaggedReading, Outcome, SeriesTags
from schemas.clock import HOUR_MS
from schemas.flags import GOOD_QUALITY
from storage.influx_flux import Span
from storage.influx_lines import plain_values

Key = tuple[str, int]  # sensor, ts_ms: the identity of a reading
GAP_MS = HOUR_MS  # what lies further apart is looked up in separate spans


@dataclass(frozen=True, slots=True)
class Kept:
    """A reading as it stands in the store, or will."""

    values: dict[str, float | None]
    quality: dict[str, int]
    tags: SeriesTags


@dataclass(frozen=True, slots=True)
class Revised:
    """An earlier version, and when the later one arrived."""

    key: Key
    earlier: Kept
    replaced_ms: int


@dataclass(slots=True)
class Plan:
    """What one write will do. placed: the reading that will stand under each changed key."""

    readings: list[FlaggedReading]
    outcomes: list[Outcome] = field(default_factory=list)
    placed: dict[Key, Kept] = field(default_factory=dict)
    revised: list[Revised] = field(default_factory=list)
    shrunk: list[Key] = field(default_factory=list)

    @property
    def hours(self) -> set[int]:
        """The hours whose observations change."""
        return {ts // HOUR_MS * HOUR_MS for _, ts in self.placed}


def plan(readings: Sequence[FlaggedReading], stored: Mapping[Key, Kept]) -> Plan:
    """Decide the outcome of each reading, in order, against the store and those before it.

    A later version stays where the earlier one stands, even if the sensor has moved since: a series
    is found by its tags, and the same reading must not be in two. shrunk: readings that lose a
    field, which overwriting would leave behind.
    """
    made = Plan(list(readings))
    for reading in readings:
        key = (reading.sensor, reading.ts_ms)
        values, tags = plain_values(reading), reading.tags
        before = made.placed.get(key) or stored.get(key)
        if before is not None:
            if before.values == values:
                made.outcomes.append(Outcome.DUPLICATE)
                continue
            replaced_ms = reading.arrived_ms or int(time.time() * 1000)
            made.revised.append(Revised(key, before, replaced_ms))
            tags = before.tags
        made.placed[key] = Kept(values, dict(reading.quality.items()), tags)
        made.outcomes.append(Outcome.STORED if before is None else Outcome.REVISED)
    made.shrunk = [
        key
        for key, later in made.placed.items()
        if key in stored and _fields(stored[key]) - _fields(later)
    ]
    return made


def _fields(reading: Kept) -> set[tuple[str, bool]]:
    """What a reading occupies: a code for every parameter, a number for those with a value."""
    return {
        (key, is_code)
        for key, value in reading.values.items()
        for is_code in (True, False)
        if is_code or value is not None
    }


def reflagging(stored: Mapping[Key, Kept], code: int, at_ms: int) -> Plan:
    """What gives a code to all good values of readings; those without one are left out."""
    made = Plan([])
    for key, before in stored.items():
        if GOOD_QUALITY in before.quality.values():
            codes = {k: code if old == GOOD_QUALITY else old for k, old in before.quality.items()}
            made.placed[key] = Kept(before.values, codes, before.tags)
            made.revised.append(Revised(key, before, at_ms))
    return made


def spans(keys: Collection[Key]) -> list[tuple[Span, set[str]]]:
    """Spans of time that hold all keys and no long gap, each with its sensors."""
    found: list[tuple[Span, set[str]]] = []
    for sensor, ts in sorted(keys, key=lambda key: key[1]):
        if found and ts < found[-1][0][1] + GAP_MS:
            (start, _), sensors = found[-1]
            sensors.add(sensor)
            found[-1] = ((start, ts + 1), sensors)
        else:
            found.append(((ts, ts + 1), {sensor}))
    return found
