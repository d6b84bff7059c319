"""How fast SensorThings answers: `python -m bench.sensorthings [--influx] [--sensors N]`.

A day of N sensors of four parameters at one minute (1 000 sensors: 5.76 million observations), in
the embedded store or a real InfluxDB. Each question is asked seven times in process, without the
network; told are the quickest, which is what the work costs, and the median.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bench.store import BATCH, PARAMETERS, T0, store_of
from console.sensorthings.answering import answer
from console.sensorthings.entities import EntitiesKept
from console.sensorthings.observed import Observed
from console.sensorthings.windows import ExtentsKept
from registry import Registry
from schemas import FlaggedReading, SensorId, to_ms
from schemas.registry import Sensor
from storage import Store
from tests.city import demo_registry

MINUTES, TIMES = 1440, 7
ONE = "Datastreams('bench-00007:pm25')/Observations"
NEWEST = "$orderby=phenomenonTime desc&$top=1"
QUESTIONS = {
    "newest observation of a Datastream": (ONE, NEWEST),
    "newest of 100 Datastreams, expanded": (
        "Datastreams",
        "$filter=startswith(@iot.id,'bench')&$select=id&$expand=Observations("
        "$orderby=phenomenonTime desc;$top=1)",
    ),
    "page of 1 000 of a Datastream": (ONE, "$top=1000"),
    "its thousand bad ones of all day": (ONE, "$top=1000&$filter=result gt 90"),
    "newest of all": ("Observations", NEWEST),
    "page of 1 000 of all": ("Observations", "$top=1000"),
    "page of 1 000 of one hour and parameter": (
        "Observations",
        "$top=1000&$filter=phenomenonTime ge 2026-10-01T12:00:00Z and phenomenonTime lt"
        " 2026-10-01T13:00:00Z and Datastream/ObservedProperty/@iot.id eq 'pm25'",
    ),
    "number of all": ("Observations", "$top=0&$count=true"),
    "1 000 Datastreams with their times": ("Datastreams", "$top=1000"),
}


def fill(store: Store, registry: Registry, count: int) -> None:
    station = registry.stations()
    where = next(each for each in station.values() if each.medium == "air")
    names = [SensorId(f"bench-{n:05}") for n in range(count)]
    registry.add(
        sensors=[
            Sensor(
                id=name,
                station=where.id,
                medium=where.medium,
                model="bench",
                serial=name,
                parameters=tuple(PARAMETERS),
                cadence_s=60,
            )
            for name in names
        ]
    )
    start, batch = to_ms(T0), []
    for minute in range(MINUTES):
        for n, name in enumerate(names):
            values: dict = {key: float((minute + n) % 97) for key in PARAMETERS}
            batch.append(FlaggedReading(name, start + minute * 60_000, values, {}, start))
            if len(batch) == BATCH:
                store.write(batch)
                batch.clear()
    store.write(batch)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--influx", dest="kind", action="store_const", const="influx")
    options.add_argument("--sensors", type=int, default=1000)
    given = options.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        store_of(given.kind or "embedded", Path(folder)) as store,
    ):
        registry = demo_registry(Path(folder))
        fill(store, registry, given.sensors)
        kept, extents = EntitiesKept(registry), ExtentsKept(store)
        begun = time.perf_counter()
        kept.now()
        print(f"picture of the registry: {(time.perf_counter() - begun) * 1000:.0f} ms")
        for name, (path, query) in QUESTIONS.items():
            spent = []
            for _ in range(TIMES):
                begun = time.perf_counter()
                observed = Observed(store, kept.now(), extents)
                answer(path, query, observed=observed, root="http://here")
                spent.append((time.perf_counter() - begun) * 1000)
            print(f"{name}: {min(spent):.1f} ms, median {statistics.median(spent):.1f} ms")
        registry.close()


if __name__ == "__main__":
    main()
