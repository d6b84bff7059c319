"""How fast the embedded store takes and gives readings: `python -m bench.store`."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas import FlaggedReading, Interval, ParameterKey, SensorId, to_ms
from storage import open_store

READINGS, BATCH, SENSORS = 500_000, 5000, 50
PARAMETERS = [ParameterKey(key) for key in ("pm25", "pm10", "no2", "o3")]
T0 = datetime(2026, 10, 1, tzinfo=UTC)


def main() -> None:
    start = to_ms(T0)
    readings = [
        FlaggedReading(
            SensorId(f"air-{n % SENSORS}"),
            start + n // SENSORS * 60_000,
            {key: float(n % 97) for key in PARAMETERS},
            {},
            start,
        )
        for n in range(READINGS)
    ]
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder)}/o.db")
        begun = time.perf_counter()
        for at in range(0, READINGS, BATCH):
            store.write(readings[at : at + BATCH])
        spent = time.perf_counter() - begun
        print(f"write: {READINGS / spent:,.0f} readings/s in batches of {BATCH}")
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
        store.close()


if __name__ == "__main__":
    main()
