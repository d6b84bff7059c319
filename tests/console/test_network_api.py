"""The views as JSON keep to a schema that says what fields mean, and have twins for sheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from console import create_app
from network import views
from network.views.water import WaterView
from tests.console.conftest import City

VIEWS = {
    "/api/ranking": views.Ranking,
    "/api/city-air": views.CityAir,
    "/api/waters": WaterView,
    "/api/basins/maozhou": views.BasinView,
    "/api/bays/shenzhen-bay": views.BayView,
    "/api/chiefs": views.Chiefs,
    "/api/calendar?days=30": views.CalendarView,
    "/api/soil": views.SoilView,
    "/api/groundwater?district=longgang": views.GroundwaterView,
    "/api/samples?limit=20": tuple[views.JudgedSample, ...],
    "/api/facilities": tuple[views.Facility, ...],
    "/api/facilities/st-noise-yuehai": views.FacilityRecord,
    "/api/owners": views.OwnersView,
    "/api/targets": views.Targets,
}
SHEETS = ("/soil.csv", "/ranking.csv", "/waters.csv", "/calendar.csv", "/facilities.csv")


@pytest.fixture(scope="module")
def client(city: City) -> Iterator[TestClient]:
    app = create_app(store_url=city.store_url, registry_url=city.registry_url)
    with TestClient(app) as opened:
        yield opened


@pytest.mark.parametrize("path", VIEWS)
def test_an_answer_keeps_to_its_schema(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    TypeAdapter(VIEWS[path]).validate_json(answer.text)


@pytest.mark.parametrize("path", VIEWS)
def test_an_answer_is_described_with_its_fields(client: TestClient, path: str) -> None:
    described = client.get("/openapi.json").json()
    path, _, _ = path.partition("?")
    path = path.replace("maozhou", "{basin_id}").replace("shenzhen-bay", "{bay_id}")
    path = path.replace("st-noise-yuehai", "{station_id}")
    operation = described["paths"][path]["get"]
    assert operation["description"]
    answer = operation["responses"]["200"]
    assert answer["description"].endswith(".")
    assert answer["content"]["application/json"]["schema"]
    if "{" in path:
        assert operation["responses"]["404"]["description"].startswith("no such")


def test_decimals_are_numbers_and_the_fields_are_explained(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["components"]["schemas"]
    rate = described["Attainment"]["properties"]["rate"]
    assert {one["type"] for one in rate["anyOf"]} == {"number", "null"}
    assert "None of none" in described["Attainment"]["description"]
    assert "pattern" not in str(described["Attainment"])


@pytest.mark.parametrize("path", SHEETS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_sheet_has_a_head_and_rows_of_its_length(
    client: TestClient, path: str, language: str
) -> None:
    answer = client.get(f"{path}?lang={language}")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].endswith('.csv"')
    head, *rows = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert rows
    assert all(len(row) == len(head) for row in rows)
    assert len(set(head)) == len(head)


def test_the_sheet_of_waters_has_every_section_and_says_what_it_rests_on(
    client: TestClient,
) -> None:
    view = client.get("/api/waters").json()
    text = client.get("/waters.csv?lang=en").text.removeprefix("\ufeff")
    rows = {row["station id"]: row for row in csv.DictReader(io.StringIO(text))}
    sea = [one for bay in view["bays"] for one in bay["stations"]]
    assert set(rows) == {one["station"] for one in [*view["rivers"], *sea]}
    for section in view["rivers"]:
        row = rows[section["station"]]
        assert row["on target"] == {True: "yes", False: "no", None: ""}[section["meets_target"]]
        assert bool(row["items judged"]) == bool(section["items"])


def test_the_sheet_of_a_calendar_is_the_calendar(client: TestClient) -> None:
    query = "parameter=pm25&district=futian&days=14"
    days = client.get(f"/api/calendar?{query}").json()["days"]
    text = client.get(f"/calendar.csv?{query}&lang=en").text.removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["day"] for row in rows] == [day["day"] for day in days]
    for row, day in zip(rows, days, strict=True):
        assert row["valid"] == ("yes" if day["valid"] else "no")
        assert (row["PM2.5"] == "") == (day["value"] is None)
    assert client.get("/calendar.csv?district=nowhere").status_code == 404
    assert client.get("/calendar.csv?parameter=x").status_code == 422
