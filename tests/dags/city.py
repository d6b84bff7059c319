"""A demo city with an Airflow of its own, for the DAG tests and the backfill benchmark."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import datetime
from pathlib import Path

import dags
from onenet.airflow_env import airflow_environment
from onenet.children import Child
from registry import migrate, open_registry, seed_demo_city
from schemas import CITY_TIME, Interval, Period
from storage import Store
from tests.brokers import free_port
from tests.city import all_measured

FOLDER = Path(dags.__file__).parent
DAGS = {
    "hourly_aggregates",
    "daily_assessment",
    "period_assessment",
    "late_data",
    "alert_thresholds",
    "bulletin",
    "network_health",
    "provisioning",
}
# What a run takes in seconds takes it in minutes beside other tests; only a hang is waited out.
PATIENCE_S = 900
AIRFLOW = Path(sys.executable).parent / "airflow"


class City:
    """Store, registry and an Airflow home."""

    def __init__(
        self, home: Path, *, mapped: bool = False, only: Collection[str] = frozenset(DAGS)
    ) -> None:
        """mapped: its DAGs share their work out to districts. only: so many of them are run."""
        self.home = home
        self.port, self.reports = free_port(), home / "reports"
        self.store_url, self.registry_url = f"sqlite:///{home}/o.db", f"sqlite:///{home}/r.db"
        migrate(self.registry_url)
        self.registry = open_registry(self.registry_url)
        seed_demo_city(self.registry)
        self.dags, folder = frozenset(only), home / "dags"
        folder.mkdir(parents=True)
        for name in self.dags:
            (folder / f"{name}.py").symlink_to(FOLDER / f"{name}.py")
        self.environment = {
            **airflow_environment(home / "airflow", dags=folder, port=self.port, demo=True),
            "ONENET_STORE_URL": self.store_url,
            "ONENET_REGISTRY_URL": self.registry_url,
            "ONENET_BROKER_KIND": "embedded",
            "ONENET_REPORTS_DIR": str(self.reports),
            "ONENET_MAP_DISTRICTS": str(mapped),
        }

    def fill(self, store: Store, span: Interval) -> None:
        """What the city's sensors measured in a span, straight into a store."""
        store.write(all_measured(self.registry, span))

    def test(self, dag: str, store_url: str, token: str = "") -> None:
        """Run one DAG by itself now, on a store: `airflow dags test`."""
        self.environment |= {"ONENET_STORE_URL": store_url, "ONENET_STORE_TOKEN": token}
        self.run(str(AIRFLOW), "dags", "test", dag)

    def start_airflow(self) -> Child:
        """A whole Airflow, as the demo runs it; returns at once."""
        return Child(
            "airflow",
            [str(AIRFLOW), "standalone"],
            env=self.environment,
            logs=self.home / "logs",
        )

    def unfinished_runs(self, dag: str) -> int:
        """Runs of a DAG that Airflow has still to finish."""
        database = f"file:{self.home}/airflow/airflow.db?mode=ro"
        with closing(sqlite3.connect(database, uri=True, timeout=5)) as db:
            query = "SELECT count(*) FROM dag_run WHERE dag_id = ? AND state IN (?, ?)"
            found: int = db.execute(query, (dag, "queued", "running")).fetchone()[0]
        return found

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout


def rows(store: Store, window: Interval, period: Period) -> list[tuple[object, ...]]:
    return store.read_aggregates(window, period=period).rows()


def backfill(city: City, dag: str, start: datetime, end: datetime) -> None:
    """Ask for the runs of a span. Of partitions Airflow takes the wall clock for the city's own."""
    command = [str(AIRFLOW), "backfill", "create", "--dag-id", dag]
    for option, moment in (("--from-date", start), ("--to-date", end)):
        command += [option, moment.astimezone(CITY_TIME).isoformat()]
    city.run(*command)


def succeeded(city: City, dag: str, run_type: str) -> int:
    """How many runs of a DAG that were started in one way have succeeded."""
    database = city.home / "airflow" / "airflow.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
        asked = (
            "SELECT count(*) FROM dag_run WHERE state = 'success' AND dag_id = ? AND run_type = ?"
        )
        return int(db.execute(asked, (dag, run_type)).fetchone()[0])


def task_runs(city: City, dag: str, task: str) -> int:
    """How many instances of a task have succeeded, mapped ones one by one."""
    database = city.home / "airflow" / "airflow.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
        asked = (
            "SELECT count(*) FROM task_instance"
            " WHERE state = 'success' AND dag_id = ? AND task_id = ?"
        )
        return int(db.execute(asked, (dag, task)).fetchone()[0])


def mapped_tasks(city: City, dag: str, task: str) -> int:
    """Into how many a mapped task of a DAG was expanded."""
    database = f"file:{city.home}/airflow/airflow.db?mode=ro"
    with closing(sqlite3.connect(database, uri=True, timeout=5)) as db:
        asked = (
            "SELECT count(*) FROM task_instance WHERE dag_id = ? AND task_id = ? AND map_index >= 0"
        )
        return int(db.execute(asked, (dag, task)).fetchone()[0])


def wait_until_scheduled(city: City, airflow: Child) -> None:
    """Until the running Airflow has read every DAG and its API answers."""
    database = city.home / "airflow" / "airflow.db"

    def known() -> bool:
        if not database.exists():
            return False
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
            try:
                names = {name for (name,) in db.execute("SELECT dag_id FROM serialized_dag")}
            except sqlite3.OperationalError:  # its tables are being made
                return False
        return names >= city.dags

    wait_for(known, airflow)
    wait_for(lambda: answers(city.port), airflow)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def wait_for(condition: Callable[[], bool], airflow: Child, seconds: float = PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert airflow.running(), airflow.last_words()
        assert time.monotonic() < end, airflow.last_words(40)
        time.sleep(1)
