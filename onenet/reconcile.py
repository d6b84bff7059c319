"""The reconciliation: what was published against what is kept. Nothing may be lost.

Pure arithmetic over three counts: the publishers' ledger, the store, the dead letters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """What the publishers say that the broker took, by sensor.

    distinct: acceptable readings, each (sensor, ts) once. repeats: the same sent again.
    refused: readings made to be refused.
    """

    distinct: Mapping[str, int]
    repeats: Mapping[str, int]
    refused: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(sum(by.values()) for by in (self.distinct, self.repeats, self.refused))


@dataclass(frozen=True, slots=True)
class Lost:
    """Readings that were published and are nowhere, by sensor."""

    readings: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.readings.values())


def lost(published: Published, stored: Mapping[str, int], dead_lettered: Mapping[str, int]) -> Lost:
    """Readings missing by sensor: acceptable ones not in the store, bad ones not dead-lettered.

    stored: distinct readings in the store. dead_lettered: refused readings by the sensor that the
    topic names. A surplus at one sensor never hides a loss at another.
    """
    missing: dict[str, int] = {}
    for sensor in {*published.distinct, *published.refused}:
        good = max(0, published.distinct.get(sensor, 0) - stored.get(sensor, 0))
        bad = max(0, published.refused.get(sensor, 0) - dead_lettered.get(sensor, 0))
        if good + bad:
            missing[sensor] = good + bad
    return Lost(missing)
