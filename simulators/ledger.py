"""The publishers' ledger: what the broker has acknowledged, sensor by sensor, kept in a file.

It is the one side of the reconciliation; the store is the other. It also says where a second run
goes on. Counted is only what was acknowledged, and the file is replaced as a whole.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(slots=True)
class Tally:
    """Of one sensor. distinct, repeats, refused: readings. last_ms: newest grid time sent."""

    distinct: int = 0
    repeats: int = 0
    refused: int = 0
    messages: int = 0
    last_ms: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be published, and what it will count as once acknowledged.

    last_ms: the device's clock-independent time up to which it has been read.
    """

    topic: str
    payload: bytes
    sensor: str
    distinct: int = 0
    repeats: int = 0
    refused: int = 0
    last_ms: int = 0
    retain: bool = False

    @property
    def readings(self) -> int:
        return self.distinct + self.repeats + self.refused


class Ledger:
    """Tallies by sensor; `started_ms` is when the first run's history began."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.started_ms: int | None = None
        self.tallies: dict[str, Tally] = {}
        if path is not None and path.exists():
            kept = json.loads(path.read_text("utf-8"))
            self.started_ms = kept["started_ms"]
            self.tallies = {sensor: Tally(**tally) for sensor, tally in kept["sensors"].items()}

    def count(self, message: Outgoing) -> None:
        """An acknowledged message."""
        if not message.readings:
            return
        tally = self.tallies.setdefault(message.sensor, Tally())
        tally.distinct += message.distinct
        tally.repeats += message.repeats
        tally.refused += message.refused
        tally.messages += 1
        tally.last_ms = max(tally.last_ms, message.last_ms)

    def last_ms(self, sensor: str) -> int | None:
        """Up to when this sensor has been played; None when never."""
        tally = self.tallies.get(sensor)
        return tally.last_ms if tally and tally.last_ms else None

    @property
    def readings(self) -> int:
        return sum(t.distinct + t.repeats + t.refused for t in list(self.tallies.values()))

    def save(self) -> None:
        """Replace the file, so that a reader never sees half of it."""
        if self._path is None:
            return
        content = {
            "started_ms": self.started_ms,
            "sensors": {sensor: asdict(tally) for sensor, tally in list(self.tallies.items())},
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(content), "utf-8")
        os.replace(partial, self._path)
