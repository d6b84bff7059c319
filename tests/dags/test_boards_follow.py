"""Grafana's boards follow the registry: what the DAG `provisioning` writes where Grafana reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from dashboards import BOARDS
from registry.models import StationRow
from tests.dags.city import AIRFLOW, City
from tests.parts import need

pytestmark = pytest.mark.airflow

CONSOLE = "https://console.city.example"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    need("airflow", find_spec("airflow") is not None)
    made = City(tmp_path, only=["provisioning"])
    made.run(str(AIRFLOW), "db", "migrate")
    yield made
    made.registry.close()


def test_boards_are_those_of_the_registrys_city(city: City) -> None:
    folder = city.home / "boards"
    city.environment |= {"ONENET_BOARDS_DIR": str(folder), "ONENET_CONSOLE_URL": CONSOLE}
    city.test("provisioning", city.store_url)
    assert {path.stem for path in folder.iterdir()} == set(BOARDS)
    for path in folder.iterdir():
        assert CONSOLE in json.dumps(json.loads(path.read_text("utf-8"))), path.name
    written = {path: path.stat().st_mtime_ns for path in folder.iterdir()}

    with city.registry.session.begin() as session:
        session.get_one(StationRow, "st-soil-lianhua").zh = "莲花山新土壤站"
    city.test("provisioning", city.store_url)
    again = {path for path in folder.iterdir() if path.stat().st_mtime_ns != written[path]}
    assert folder / "onenet-soil.json" in again
    assert folder / "onenet-noise.json" not in again
    assert "莲花山新土壤站" in (folder / "onenet-soil.json").read_text("utf-8")
