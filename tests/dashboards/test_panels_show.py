"""What boards show on a real InfluxDB that holds two days of the demo city."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboards import BOARDS, City
from registry import migrate, open_registry, seed_demo_city
from schemas import (
    indices,
)
from tests import influx
from tests.dashboards.conftest import panels_of
from tests.dashboards.demo import NOW, fill_store

pytestmark = pytest.mark.influx

ISO = "%Y-%m-%dT%H:%M:%SZ"
Rows = list[dict[str, str]]
Ask = Callable[[str, timedelta], Rows]


def fill(url: str, token: str, city: City, home: Path) -> None:
    registry_url = f"sqlite:///{home}/r.db"
    migrate(registry_url)
    registry = open_registry(registry_url)
    seed_demo_city(registry)
    fill_store(url, token, city, registry, home)
    registry.close()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, city: City) -> Iterator[Ask]:
    """Put a query over so much time up to now, all stations chosen; the answer's rows."""
    with influx.influx(tmp_path_factory.mktemp("influx")) as running:
        url = running.clean()
        prefix = url.partition("prefix=")[2]
        fill(url, running.token, city, tmp_path_factory.mktemp("made"))
        client = httpx.Client(
            base_url=running.http,
            headers={"Authorization": f"Token {running.token}"},
            params={"org": influx.ORG},
            timeout=60,
        )

        def put(flux: str, back: timedelta, chosen: str = ".+", parameter: str = "pm25") -> Rows:
            filled = flux.replace("v.timeRangeStart", f"{NOW - back:{ISO}}")
            filled = filled.replace("v.timeRangeStop", f"{NOW:{ISO}}")
            filled = filled.replace("v.windowPeriod", "1m0s")
            filled = filled.replace("${parameter:regex}", parameter)
            filled = re.sub(r"\$\{\w+:regex\}", chosen, filled)
            filled = filled.replace('bucket: "', f'bucket: "{prefix}')
            answer = client.post(
                "/api/v2/query",
                content=filled.encode(),
                headers={"Content-Type": "application/vnd.flux", "Accept": "application/csv"},
            )
            assert answer.status_code == 200, f"{answer.text}\n{filled}"
            rows: Rows = []
            for part in answer.text.replace("\r\n", "\n").split("\n\n"):
                rows += csv.DictReader(io.StringIO(part))
            return rows

        yield put
        client.close()


def asked(board: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Panel, ref and query of everything that stands open and asks InfluxDB."""
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            if "query" not in target:
                continue  # alerts are asked of PostgreSQL, see tests/deploy
            yield panel["title"], target["refId"], target["query"]


def query(board: dict[str, Any], title: str, ref: str = "A") -> str:
    return next(q for t, r, q in asked(board) if t.startswith(title) and r == ref)


DAY = timedelta(days=1)


def test_the_city_board_shows_the_indices_of_the_last_hour(
    ask: Ask, boards: dict[str, Any]
) -> None:
    board = boards["onenet-city"]
    [now] = ask(query(board, "AQI · 全市 / City"), DAY)
    [items] = ask(query(board, "分指数"), DAY)
    values = [float(v) for k, v in items.items() if k.startswith("iaqi_")]
    assert len(values) == 6
    assert float(now["aqi"]) == max(values)
    [health] = ask(query(board, "AQHI"), DAY)
    assert 1 <= float(health["aqhi"]) <= 11


def test_the_league_is_of_one_day_and_the_best_come_first(
    ask: Ask, boards: dict[str, Any], city: City
) -> None:
    rows = ask(query(boards["onenet-city"], "各区排名"), DAY)
    places = [place for place in city.places if place.kind == "district"]
    assert 8 < len(rows) <= len(places)
    found = [float(row["aqi"]) for row in rows if row["aqi"]]
    assert found == sorted(found)
    assert all(row["daytime"] for row in rows if row["night"])


def test_zones_sections_and_bays_are_those_of_the_last_whole_day(
    ask: Ask, boards: dict[str, Any], city: City
) -> None:
    board = boards["onenet-city"]
    zones = ask(query(board, "声环境功能区达标率"), DAY)
    assert len(zones) == 6  # all of them together, and 0, 1, 2, 4a and 4b
    assert all(0 <= float(row["daytime"]) <= 100 for row in zones)
    classes = ask(query(board, "河流断面按类别"), DAY)
    sections = [s for s in city.stations if s.kind == "river"]
    assert sum(int(row["sections"]) for row in classes) == len(sections)
    assert {row["area"] for row in ask(query(board, "海湾"), DAY)} <= {
        f"{place.zh} {place.en}" for place in city.places if place.kind == "bay"
    }


def test_the_sections_of_a_basin_stand_in_their_order(ask: Ask, boards: dict[str, Any]) -> None:
    flux = query(boards["onenet-basins"], "断面，自源头至入海")
    rows = ask(flux, DAY, chosen="maozhou")
    assert len(rows) == 2
    assert [float(row["km"]) for row in rows] == sorted(float(row["km"]) for row in rows)


def test_limit_lines_are_those_of_the_chosen_station(ask: Ask, boards: dict[str, Any]) -> None:
    flux = query(boards["onenet-noise"], "等效连续A声级", "L")
    rows = ask(flux, DAY, chosen="st-noise-dongmen")
    assert {(row["series"], float(row["_value"])) for row in rows} == {
        ("限值 4a 类区 昼 / limit zone 4a day", 70.0),
        ("限值 4a 类区 夜 / limit zone 4a night", 55.0),
    }
    assert len({row["_time"] for row in rows}) == 2, "from the first moment shown to the last"
    assert ask(flux, DAY) == [], "all zones at once cannot be told apart"
    assert ask(flux, DAY, chosen="none") == []


def test_a_limit_that_an_edition_changed_is_a_step(ask: Ask, boards: dict[str, Any]) -> None:
    flux = query(boards["onenet-air"], "细颗粒物 PM2.5", "L")
    wide = timedelta(days=365)
    rows = ask(flux, wide, chosen="st-air-lianhua")
    values = [float(row["_value"]) for row in rows if "24h" in row["series"]]
    assert values == [75.0, 75.0, 60.0, 60.0]


def test_a_verdict_is_no_measurement_where_measurements_are_counted(
    ask: Ask, boards: dict[str, Any]
) -> None:
    for uid in BOARDS:
        for panel in panels_of(boards[uid]):
            for target in panel.get("targets", []):
                flux = target.get("query", "")  # of alerts it is SQL
                if "completeness" in flux or "not r._value" in flux:
                    assert f"r.parameter !~ /^({'|'.join(indices())})$/" in target["query"]
