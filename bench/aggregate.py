"""A day of a large city to hourly aggregates of every level: time, memory, and the same by hand.

`python -m bench.aggregate [--sensors N ...]`. A day of N sensors at one minute (10 000 sensors:
14.4 million observations) lies in a Parquet file, in order of time. It is aggregated by `network`,
as many hours at once as `network.run` would take, and by one polars query written by hand for this
very table; each in a process of its own, three times, of which the quickest counts. The figure
that matters is the ratio of the two: what flags, completeness, validity, reasons, editions and
sums that are the same in any order cost. A tenth of the sensors tells whether time grows as the
data do.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from network.batches import together
from network.hours import channels, sensor_hours
from network.rollup import all_levels, areas_of, stations_of
from network.run import hours_at_once
from schemas import Interval, catalogue
from schemas.observation import OBSERVATIONS
from schemas.registry import Sensor, Station
from standards import editions

DAY = Interval(datetime(2026, 11, 23, 16, tzinfo=UTC), datetime(2026, 11, 24, 16, tzinfo=UTC))
MINUTES = 1440
DISTRICTS, SUBDISTRICTS = 11, 74
SENSORS_A_STATION = 2
# Parameter, medium, and the kind of its stations, by turns.
KINDS = (
    ("laeq", "noise", "residential"),
    ("pm25", "air", "urban"),
    ("laeq", "noise", "residential"),
    ("nh3n", "water", "river"),
    ("pm25", "air", "urban"),
)


def city(count: int) -> tuple[list[Sensor], list[Station]]:
    """So many sensors of one channel, two a station, over the whole city."""
    sensors, stations = [], []
    for n in range(count // SENSORS_A_STATION):
        key, medium, kind = KINDS[n % len(KINDS)]
        subdistrict = n % SUBDISTRICTS
        place = {
            "id": f"st-{n:05}",
            "zh": "站",
            "en": "station",
            "level": "subdistrict",
            "grade": "subdistrict",
            "realm": "land",
            "medium": medium,
            "district": f"district-{subdistrict % DISTRICTS}",
            "subdistrict": f"subdistrict-{subdistrict}",
            "basin": f"basin-{n % 5}" if kind == "river" else None,
            "kind": kind,
            "lon": 114.0,
            "lat": 22.5,
        }
        stations.append(Station.model_validate(place))
        for which in range(SENSORS_A_STATION):
            device = {
                "id": f"{medium}-{n:05}-{which}",
                "station": f"st-{n:05}",
                "medium": medium,
                "model": "m",
                "serial": f"{n}-{which}",
                "parameters": (key,),
                "cadence_s": 60,
            }
            sensors.append(Sensor.model_validate(device))
    return sensors, stations


def write_day(path: Path, sensors: list[Sensor]) -> None:
    """A day of readings in order of time; one in fifty suspect or missing."""
    names = pl.DataFrame(
        {"sensor": [s.id for s in sensors], "parameter": [s.parameters[0] for s in sensors]}
    ).with_row_index("n")
    folder = path.with_suffix("")
    folder.mkdir()
    for hour in DAY.hours():
        minutes = pl.DataFrame(
            {"ts": [hour.start + timedelta(minutes=m) for m in range(60)]},
            schema={"ts": OBSERVATIONS["ts"]},
        ).with_columns(m=pl.col("ts").dt.epoch("s") // 60)
        mixed = (pl.col("m") * 7919 + pl.col("n") * 104_729) % 1000
        minutes.join(names, how="cross").select(
            "sensor",
            "ts",
            "parameter",
            value=pl.when(mixed != 500).then(40.0 + mixed / 50),
            quality=pl.when(mixed % 50 == 0).then(33).otherwise(1).cast(pl.Int16),
        ).write_parquet(folder / f"{hour.start:%d%H}.parquet")
    pl.scan_parquet(folder / "*.parquet").sink_parquet(path, row_group_size=60 * len(sensors))


def by_network(path: Path, sensors: list[Sensor], stations: list[Station]) -> pl.DataFrame:
    """As `network.aggregate_hours` does it, with the file for a store."""
    day, known = pl.scan_parquet(path), channels(sensors, catalogue())
    at_stations, in_areas = stations_of(sensors), areas_of(stations)
    found = []
    for group in together(DAY.hours(), hours_at_once(known)):
        start, end = pl.lit(group[0].start), pl.lit(group[-1].end)
        observations = day.filter(pl.col("ts").is_between(start, end, closed="left")).collect()
        rows = sensor_hours(observations, known, [hour.start for hour in group])
        found.append(all_levels(rows, at_stations, in_areas))
    return pl.concat(found)


def by_hand(path: Path, sensors: list[Sensor], stations: list[Station]) -> pl.DataFrame:
    """The same means, counts and validity for this table only, as a polars user would write it."""
    energy = pl.col("parameter") == "laeq"
    places = {station.id: station for station in stations}
    placed = pl.LazyFrame(
        [
            (s.id, s.station, p.district, p.subdistrict, p.basin)
            for s in sensors
            for p in [places[s.station]]
        ],
        schema=["sensor", "station", "district", "subdistrict", "basin"],
        orient="row",
    ).with_columns(city=pl.lit("city"))
    mean = pl.when(energy).then(10 ** (pl.col("value") / 10)).otherwise("value")
    level = pl.when(energy).then(pl.col("value").log10() * 10).otherwise("value")
    statistics = [
        mean.mean().alias("value"),
        pl.col("minimum").min(),
        pl.col("maximum").max(),
        pl.len().alias("count"),
    ]
    hourly = (
        pl.scan_parquet(path)
        .filter(pl.col("quality") % 10 <= 2, pl.col("value").is_not_null())
        .with_columns(
            start=pl.col("ts").dt.truncate("1h"), minimum=pl.col("value"), maximum=pl.col("value")
        )
        .group_by("sensor", "parameter", "start")
        .agg(statistics)
        .with_columns(value=level)
        .with_columns(valid=pl.col("count") / 60 >= 0.75)
        .join(placed, on="sensor")
        .collect()
    )
    frames, members = [], hourly.rename({"sensor": "subject"})
    frames.append(members)
    stations_of = (
        members.filter("valid")
        .group_by("station", "parameter", "start")
        .agg(*statistics, pl.col("district", "subdistrict", "basin", "city").first())
        .with_columns(value=level, valid=pl.col("count") >= SENSORS_A_STATION / 2)
    )
    frames.append(stations_of.rename({"station": "subject"}))
    for area in ("subdistrict", "district", "city", "basin"):
        land = pl.col("basin").is_null() if area != "basin" else pl.col("basin").is_not_null()
        rolled = (
            stations_of.filter("valid", land)
            .group_by(area, "parameter", "start")
            .agg(statistics)
            .with_columns(value=level, valid=pl.lit(True))
        )
        frames.append(rolled.rename({area: "subject"}))
    columns = ["subject", "parameter", "start", "value", "minimum", "maximum", "count", "valid"]
    return pl.concat(frame.select(columns) for frame in frames)


WAYS = {"network": by_network, "hand": by_hand}


@dataclass(frozen=True, slots=True)
class Measured:
    """One way: seconds by the clock and of all cores, the most memory in MiB, what came out."""

    seconds: float
    cpu: float
    mebibytes: float
    rows: int
    total: float


def measure_here(way: str, path: Path, count: int) -> Measured:
    sensors, stations = city(count)
    catalogue(), editions()  # a program reads its tables once, however many sensors there are
    begun, worked = time.perf_counter(), time.process_time()
    rows = WAYS[way](path, sensors, stations)
    return Measured(
        seconds=time.perf_counter() - begun,
        cpu=time.process_time() - worked,
        mebibytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        rows=rows.height,
        total=float(rows["value"].sum()),
    )


def measure(way: str, path: Path, count: int) -> Measured:
    """The quickest of three, each in a process of its own."""
    command = [sys.executable, "-m", "bench.aggregate", "--only", way, str(path), str(count)]
    runs = (subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3))
    return min((Measured(**json.loads(run.stdout)) for run in runs), key=lambda m: m.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sensors", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--only", nargs=3, metavar=("WAY", "FILE", "SENSORS"))
    options = parser.parse_args()
    if options.only:
        way, file, count = options.only
        print(json.dumps(asdict(measure_here(way, Path(file), int(count)))))
        return
    each = []
    for count in options.sensors:
        print(f"{count:,} sensors, {count * MINUTES:,} observations", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "day.parquet"
            write_day(path, city(count)[0])
            ours, hand = (measure(way, path, count) for way in WAYS)
        for way, found in (("network", ours), ("by hand", hand)):
            print(
                f"  {way}  {found.seconds:6.2f} s  {found.cpu:6.2f} s of all cores"
                f"  {found.mebibytes:6.0f} MiB  {found.rows:,} rows"
            )
        print(f"  ratio    {ours.seconds / hand.seconds:6.2f}    {ours.cpu / hand.cpu:6.2f}")
        if ours.rows != hand.rows or not math.isclose(ours.total, hand.total, rel_tol=1e-9):
            raise SystemExit("the two do not agree")
        each.append((count, ours.cpu))
    (few, short), (many, long) = each[0], each[-1]
    print(f"{many / few:.0f} times the sensors took {long / short:.1f} times as long")


if __name__ == "__main__":
    main()
