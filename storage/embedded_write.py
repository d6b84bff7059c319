"""One write to the embedded store: what becomes of each reading, and the account of the whole.

Runs inside the transaction of `EmbeddedStore.write`; knows the tables of `schema.sql`.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas import FlaggedReading, Outcome
from schemas.clock import HOUR_MS
from schemas.observation import AccountKey
from storage.rows import layout_of, pack_quality, pack_values

Numbering = Callable[[sqlite3.Connection, Any], int]


class Write:
    """One write in progress: decides the outcome of each reading against file and batch."""

    def __init__(
        self, db: sqlite3.Connection, sensor_number: Numbering, layout_number: Numbering
    ) -> None:
        self._db = db
        self._sensor_number = sensor_number
        self._layout_number = layout_number
        self._placed: dict[tuple[int, int], tuple[int, bytes, bytes | None]] = {}
        self._revised: list[tuple[int, int, int, bytes, bytes | None, int]] = []
        self._relaid: list[tuple[int, int]] = []
        self._last_ts: dict[int, int] = {}

    def place(self, reading: FlaggedReading) -> Outcome:
        db = self._db
        sensor = self._sensor_number(db, reading.sensor)
        layout_key = layout_of(reading)
        layout = self._layout_number(db, layout_key)
        values = pack_values(reading, layout_key)
        key = (sensor, reading.ts_ms)
        before = self._placed.get(key) or self._in_file(key)
        if before is not None:
            if before[:2] == (layout, values):
                return Outcome.DUPLICATE
            replaced = reading.arrived_ms or int(time.time() * 1000)
            self._revised.append((*key, *before, replaced))
            if before[0] != layout:
                self._relaid.append((sensor, before[0]))
        self._placed[key] = (layout, values, pack_quality(reading, layout_key))
        return Outcome.STORED if before is None else Outcome.REVISED

    def _in_file(self, key: tuple[int, int]) -> tuple[int, bytes, bytes | None] | None:
        sensor, ts = key
        last = self._last_ts.get(sensor)
        if last is None:
            newest = self._db.execute(
                "SELECT max(ts) FROM reading WHERE sensor = ?", (sensor,)
            ).fetchone()[0]
            last = self._last_ts[sensor] = -1 if newest is None else newest
        if ts > last:
            return None
        found: tuple[int, bytes, bytes | None] | None = self._db.execute(
            "SELECT layout, vals, quality FROM reading WHERE sensor = ? AND ts = ?", key
        ).fetchone()
        return found

    def finish(self) -> None:
        db = self._db
        db.executemany(
            "INSERT OR REPLACE INTO reading (sensor, ts, layout, vals, quality)"
            " VALUES (?, ?, ?, ?, ?)",
            [(*key, *row) for key, row in self._placed.items()],
        )
        db.executemany("INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?)", self._revised)
        newest: dict[tuple[int, int], int] = {}
        for (sensor, ts), (layout, _, _) in self._placed.items():
            if ts > newest.get((sensor, layout), -1):
                newest[sensor, layout] = ts
        db.executemany(
            "INSERT INTO newest (sensor, layout, ts) VALUES (?, ?, ?)"
            " ON CONFLICT (sensor, layout) DO UPDATE SET ts = max(ts, excluded.ts)",
            [(*key, ts) for key, ts in newest.items()],
        )
        for sensor, layout in self._relaid:
            _find_newest_again(db, sensor, layout)
        hours = {ts // HOUR_MS * HOUR_MS for _, ts in self._placed}
        if hours:
            db.execute("UPDATE counter SET value = value + 1")
            db.executemany(
                "INSERT INTO pending (hour, version) VALUES (?, (SELECT value FROM counter))"
                " ON CONFLICT (hour) DO UPDATE SET version = excluded.version",
                [(hour,) for hour in hours],
            )


def _find_newest_again(db: sqlite3.Connection, sensor: int, layout: int) -> None:
    """A revision took a reading out of its layout: the pointer may hang in the air."""
    db.execute("DELETE FROM newest WHERE sensor = ? AND layout = ?", (sensor, layout))
    db.execute(
        "INSERT INTO newest (sensor, layout, ts) SELECT sensor, layout, max(ts) FROM reading"
        " WHERE sensor = ? AND layout = ? GROUP BY sensor, layout",
        (sensor, layout),
    )


def keep_account(
    db: sqlite3.Connection,
    readings: Sequence[FlaggedReading],
    outcomes: Sequence[Outcome],
    received: Mapping[AccountKey, int] | None,
    dead_lettered: Mapping[AccountKey, int],
) -> None:
    stored: Counter[AccountKey] = Counter()
    duplicate: Counter[AccountKey] = Counter()
    for reading, outcome in zip(readings, outcomes, strict=True):
        counter = duplicate if outcome is Outcome.DUPLICATE else stored
        counter[reading.sensor, reading.arrived_ms // HOUR_MS * HOUR_MS] += 1
    if received is None:
        received = stored + duplicate
    keys = {*received, *stored, *duplicate, *dead_lettered}
    db.executemany(
        "INSERT INTO account VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (hour, sensor) DO UPDATE SET"
        " received = received + excluded.received, stored = stored + excluded.stored,"
        " duplicate = duplicate + excluded.duplicate,"
        " dead_lettered = dead_lettered + excluded.dead_lettered",
        [
            (*key, received.get(key, 0), stored[key], duplicate[key], dead_lettered.get(key, 0))
            for key in keys
        ],
    )


def number_of(db: sqlite3.Connection, table: str, column: str, text: str) -> int:
    """The small number that stands for a text; given now if it has none."""
    db.execute(f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)", (text,))  # noqa: S608
    found = db.execute(f"SELECT no FROM {table} WHERE {column} = ?", (text,)).fetchone()  # noqa: S608
    return int(found[0])
