"""Pages, API and live updates of the console, over HTTP."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from console import create_app
from console.charts import chart, nice_step
from console.city_map import APART, EAST, HEIGHT, NORTH, SOUTH, WEST, outlines, project, spread
from console.heat_map import heat_map
from console.tables import as_csv
from console.texts import ink, item_name, item_names, number, texts, unit
from network.views.calendar import CalendarDay
from schemas import Interval
from standards import edition
from tests.console.conftest import HOSTILE, City

PAGES = ["/", "/?medium=air", "/sensors", "/sensors?medium=water&district=dapeng", "/alerts"]
PAGES += ["/alerts?state=open", "/alerts/1", "/deadletters", "/deadletters?code=json_broken"]
PAGES += ["/deadletters/1", "/stations/st-noise-dongmen", "/stations/st-sea-daya-bay"]
PAGES += ["/stations/st-micro-shekou", "/stations/st-river-loucun", "/ranking", "/waters"]
PAGES += ["/basins/maozhou", "/basins/guanlan", "/bays/shenzhen-bay", "/bays/daya-bay"]
PAGES += ["/calendar", "/calendar?parameter=o3&district=futian", "/facilities", "/targets"]


@pytest.fixture(scope="module")
def app(city: City) -> FastAPI:
    return create_app(store_url=city.store_url, registry_url=city.registry_url)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app)  # without cookies of the test before


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


def test_a_calendar_puts_weeks_in_columns_and_monday_on_top() -> None:
    days = [
        CalendarDay(date(2026, 11, day), None, None, None, False, "no_data")
        for day in range(20, 26)  # Friday to Wednesday
    ]
    drawn_days = heat_map(days)
    friday, saturday, sunday, monday, *_ = drawn_days.cells
    assert friday.x == saturday.x == sunday.x < monday.x
    assert friday.y < saturday.y < sunday.y
    assert monday.y < friday.y
    assert heat_map([]).cells == ()


def test_sensors_are_found_by_text(client: TestClient) -> None:
    text = client.get("/sensors?text=DONGMEN&medium=noise").text
    assert "noise-dongmen-1" in text
    assert "air-lianhua-1" not in text


def test_every_word_is_there_in_both_languages() -> None:
    for key, words in texts().items():
        assert set(words) == {"zh", "en"}, key
        assert all(words.values()), key


def test_numbers_are_shown_with_the_resolution_of_their_parameter() -> None:
    assert number(12.3456, "pm25") == "12.3"
    assert number(None, "pm25") == "–"
    assert number(7.1, "ph") == "7.10"
    assert (unit("pm25"), unit("temperature"), unit("ph")) == ("µg/m³", "°C", "")


def test_the_map_keeps_north_up_and_the_far_east_in_its_inset() -> None:
    assert project(WEST, NORTH) == (0, 0)
    assert project(EAST, SOUTH) == pytest.approx((1000, HEIGHT), abs=0.1)
    assert project(115.0, 22.86)[0] < 1000
    assert len(outlines()) == 8
    assert all(re.fullmatch(r"[MLZ0-9. -]+", outline.path) for outline in outlines())


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(0, 300)), max_size=12))
def test_no_marker_hides_another(points: list) -> None:
    placed = spread(points)
    for i, (x, y) in enumerate(placed):
        for other_x, other_y in placed[i + 1 :]:
            assert ((x - other_x) ** 2 + (y - other_y) ** 2) ** 0.5 > APART * 0.5


def test_ink_can_be_read_on_every_colour_of_the_index() -> None:
    for category in edition("aqi", named="HJ633-2026").tables["categories"]:
        assert contrast(category["rgb"]) >= 4.5, category


def contrast(rgb: list[int]) -> float:
    parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    light = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05
    return light / 0.05 if ink(rgb) == "#000" else 1.05 / light


def test_items_have_short_names_in_both_languages() -> None:
    assert item_names(("o3_8h_max", "pm25_1h"), "zh") == "O₃ 8h、PM2.5"
    assert item_names(("nh3n", "do"), "en") == "Ammonia nitrogen, Dissolved oxygen"
    assert item_name("inorganic_nitrogen", "zh") == "inorganic_nitrogen"


NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
WINDOW = Interval(NOON, NOON + timedelta(hours=24))


def drawn(good: list, **more: object):
    options = {"gap": timedelta(minutes=30), **more}
    return chart(WINDOW, good, [], [], **options)  # type: ignore[arg-type]


def test_a_gap_is_not_drawn_over() -> None:
    points = [(NOON + timedelta(minutes=m), 1.0 * m) for m in (0, 10, 120, 130)]
    assert drawn(points).line.count("M") == 2
    assert (
        drawn(
            [(NOON, 1.0), (NOON + timedelta(minutes=5), None), (NOON + timedelta(minutes=9), 2.0)]
        ).line.count("M")
        == 2
    )


def test_a_chart_without_data_or_with_one_value_still_has_axes() -> None:
    assert drawn([]).y_ticks
    assert len(drawn([(NOON, 5.0)]).y_ticks) >= 2


def test_a_limit_is_drawn_where_it_holds() -> None:
    noon, night = NOON, NOON + timedelta(hours=10)
    by_day, by_night = drawn(
        [(NOON, 55.0)], limits=[(noon, night, 60.0), (night, WINDOW.end, 50.0)]
    ).limits
    assert by_day.x2 == by_night.x1
    assert by_day.y < by_night.y, "a higher limit lies higher"


@given(st.floats(1e-3, 1e6))
def test_axis_steps_are_round_and_few(span: float) -> None:
    step = nice_step(span)
    assert 1 <= span / step <= 5
