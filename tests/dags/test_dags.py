"""The DAGs in a real Airflow: they import, they run, and a backfill gives the rows of live runs."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

import dags
from network import aggregate_days, aggregate_hours
from onenet.airflow_env import airflow_environment
from onenet.children import Child
from registry import migrate, open_registry, seed_demo_city
from schemas import FlaggedReading, Interval, ParameterKey, Period
from simulators.fleet import Device
from simulators.weather import Weather
from storage import Store, open_store
from tests.brokers import free_port
from tests.parts import need

pytestmark = pytest.mark.airflow

FOLDER = Path(dags.__file__).parent
DAGS = {"hourly_aggregates", "daily_assessment", "late_data", "alert_thresholds"}
AIRFLOW = Path(sys.executable).parent / "airflow"
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
SPAN = Interval(END - timedelta(days=3), END)

LIST_DAGS = """
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
print("DAGS " + json.dumps({
    "errors": {str(k): str(v) for k, v in bag.import_errors.items()},
    "dags": {d.dag_id: {"tasks": d.task_ids, "catchup": d.catchup, "doc": bool(d.doc_md),
                        "retries": [t.retries for t in d.tasks]} for d in bag.dags.values()},
}))
"""


class City:
    """Store, registry and an Airflow home."""

    def __init__(self, home: Path) -> None:
        need("airflow", find_spec("airflow") is not None)
        self.home = home
        self.port = free_port()
        self.store_url, self.registry_url = f"sqlite:///{home}/o.db", f"sqlite:///{home}/r.db"
        migrate(self.registry_url)
        self.registry = open_registry(self.registry_url)
        seed_demo_city(self.registry)
        self.environment = {
            **airflow_environment(home / "airflow", dags=FOLDER, port=self.port, demo=True),
            "ONENET_STORE_URL": self.store_url,
            "ONENET_REGISTRY_URL": self.registry_url,
        }

    def fill(self, store: Store) -> None:
        readings = []
        for sensor in self.registry.sensors().values():
            if sensor.source is None:
                continue
            device = Device(
                id=sensor.id,
                medium=sensor.medium,
                source=sensor.source,
                cadence_s=sensor.cadence_s,
                parameters=sensor.parameters,
            )
            span = SPAN.start.timestamp(), SPAN.end.timestamp()
            for t, values in device.between(*span, Weather(1)):
                kept = {ParameterKey(key): value for key, value in values.items()}
                readings.append(FlaggedReading(sensor.id, t * 1000, kept, {}, t * 1000))
        store.write(readings)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    made = City(tmp_path_factory.mktemp("airflow-city"))
    yield made
    made.registry.close()


@pytest.fixture(scope="module")
def airflow(city: City) -> Iterator[Child]:
    """A whole Airflow, as the demo runs it."""
    store = open_store(city.store_url)
    city.fill(store)
    store.close()
    child = Child(
        "airflow",
        [str(AIRFLOW), "standalone"],
        env=city.environment,
        logs=city.home / "logs",
    )
    yield child
    child.stop(20)


def rows(store: Store, window: Interval, period: Period) -> list:
    return store.read_aggregates(window, period=period).rows()


def test_every_dag_imports_and_says_what_it_is_for(city: City) -> None:
    city.run(str(AIRFLOW), "db", "migrate")
    output = city.run(sys.executable, "-c", LIST_DAGS)
    line = next(text for text in output.splitlines() if text.startswith("DAGS "))
    found = json.loads(line.removeprefix("DAGS "))
    assert found["errors"] == {}
    assert set(found["dags"]) == DAGS
    for name, dag in found["dags"].items():
        assert dag["doc"], name
        assert not dag["catchup"], name
        assert 1 <= len(dag["tasks"]) <= 3, f"{name}: a DAG is a timetable, not a program"
        assert all(retries > 0 for retries in dag["retries"]), name


def test_a_backfill_gives_the_rows_of_live_aggregation(
    city: City, airflow: Child, tmp_path: Path
) -> None:
    live = open_store(f"sqlite:///{tmp_path}/live.db")
    city.fill(live)
    day = next(iter(d for d in SPAN.city_days() if d.start >= SPAN.start + timedelta(hours=6)))
    hours = Interval(day.start, day.start + timedelta(hours=6))
    aggregate_hours(list(hours.hours()), store=live, registry=city.registry)
    aggregate_days([day], store=live, registry=city.registry)

    wait_until_scheduled(city, airflow)
    store = open_store(city.store_url)
    # Nothing but the backfill may have written these hours.
    store.settle_hours(store.pending_hours(END + timedelta(days=1)))
    backfill(city, "hourly_aggregates", hours.start + timedelta(minutes=5), hours.end)
    wait_for(lambda: rows(store, hours, Period.HOUR) == rows(live, hours, Period.HOUR), airflow)
    backfill(city, "daily_assessment", day.start, day.start + timedelta(minutes=30))
    wide = Interval(day.start, day.end)
    for period in (Period.DAY, Period.DAYTIME, Period.NIGHT):
        wait_for(
            lambda period=period: rows(store, wide, period) == rows(live, wide, period), airflow
        )
    store.close()
    live.close()


def backfill(city: City, dag: str, start: datetime, end: datetime) -> None:
    command = [str(AIRFLOW), "backfill", "create", "--dag-id", dag]
    command += ["--from-date", start.isoformat(), "--to-date", end.isoformat()]
    city.run(*command)


def wait_until_scheduled(city: City, airflow: Child) -> None:
    """Until the running Airflow has read every DAG."""
    database = city.home / "airflow" / "airflow.db"

    def known() -> bool:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
            rows = db.execute("SELECT dag_id FROM serialized_dag").fetchall()
        return {name for (name,) in rows} >= DAGS

    wait_for(known, airflow)


def wait_for(condition, airflow: Child, seconds: float = 150) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert airflow.running(), airflow.last_words()
        assert time.monotonic() < end, airflow.last_words(40)
        time.sleep(1)
