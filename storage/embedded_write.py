"""One write to the embedded store: what becomes of each reading, and the account of the whole.

Runs inside the transaction of `EmbeddedStore.write`; knows the tables of `schema.sql`.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from schemas import FlaggedReading, Outcome
from schemas.clock import HOUR_MS
from schemas.observation import AccountKey
from storage.rows import Packing, packing_of, reflagged, width_of

Numbering = Callable[[sqlite3.Connection, Any], int]
_Placed = tuple[int, int, int, bytes, bytes | None]  # a row: sensor, ts, layout, vals, quality

# Rows in one statement: less to do for each, and other threads are let in between, not within.
ROWS_AT_ONCE = 100


class Write:
    """One write in progress: decides the outcome of each reading against file and batch."""

    def __init__(
        self, db: sqlite3.Connection, sensor_number: Numbering, layout_number: Numbering
    ) -> None:
        self._db = db
        self._sensor_number = sensor_number
        self._layout_number = layout_number
        self._placed: dict[int, dict[int, _Placed]] = {}  # by sensor and time
        self._newest: dict[int, int] = {}  # by sensor, in the file
        self._revised: list[tuple[int, int, int, bytes, bytes | None, int]] = []
        self._relaid: list[tuple[int, int]] = []

    def place(self, readings: Iterable[FlaggedReading]) -> list[Outcome]:
        """Decide each reading's outcome. What holds for a sensor's run of readings is kept."""
        outcomes: list[Outcome] = []
        sensor, layout, newest = -1, -1, -1
        placed: dict[int, _Placed] = {}
        last_sensor: str | None = None
        last_keys: tuple[str, ...] = ()
        packing = Packing(())
        for reading in readings:
            if reading.sensor != last_sensor:
                last_sensor = reading.sensor
                sensor = self._sensor_number(self._db, last_sensor)
                newest = self._newest_in_file(sensor)
                placed = self._placed.setdefault(sensor, {})
            keys = tuple(reading.values)
            if keys != last_keys:
                last_keys = keys
                packing = packing_of(keys)
                layout = self._layout_number(self._db, packing.layout)
            ts = reading.ts_ms
            row = (
                sensor,
                ts,
                layout,
                packing.values(reading.values),
                packing.quality(reading.quality) if reading.quality else None,
            )
            before = placed.get(ts)
            if before is None and ts <= newest:
                before = self._in_file(sensor, ts)
            if before is None:
                placed[ts] = row
                outcomes.append(Outcome.STORED)
            elif before[2:4] == row[2:4]:
                outcomes.append(Outcome.DUPLICATE)
            else:
                placed[ts] = row
                outcomes.append(Outcome.REVISED)
                self._revise(before, row, reading.arrived_ms or int(time.time() * 1000))
        return outcomes

    def reflag(self, sensor: int, start_ms: int, end_ms: int, code: int) -> int:
        """Give a code to the good values of a sensor's readings; how many readings that were."""
        found: list[_Placed] = self._db.execute(
            "SELECT sensor, ts, layout, vals, quality FROM reading"
            " WHERE sensor = ? AND ts >= ? AND ts < ?",
            (sensor, start_ms, end_ms),
        ).fetchall()
        placed, now_ms = self._placed.setdefault(sensor, {}), int(time.time() * 1000)
        for before in found:
            _, ts, layout, values, quality = before
            codes = reflagged(quality, width_of(values), code)
            if codes is not None:
                placed[ts] = (sensor, ts, layout, values, codes)
                self._revise(before, placed[ts], now_ms)
        return len(placed)

    def _revise(self, before: _Placed, after: _Placed, at_ms: int) -> None:
        self._revised.append((*before, at_ms))
        if before[2] != after[2]:
            self._relaid.append((before[0], before[2]))

    def _newest_in_file(self, sensor: int) -> int:
        newest = self._newest.get(sensor)
        if newest is None:
            query = "SELECT max(ts) FROM reading WHERE sensor = ?"
            found = self._db.execute(query, (sensor,)).fetchone()[0]
            newest = self._newest[sensor] = -1 if found is None else found
        return newest

    def _in_file(self, sensor: int, ts: int) -> _Placed | None:
        found: _Placed | None = self._db.execute(
            "SELECT sensor, ts, layout, vals, quality FROM reading WHERE sensor = ? AND ts = ?",
            (sensor, ts),
        ).fetchone()
        return found

    def finish(self) -> None:
        db = self._db
        rows = [row for placed in self._placed.values() for row in placed.values()]
        if not rows:
            return
        rows.sort()  # as the file is: then it is written from one end to the other
        whole = len(rows) - len(rows) % ROWS_AT_ONCE
        parts = (rows[at : at + ROWS_AT_ONCE] for at in range(0, whole, ROWS_AT_ONCE))
        db.executemany(_insert(ROWS_AT_ONCE), (list(chain.from_iterable(part)) for part in parts))
        db.executemany(_insert(1), rows[whole:])
        db.executemany("INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?)", self._revised)
        newest = {(sensor, layout): ts for sensor, ts, layout, _, _ in rows}  # the last one stays
        db.executemany(
            "INSERT INTO newest (sensor, layout, ts) VALUES (?, ?, ?)"
            " ON CONFLICT (sensor, layout) DO UPDATE SET ts = max(ts, excluded.ts)",
            [(*key, ts) for key, ts in newest.items()],
        )
        for sensor, layout in self._relaid:
            _find_newest_again(db, sensor, layout)
        hours = {row[1] // HOUR_MS * HOUR_MS for row in rows}
        db.execute("UPDATE counter SET value = value + 1")
        db.executemany(
            "INSERT INTO pending (hour, version) VALUES (?, (SELECT value FROM counter))"
            " ON CONFLICT (hour) DO UPDATE SET version = excluded.version",
            [(hour,) for hour in hours],
        )


@cache
def _insert(rows: int) -> str:
    marks = ", ".join(["(?, ?, ?, ?, ?)"] * rows)
    return f"INSERT OR REPLACE INTO reading (sensor, ts, layout, vals, quality) VALUES {marks}"  # noqa: S608


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
    # Counted by message first, of which there are fewer than readings.
    arrivals = Counter(
        (reading.sensor, reading.arrived_ms, outcome is Outcome.DUPLICATE)
        for reading, outcome in zip(readings, outcomes, strict=True)
    )
    for (sensor, arrived_ms, again), count in arrivals.items():
        counter = duplicate if again else stored
        counter[sensor, arrived_ms // HOUR_MS * HOUR_MS] += count
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
