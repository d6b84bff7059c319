"""How fast a store takes and gives readings: `python -m bench.store [--influx] [--readings N]`.

The embedded store in a temporary file, or a real InfluxDB: the one that the tests would use, see
`tests/influx.py`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas import FlaggedReading, Interval, ParameterKey, SensorId, to_ms
from storage import Store, open_store
from tests.influx import influx

BATCH, SENSORS = 5000, 50
PARAMETERS = [ParameterKey(key) for key in ("pm25", "pm10", "no2", "o3")]
T0 = datetime(2026, 10, 1, tzinfo=UTC)


@contextmanager
def store_of(kind: str, folder: Path) -> Iterator[Store]:
    if kind == "influx":
        with influx(folder) as running:
            store = open_store(running.clean(), token=running.token)
            yield store
            store.close()
    else:
        store = open_store(f"sqlite:///{folder}/o.db")
        yield store
        store.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--influx", dest="kind", action="store_const", const="influx")
    options.add_argument("--readings", type=int, default=500_000)
    given = options.parse_args()
    total: int = given.readings
    start = to_ms(T0)
    readings = [
        FlaggedReading(
            SensorId(f"air-{n % SENSORS}"),
            start + n // SENSORS * 60_000,
            {key: float(n % 97) for key in PARAMETERS},
            {},
            start,
        )
        for n in range(total)
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        store_of(given.kind or "embedded", Path(folder)) as store,
    ):
        begun = time.perf_counter()
        for at in range(0, total, BATCH):
            store.write(readings[at : at + BATCH])
        spent = time.perf_counter() - begun
        print(f"write: {total / spent:,.0f} readings/s in batches of {BATCH}")
        hour = Interval(T0 + timedelta(days=2), T0 + timedelta(days=2, hours=1))
        month = Interval(T0, T0 + timedelta(days=30))
        for name, action in (
            ("read one hour, all sensors", lambda: store.read(hour)),
            ("read 30 days, one sensor", lambda: store.read(month, sensors=["air-7"])),
            ("latest of all", lambda: store.latest()),
        ):
            begun = time.perf_counter()
            frame = action()
            spent = (time.perf_counter() - begun) * 1000
            print(f"{name}: {spent:.1f} ms, {frame.height:,} observations")


if __name__ == "__main__":
    main()
