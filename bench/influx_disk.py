"""What readings take on an InfluxDB's disk: `python -m bench.influx_disk [--days N]`.

Days of the demo city's emulated sensors, in the order of time, into buckets as `onenet store
prepare` makes them (a shard of observations is a day). Then nothing more is written, and a server
that compacts what is cold after seconds instead of hours is waited for: until its log is empty and
its files have not changed for a while. Counted are the files of data and the index of series, by
bucket; the same readings in the SQLite store stand beside them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from ingest.directory import SensorDirectory
from schemas import FlaggedReading, Interval, catalogue
from storage import open_store, prepare
from tests.city import demo_registry, measured
from tests.influx import ORG, influxd

SOON = (
    "--storage-cache-snapshot-write-cold-duration=2s",
    "--storage-compact-full-write-cold-duration=5s",
)
BATCH, QUIET_S, PATIENCE_S = 5000, 40, 900


def city(folder: Path, days: int) -> list[FlaggedReading]:
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    span = Interval(end - timedelta(days=days), end)
    registry = demo_registry(folder)
    known = SensorDirectory(registry, catalogue())
    known.renew()
    readings = [
        replace(reading, tags=known.tags(reading.sensor))
        for sensor in registry.sensors().values()
        for reading in measured(sensor, span)
    ]
    registry.close()
    return sorted(readings, key=lambda reading: reading.ts_ms)


def fill(url: str, token: str, readings: Sequence[FlaggedReading]) -> None:
    store = open_store(url, token=token)
    for at in range(0, len(readings), BATCH):
        store.write(readings[at : at + BATCH])
    store.close()


def size(folder: Path, pattern: str = "*") -> int:
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file())


def wait_until_compacted(engine: Path) -> None:
    """Until nothing is in the log and no file of data has changed for a while."""
    end, since, seen = time.monotonic() + PATIENCE_S, time.monotonic(), (-1, -1)
    while time.monotonic() - since < QUIET_S:
        if time.monotonic() > end:
            raise SystemExit(f"after {PATIENCE_S} s it is still at work")
        now = size(engine / "data", "*.tsm"), size(engine / "wal")
        if now != seen or now[1]:
            since, seen = time.monotonic(), now
        time.sleep(1)


def buckets(http: str, token: str) -> dict[str, str]:
    """Ids by name."""
    answer = httpx.get(
        f"{http}/api/v2/buckets",
        params={"org": ORG, "limit": 100},
        headers={"Authorization": f"Token {token}"},
    )
    return {one["name"]: one["id"] for one in answer.json()["buckets"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        readings = city(folder, options.days)
        values = sum(len(reading.values) for reading in readings)
        total = len(readings)
        print(f"{total:,} readings, {values / total:.2f} values each, {options.days} days")
        fill(f"sqlite:///{folder}/o.db", "", readings)
        print(f"SQLite: {size(folder, 'o.db*') / total:.1f} bytes a reading", flush=True)
        with influxd(folder, *SOON) as server:
            running = server.running
            prepare(running.url, token=running.token)
            fill(running.url, running.token, readings)
            engine = folder / "engine"
            print(f"InfluxDB, right after writing: {size(engine) / total:.1f}", flush=True)
            wait_until_compacted(engine)
            for bucket, number in buckets(running.http, running.token).items():
                data = engine / "data" / number
                tsm, index = size(data, "*.tsm"), size(data) - size(data, "*.tsm")
                files = len(list(data.rglob("*.tsm")))
                if files:
                    print(
                        f"InfluxDB, {bucket}: {tsm / total:.1f} bytes a reading in {files} files,"
                        f" {tsm / values:.2f} a value; index {index / 1e6:.1f} MB"
                    )


if __name__ == "__main__":
    main()
