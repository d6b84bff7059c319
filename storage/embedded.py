"""The embedded store: one SQLite file in WAL mode, written by ingest, read by everybody.

Every `write` is one transaction, on disk when it returns: readings, revisions, the account and the
pending hours change together or not at all. Other processes read while it is written.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl

from schemas import FlaggedReading, Interval, Level, Outcome, Period, from_ms, to_ms
from schemas.clock import HOUR_MS
from schemas.observation import (
    ACCOUNT,
    ACCOUNT_SUMS,
    AGGREGATE_KEY,
    AGGREGATES,
    OBSERVATION_COUNTS,
    OBSERVATIONS,
    AccountKey,
)
from storage.embedded_write import Write, keep_account, number_of
from storage.port import PendingHour, StoreUnavailable
from storage.rows import Layout, Row, counted, together, unpack

SCHEMA_VERSION = 2
# What brings a file of a version to the next.
MIGRATIONS = {1: "ALTER TABLE aggregate ADD COLUMN edition TEXT NOT NULL DEFAULT ''"}
BUSY_S = 10.0
_NEVER_MS = 2**62  # after every reading
_AGGREGATE_COLUMNS = list(AGGREGATES)


class EmbeddedStore:
    """A store in one file; its folder is made, and a file of an older schema is brought up to date.

    Raises ValueError for a file of a newer schema.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._sensors: dict[str, int] = {}
        self._layouts: dict[Layout, int] = {}
        self._create()

    def _create(self) -> None:
        with self._transaction() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                script = resources.files("storage").joinpath("schema.sql").read_text("utf-8")
                for statement in script.split(";"):
                    db.execute(statement)
                return
            if version > SCHEMA_VERSION:
                raise ValueError(f"{self._path}: schema {version}, expected {SCHEMA_VERSION}")
            for old in range(version, SCHEMA_VERSION):
                db.execute(MIGRATIONS[old])
                db.execute(f"PRAGMA user_version = {old + 1}")

    # Connections: one a thread, for SQLite connections are not shared between threads.

    def _db(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            try:
                db = sqlite3.connect(
                    self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
                )
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=FULL")
                db.execute("PRAGMA cache_size=-65536")
            except sqlite3.OperationalError as error:
                raise StoreUnavailable(f"{self._path}: {error}") from error
            self._local.db = db
            with self._guard:
                self._open.append(db)
        return db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, durable at the end. Raises StoreUnavailable when locked or full."""
        db = self._db()
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                self._forget_numbers()
                raise
            db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error

    def _query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db().execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error

    def close(self) -> None:
        with self._guard:
            while self._open:
                self._open.pop().close()
        self._local = threading.local()

    # Writing

    def write(
        self,
        readings: Sequence[FlaggedReading],
        *,
        received: Mapping[AccountKey, int] | None = None,
        dead_lettered: Mapping[AccountKey, int] | None = None,
    ) -> list[Outcome]:
        with self._transaction() as db:
            batch = Write(db, self._number_of_sensor, self._number_of_layout)
            outcomes = batch.place(readings)
            batch.finish()
            keep_account(db, readings, outcomes, received, dead_lettered or {})
        return outcomes

    def reflag(self, sensor: str, window: Interval, code: int) -> int:
        changed = 0
        with self._transaction() as db:
            batch = Write(db, self._number_of_sensor, self._number_of_layout)
            for number, _ in self._known_sensors([sensor]):
                changed += batch.reflag(number, to_ms(window.start), to_ms(window.end), code)
            batch.finish()
        return changed

    def _number_of_sensor(self, db: sqlite3.Connection, sensor: str) -> int:
        number = self._sensors.get(sensor)
        if number is None:
            number = self._sensors[sensor] = number_of(db, "sensor", "id", sensor)
        return number

    def _number_of_layout(self, db: sqlite3.Connection, layout: Layout) -> int:
        number = self._layouts.get(layout)
        if number is None:
            number = self._layouts[layout] = number_of(db, "layout", "parameters", " ".join(layout))
        return number

    def _forget_numbers(self) -> None:
        """After a rollback: numbers given in it are not in the file."""
        self._sensors.clear()
        self._layouts.clear()

    # Reading

    def read(
        self,
        window: Interval,
        *,
        sensors: Collection[str] | None = None,
        parameters: Collection[str] | None = None,
    ) -> pl.DataFrame:
        by_layout: dict[int, list[Row]] = defaultdict(list)
        start, end = to_ms(window.start), to_ms(window.end)
        for number, sensor in self._known_sensors(sensors):
            for ts, layout, values, quality in self._query(
                "SELECT ts, layout, vals, quality FROM reading"
                " WHERE sensor = ? AND ts >= ? AND ts < ?",
                (number, start, end),
            ):
                by_layout[layout].append((sensor, ts, values, quality))
        return _only(self._unpack(by_layout), parameters)

    def latest(self, *, sensors: Collection[str] | None = None) -> pl.DataFrame:
        names = dict(self._known_sensors(sensors))
        by_layout: dict[int, list[Row]] = defaultdict(list)
        for number, layout, ts, values, quality in self._query(
            "SELECT n.sensor, n.layout, n.ts, r.vals, r.quality FROM newest n"
            " JOIN reading r ON r.sensor = n.sensor AND r.ts = n.ts AND r.layout = n.layout"
        ):
            if number in names:
                by_layout[layout].append((names[number], ts, values, quality))
        found = self._unpack(by_layout)
        return (
            found.group_by("sensor", "parameter")
            .last()
            .select(list(OBSERVATIONS))
            .sort("sensor", "ts", "parameter")
        )

    def earliest(self, *, sensors: Collection[str] | None = None) -> pl.DataFrame:
        by_layout: dict[int, list[Row]] = defaultdict(list)
        used = self._query("SELECT sensor, layout FROM newest")
        names = dict(self._known_sensors(sensors))
        for number, layout in used:
            if number in names:
                for ts, values, quality in self._query(
                    "SELECT ts, vals, quality FROM reading WHERE sensor = ? AND layout = ?"
                    " ORDER BY ts LIMIT 1",
                    (number, layout),
                ):
                    by_layout[layout].append((names[number], ts, values, quality))
        found = self._unpack(by_layout)
        return (
            found.group_by("sensor", "parameter")
            .first()
            .select(list(OBSERVATIONS))
            .sort("sensor", "ts", "parameter")
        )

    def count_observations(
        self, window: Interval | None = None, *, sensors: Collection[str] | None = None
    ) -> pl.DataFrame:
        start, end = (0, _NEVER_MS) if window is None else (to_ms(window.start), to_ms(window.end))
        layouts = self._known_layouts()
        rows = [
            (sensor, parameter, count)
            for number, sensor in self._known_sensors(sensors)
            for layout, count in self._query(
                "SELECT layout, count(*) FROM reading WHERE sensor = ? AND ts >= ? AND ts < ?"
                " GROUP BY layout",
                (number, start, end),
            )
            for parameter in layouts[layout]
        ]
        return counted(pl.DataFrame(rows, schema=OBSERVATION_COUNTS, orient="row"))

    def count_readings(self, window: Interval | None = None) -> dict[str, int]:
        where, values = "", []
        if window is not None:
            where, values = (
                "WHERE r.ts >= ? AND r.ts < ?",
                [
                    to_ms(window.start),
                    to_ms(window.end),
                ],
            )
        rows = self._query(
            f"SELECT s.id, count(*) FROM reading r JOIN sensor s ON s.no = r.sensor {where}"  # noqa: S608
            " GROUP BY s.id",
            values,
        )
        return dict(rows)

    def revisions(self, window: Interval) -> pl.DataFrame:
        rows = self._query(
            "SELECT s.id, r.ts, r.layout, r.vals, r.quality, r.replaced FROM revision r"
            " JOIN sensor s ON s.no = r.sensor WHERE r.ts >= ? AND r.ts < ?"
            " ORDER BY r.rowid",
            (to_ms(window.start), to_ms(window.end)),
        )
        layouts = self._known_layouts()
        frames = [
            unpack(layouts[layout], [(sensor, ts, values, quality)]).with_columns(
                replaced=pl.lit(from_ms(replaced)).cast(OBSERVATIONS["ts"])
            )
            for sensor, ts, layout, values, quality, replaced in rows
        ]
        if not frames:
            return pl.DataFrame(schema={**OBSERVATIONS, "replaced": OBSERVATIONS["ts"]})
        return pl.concat(frames).sort("sensor", "ts", "parameter", "replaced")

    def _known_sensors(self, wanted: Collection[str] | None) -> list[tuple[int, str]]:
        names = None if wanted is None else set(wanted)
        known = self._query("SELECT no, id FROM sensor ORDER BY id")
        return [(number, name) for number, name in known if names is None or name in names]

    def _known_layouts(self) -> dict[int, Layout]:
        known = self._query("SELECT no, parameters FROM layout")
        return {number: tuple(text.split(" ")) for number, text in known}

    def _unpack(self, by_layout: Mapping[int, Sequence[Row]]) -> pl.DataFrame:
        layouts = self._known_layouts()
        return together(unpack(layouts[number], rows) for number, rows in by_layout.items())

    # Aggregates

    def write_aggregates(self, aggregates: pl.DataFrame) -> None:
        # In the order in which the table keeps them: three times as quick as in any other.
        ordered = aggregates.sort("period", "start", "level", "subject", "parameter")
        rows = ordered.select(
            pl.col(name).cast(pl.Int64) if dtype == AGGREGATES["start"] else pl.col(name)
            for name, dtype in AGGREGATES.items()
        ).rows()
        marks = ", ".join("?" * len(_AGGREGATE_COLUMNS))
        columns = ", ".join(_AGGREGATE_COLUMNS)
        with self._transaction() as db:
            db.executemany(
                f"INSERT OR REPLACE INTO aggregate ({columns}) VALUES ({marks})",  # noqa: S608
                rows,
            )

    def read_aggregates(
        self,
        window: Interval,
        *,
        period: Period,
        level: Level | None = None,
        subjects: Collection[str] | None = None,
        parameters: Collection[str] | None = None,
    ) -> pl.DataFrame:
        conditions = ["period = ?", "start >= ?", "start < ?"]
        values: list[Any] = [str(period), to_ms(window.start), to_ms(window.end)]
        for column, wanted in (
            ("level", None if level is None else [str(level)]),
            ("subject", subjects),
            ("parameter", parameters),
        ):
            if wanted is not None:
                conditions.append(f"{column} IN ({', '.join('?' * len(wanted))})")
                values.extend(wanted)
        rows = self._query(
            f"SELECT {', '.join(_AGGREGATE_COLUMNS)} FROM aggregate"  # noqa: S608
            f" WHERE {' AND '.join(conditions)}",
            values,
        )
        raw = {**AGGREGATES, "start": pl.Int64(), "valid": pl.Int64()}
        frame = pl.DataFrame(rows, schema=raw, orient="row")
        return frame.with_columns(
            pl.col("start").cast(AGGREGATES["start"]), pl.col("valid").cast(pl.Boolean)
        ).sort(AGGREGATE_KEY)

    # The account and the pending hours

    def account(self, window: Interval) -> pl.DataFrame:
        rows = self._query(
            "SELECT sensor, hour, received, stored, duplicate, dead_lettered FROM account"
            " WHERE hour >= ? AND hour < ? ORDER BY sensor, hour",
            (to_ms(window.start), to_ms(window.end)),
        )
        frame = pl.DataFrame(rows, schema={**ACCOUNT, "hour": pl.Int64()}, orient="row")
        return frame.with_columns(pl.col("hour").cast(ACCOUNT["hour"]))

    def account_sums(self, window: Interval) -> pl.DataFrame:
        rows = self._query(
            "SELECT sensor, sum(received), sum(stored), sum(duplicate), sum(dead_lettered)"
            " FROM account WHERE hour >= ? AND hour < ? GROUP BY sensor ORDER BY sensor",
            (to_ms(window.start), to_ms(window.end)),
        )
        return pl.DataFrame(rows, schema=ACCOUNT_SUMS, orient="row")

    def pending_hours(self, before: datetime) -> list[PendingHour]:
        rows = self._query(
            "SELECT hour, version FROM pending WHERE hour <= ? ORDER BY hour",
            (to_ms(before) - HOUR_MS,),
        )
        return [PendingHour(Interval.hour(from_ms(hour)), version) for hour, version in rows]

    def settle_hours(self, hours: Sequence[PendingHour]) -> None:
        with self._transaction() as db:
            db.executemany(
                "DELETE FROM pending WHERE hour = ? AND version = ?",
                [(to_ms(pending.hour.start), pending.version) for pending in hours],
            )


def _only(frame: pl.DataFrame, parameters: Collection[str] | None) -> pl.DataFrame:
    if parameters is None:
        return frame
    return frame.filter(pl.col("parameter").is_in(list(parameters)))
