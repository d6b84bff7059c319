"""The embedded store under a kill, a second process, and a wrong file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import polars as pl
import pytest

from schemas import FlaggedReading, Interval, ParameterKey, Period, SensorId, to_ms
from storage import StoreUnavailable, open_store

T0 = datetime(2026, 11, 24, tzinfo=UTC)
WEEK = Interval(T0, T0 + timedelta(days=7))

WRITER = textwrap.dedent(
    """
    import sys
    from schemas import FlaggedReading
    from storage import open_store
    store = open_store(sys.argv[1])
    for second in range(100_000):
        ts = int(sys.argv[2]) + second * 1000
        store.write([FlaggedReading("air-a-1", ts, {"pm25": float(second)}, {}, ts)])
        print(second, flush=True)
    """
)


def start_writer(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(to_ms(T0))], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.chaos
def test_what_a_killed_writer_was_told_is_stored_is_stored(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/o.db"
    for _ in range(3):
        writer = start_writer(url)
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) >= 30:
                break
        os.kill(writer.pid, signal.SIGKILL)
        told = [int(line)] + [int(rest) for rest in writer.stdout.read().split()]
        writer.wait()
        store = open_store(url)
        kept = set(store.read(WEEK)["value"].to_list())
        assert set(range(max(told))) <= kept
        assert store.account(WEEK)["received"].sum() == (
            store.account(WEEK)["stored"].sum() + store.account(WEEK)["duplicate"].sum()
        )
        store.close()


def test_others_read_while_one_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/o.db"
    writer = start_writer(url)
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        store = open_store(url)
        counts = [store.count_readings().get("air-a-1", 0) for _ in range(50)]
        assert counts == sorted(counts)
        store.close()
    finally:
        writer.kill()
        writer.wait()


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/o.db")

    def write(sensor: str) -> None:
        for minute in range(20):
            ts = to_ms(T0 + timedelta(minutes=minute))
            store.write([FlaggedReading(SensorId(sensor), ts, {ParameterKey("pm25"): 1.0})])

    threads = [threading.Thread(target=write, args=(f"air-{n}-1",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.count_readings() == {f"air-{n}-1": 20 for n in range(4)}
    store.close()


def test_a_locked_file_is_a_store_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.embedded.BUSY_S", 0.05)
    store = open_store(f"sqlite:///{tmp_path}/o.db")
    blocker = sqlite3.connect(tmp_path / "o.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match=r"o\.db"):
        store.write([FlaggedReading(SensorId("air-a-1"), to_ms(T0), {ParameterKey("pm25"): 1.0})])
    blocker.execute("ROLLBACK")
    store.write([FlaggedReading(SensorId("air-a-1"), to_ms(T0), {ParameterKey("pm25"): 1.0})])
    assert store.count_readings() == {"air-a-1": 1}
    blocker.close()
    store.close()


def test_a_file_of_the_first_schema_keeps_its_rows_and_learns_of_editions(tmp_path: Path) -> None:
    script = resources.files("storage").joinpath("schema.sql").read_text("utf-8")
    first = script.replace("    edition TEXT NOT NULL DEFAULT '',\n", "").replace(
        "user_version = 2", "user_version = 1"
    )
    db = sqlite3.connect(tmp_path / "o.db")
    db.executescript(first)
    row = ("hour", to_ms(T0), "city", "city", "pm25", 9.0, 8.0, 10.0, 2, 2, 1.0, 1, "", "mean")
    db.execute(f"INSERT INTO aggregate VALUES ({', '.join('?' * len(row))})", row)
    db.commit()
    db.close()
    for _ in range(2):
        store = open_store(f"sqlite:///{tmp_path}/o.db")
        found = store.read_aggregates(WEEK, period=Period.HOUR)
        assert found.select("value", "method", "edition").rows() == [(9.0, "mean", "")]
        store.write_aggregates(found.with_columns(edition=pl.lit("HJ663-2026"), value=pl.lit(7.0)))
        kept = store.read_aggregates(WEEK, period=Period.HOUR)
        assert kept.select("value", "edition").rows() == [(7.0, "HJ663-2026")]
        store.write_aggregates(found)
        store.close()


def test_a_file_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "o.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ValueError, match="schema 99"):
        open_store(f"sqlite:///{tmp_path}/o.db")


def test_a_store_url_says_what_it_may_be() -> None:
    with pytest.raises(ValueError, match="expected sqlite:/// or influx://"):
        open_store("redis://localhost")
