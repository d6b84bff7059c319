"""Pages, API and live updates of the console, over HTTP."""

from __future__ import annotations

import csv
import io
import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from console import create_app
from drawing.cells import as_csv
from tests.console.conftest import HOSTILE, City
from tests.console.visiting import client_with

PAGES = ["/", "/?medium=air", "/sensors", "/sensors?medium=water&district=dapeng", "/alerts"]
PAGES += ["/alerts?state=open", "/alerts/1", "/deadletters", "/deadletters?code=json_broken"]
PAGES += ["/deadletters/1", "/stations/st-noise-dongmen", "/stations/st-sea-daya-bay"]
PAGES += ["/stations/st-micro-shekou", "/stations/st-river-loucun", "/ranking", "/waters"]
PAGES += ["/basins/maozhou", "/basins/guanlan", "/bays/shenzhen-bay", "/bays/daya-bay"]
PAGES += ["/calendar", "/calendar?parameter=o3&district=futian", "/facilities", "/targets"]
PAGES += ["/bulletins", "/chiefs", "/city-air", "/owners", "/facilities/st-noise-yuehai"]


@pytest.fixture(scope="module")
def app(city: City) -> FastAPI:
    return create_app(store_url=city.store_url, registry_url=city.registry_url)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    """Somebody who may see everything; without cookies of the test before."""
    return client_with(app)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_in_both_languages(
    client: TestClient, path: str, language: str
) -> None:
    answer = client.get(path, params={"lang": language} if "?" not in path else None)
    if "?" in path:
        answer = client.get(f"{path}&lang={language}")
    assert answer.status_code == 200
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert 'style="' not in answer.text, "the content security policy forbids inline style"


@pytest.mark.parametrize(
    "path", ["/", "/sensors", "/deadletters", "/deadletters/1", "/alerts", "/bays/hostile"]
)
def test_hostile_names_come_out_inert(client: TestClient, path: str) -> None:
    text = client.get(path).text
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text or path == "/alerts"


def test_chinese_is_the_default_and_a_choice_is_remembered(city: City) -> None:
    visitor = TestClient(create_app(store_url=city.store_url, registry_url=city.registry_url))
    assert "一张网" in visitor.get("/").text
    assert "One Network" in visitor.get("/?lang=en").text
    assert "One Network" in visitor.get("/").text
    assert "SameSite=lax" in visitor.get("/?lang=zh").headers["set-cookie"]


def test_a_change_of_language_keeps_what_was_chosen(client: TestClient) -> None:
    page = client.get("/calendar?parameter=o3&district=futian&lang=zh").text
    assert 'href="?parameter=o3&amp;district=futian&amp;lang=en"' in page
    hostile = client.get("/sensors", params={"text": '"><script>'}).text
    assert '"><script>' not in hostile


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/stations/nowhere", 404),
        ("/alerts/999999", 404),
        ("/deadletters/999999", 404),
        ("/alerts/abc", 422),
        ("/basins/nowhere", 404),
        ("/bays/maozhou", 404),
        ("/calendar?parameter=laeq", 422),
        ("/calendar?days=100000", 422),
        ("/calendar?district=nowhere", 404),
        ("/?medium=fire", 422),
        ("/alerts?state=sleeping", 422),
    ],
)
def test_mistakes_get_a_page_that_says_so(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert "返回总览" in answer.text
    assert "Traceback" not in answer.text


def test_the_api_gives_the_same_as_json(client: TestClient) -> None:
    board = client.get("/api/board").json()
    assert {m["medium"] for m in board["mediums"]} == {"noise", "air", "water", "soil"}
    assert board["account"]["received"] == board["account"]["stored"]
    assert board["air"]["now"]["aqi"] > 0
    assert board["air"]["now"]["category"]["rgb"]
    assert board["noise"]["day"]["judged"] == 12
    assert sum(count["sections"] for count in board["water"]["counts"]) == 8
    assert {bay["bay"] for bay in board["water"]["bays"]} >= {"shenzhen-bay", "daya-bay"}
    station = client.get("/api/stations/st-noise-dongmen").json()
    assert station["observations"]
    assert {"parameter", "value", "quality", "ts", "sensor"} == set(station["observations"][0])
    assert len(client.get("/api/sensors").json()) == 61
    assert client.get("/api/alerts?state=open").json()[0]["state"] == "open"
    assert client.get("/api/deadletters").json()[0]["raw"].endswith("\\xff\x00")
    assert client.get("/healthz").json() == {"ok": True}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/stations/nowhere", 404),
        ("/api/stations/x?hours=0", 422),
        ("/api/alerts?limit=0", 422),
        ("/api/basins/nowhere", 404),
        ("/api/bays/nowhere", 404),
        ("/api/calendar?parameter=%3Cscript%3E", 422),
    ],
)
def test_api_mistakes_name_what_is_wrong(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_an_open_alert_stands_on_board_list_and_station(client: TestClient) -> None:
    for path in ("/", "/alerts", "/stations/st-noise-dongmen"):
        assert "功能区" in client.get(path).text


def test_what_the_pages_show_the_api_gives(client: TestClient) -> None:
    table = client.get("/api/ranking").json()
    assert len(table["districts"]) == 11
    assert table["districts"][0]["rank"] == 1
    sections = client.get("/api/basins/maozhou").json()["sections"]
    assert [section["station"]["id"] for section in sections] == [
        "st-river-loucun",
        "st-river-gonghe",
    ]
    bay = client.get("/api/bays/shenzhen-bay").json()
    assert {river["basin"]["id"] for river in bay["rivers"]} == {"shenzhen-river", "dasha"}
    days = client.get("/api/calendar?parameter=pm25&days=30").json()["days"]
    assert len(days) == 30
    assert days[-1]["valid"]
    assert days[0]["value"] is None
    assert client.get("/api/targets").json()["pm25"]["at_most"] == 20
    assert len(client.get("/api/facilities").json()) == 3
    verdicts = client.get("/api/stations/st-noise-lianhua").json()
    assert [verdict["limit"] for verdict in verdicts["noise"]] == [55, 45]
    assert {limit["edition"] for limit in verdicts["limits"]["laeq"]} == {"GB3096-2008"}


def test_the_pages_show_the_same_numbers_as_the_api(client: TestClient) -> None:
    table = client.get("/api/ranking").json()
    page = client.get("/ranking").text
    for line in table["districts"]:
        assert f"<b>{line['air']['aqi']}</b>" in page, line["place"]
    board = client.get("/").text
    rate = client.get("/api/board").json()["noise"]["day"]["rate"]
    assert f"<b>{rate}</b>" in board


def test_the_ranking_as_csv_opens_in_a_spreadsheet(client: TestClient) -> None:
    answer = client.get("/ranking.csv?lang=en")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert len(rows) == 11 + 26
    assert rows[0]["rank"] == "1"
    assert any("without" in row["note"] or "missing" in row["note"] for row in rows)


def test_a_cell_is_never_a_formula() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(["=name"], [["=1+1"], ["@x"], [-1.5], [None]]))))
    assert rows[1:] == [["'=1+1"], ["'@x"], ["-1.5"], [""]]


def test_an_index_without_all_items_is_shown_as_a_bound(client: TestClient) -> None:
    text = client.get("/stations/st-micro-shekou?lang=en").text
    assert re.search(r">≥\d+</text>", text)
    assert "or worse" in text
    assert "without SO₂" in text


def test_sensors_are_found_by_text(client: TestClient) -> None:
    text = client.get("/sensors?text=DONGMEN&medium=noise").text
    assert "noise-dongmen-1" in text
    assert "air-lianhua-1" not in text
