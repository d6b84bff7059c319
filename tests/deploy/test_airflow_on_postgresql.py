"""A real Airflow whose own data and our registry are in a real PostgreSQL, as in production."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import yaml

from registry import migrate, open_registry, seed_demo_city
from registry.work_orders import work_orders
from tests import postgres
from tests.dags.city import AIRFLOW, City
from tests.deploy.compose_file import FILE
from tests.parts import need
from tests.postgres import url

pytestmark = pytest.mark.airflow

DAG = "network_health"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    need("postgresql", postgres.available())
    need("airflow", find_spec("airflow") is not None)
    with postgres.postgres(tmp_path_factory.mktemp("pg")) as running:
        owner = url(running, "registry", "registry")
        migrate(owner)
        registry = open_registry(owner)
        seed_demo_city(registry)
        registry.close()
        yield running


def driver_of_production() -> str:
    """The driver by which docker-compose.yml lets Airflow speak to PostgreSQL."""
    environment = yaml.safe_load(FILE.read_text("utf-8"))["x-airflow-environment"]
    found = re.match(r"[a-z+]+", environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    assert found is not None
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"].startswith(found.group())
    return found.group()


def runs(server: dict[str, str]) -> dict[str, int]:
    """Runs of our DAG by state, as Airflow's own tables have them."""
    asked = "SELECT state, count(*) FROM dag_run WHERE dag_id = %s GROUP BY state"
    with psycopg.connect(url(server, "airflow", "airflow")) as db:
        return dict(db.execute(asked, (DAG,)).fetchall())


def test_a_dag_of_ours_succeeds(server: dict[str, str], tmp_path: Path) -> None:
    assert driver_of_production() == "postgresql+psycopg"
    city = City(tmp_path, only={DAG})
    address = url(server, "airflow", "airflow").replace("postgresql", driver_of_production(), 1)
    city.environment |= {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": address,
        "ONENET_REGISTRY_URL": url(server, "registry_dags", "registry"),
    }
    city.run(str(AIRFLOW), "db", "migrate")
    city.run(str(AIRFLOW), "db", "migrate")  # an upgrade that changes nothing
    child = city.start_airflow()
    try:
        city.run(str(AIRFLOW), "dags", "reserialize")
        city.run(str(AIRFLOW), "dags", "trigger", DAG)
        end = time.monotonic() + 300
        while not runs(server).get("success"):
            assert not runs(server).get("failed")
            assert time.monotonic() < end, runs(server)
            time.sleep(1)
    finally:
        child.stop(20)
        city.registry.close()
    registry = open_registry(url(server, "registry_console", "registry"))
    assert work_orders(registry), "no sensor of the new city has sent: somebody is asked to look"
    registry.close()
