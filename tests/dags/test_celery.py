"""Airflow on Celery for real, with the settings of compose.scale.yml.

Redis as the queue, PostgreSQL for results and metadata, one scheduler, one worker.
"""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select

from onenet.children import Child
from registry.models import CredentialRow
from tests import postgres
from tests.brokers import free_port
from tests.dags.city import AIRFLOW, City, wait_for
from tests.deploy.compose_file import environment
from tests.deploy.compose_scaled import scale
from tests.parts import need

pytestmark = pytest.mark.airflow

DAG = "provisioning"
PARTS = ("api-server", "scheduler", "dag-processor", "celery worker")


@dataclass(frozen=True)
class Scaled:
    city: City
    database: str
    children: list[Child]


@contextmanager
def redis(folder: Path, password: str) -> Iterator[int]:
    """The service `redis` as a process: settings by standard input, nothing on the command line."""
    need("redis-server", shutil.which("redis-server") is not None)
    port = free_port()
    process = subprocess.Popen(
        ["redis-server", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        text=True,
    )
    assert process.stdin
    said = f"bind 127.0.0.1\nport {port}\nrequirepass {password}\nappendonly yes\ndir {folder}\n"
    process.stdin.write(said)
    process.stdin.close()
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


def airflow_of(server: dict[str, str], city: City, redis_port: int) -> dict[str, str]:
    """What the file gives a worker of Airflow, at this machine's addresses."""
    given = environment(scale()["services"]["airflow-worker-1"])
    here = {
        "postgres:5432": f"127.0.0.1:{server['PORT']}",
        "redis:6379": f"127.0.0.1:{redis_port}",
        "airflow-apiserver:8080": f"127.0.0.1:{city.port}",
        "/app/dags": city.environment["AIRFLOW__CORE__DAGS_FOLDER"],
    }
    found = {}
    for key, value in given.items():
        if not key.startswith("AIRFLOW__"):
            continue
        filled = re.sub(r"\$\{(\w+)[^}]*\}", lambda match: server[match[1]], value)
        for name, address in here.items():
            filled = filled.replace(name, address)
        found[key] = filled
    return found


@pytest.fixture
def scaled(tmp_path: Path) -> Iterator[Scaled]:
    need("airflow", find_spec("airflow") is not None)
    need("celery", find_spec("celery") is not None)
    need("postgresql", postgres.available())
    city = City(tmp_path / "city", only={DAG})
    password = secrets.token_hex(16)
    with postgres.postgres(tmp_path) as server, redis(tmp_path, password) as redis_port:
        server["REDIS_PASSWORD"] = password
        city.environment |= {
            **airflow_of(server, city, redis_port),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(city.port),
            "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{city.port}",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "120",  # the machine may be busy
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "1",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(free_port()),
        }
        city.run(str(AIRFLOW), "db", "migrate")
        children = [
            Child(
                part.replace(" ", "-"),
                [str(AIRFLOW), *part.split()],
                env=city.environment,
                logs=city.home / "logs",
            )
            for part in PARTS
        ]
        try:
            yield Scaled(city, postgres.url(server, "airflow", "airflow"), children)
        finally:
            for child in reversed(children):
                child.stop(20)
    city.registry.close()


def test_a_task_goes_through_the_queue_to_a_worker_and_succeeds(scaled: Scaled) -> None:
    made = datetime.now(UTC) - timedelta(hours=1)
    with scaled.city.registry.session.begin() as session:
        session.add(
            CredentialRow(
                sensor="noise-dongmen-1",
                username="noise-dongmen-1",
                hash="$7$101$c2FsdA==$aGFzaA==",
                state="pending",
                created=made,
                created_by="who was cut off",
            )
        )

    def asked(query: str) -> list[tuple[str, ...]]:
        for child in scaled.children:
            assert child.running(), child.last_words(40)
        with psycopg.connect(scaled.database) as db:
            return db.execute(query).fetchall()

    def state() -> str:
        with scaled.city.registry.session() as session:
            return session.scalars(select(CredentialRow.state)).one()

    worker = scaled.children[-1]

    def eventually(query: str, row: tuple[str, ...]) -> None:
        wait_for(lambda: row in asked(query), worker)

    eventually("SELECT dag_id FROM serialized_dag", (DAG,))
    scaled.city.run(str(AIRFLOW), "dags", "trigger", DAG)
    wait_for(lambda: state() == "failed", worker)
    eventually("SELECT task_id FROM task_instance WHERE state = 'success'", ("sync",))
    # Celery's own word, in the result backend; and the worker's.
    eventually("SELECT status FROM celery_taskmeta", ("SUCCESS",))
    assert "execute_workload" in worker.log.read_text("utf-8")
