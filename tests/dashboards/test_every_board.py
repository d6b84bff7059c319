"""What every board is held to: a span of time, choices where it shows places, numbers and colours
of the standards, and ways to the console and back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Match

from console import create_app
from dashboards import BOARDS, City, scales
from dashboards.panels import NONE_ALLOWED
from dashboards.watch import REPORTING_STEPS
from standards import editions
from standards.legal_limits import families
from tests.city import demo_registry
from tests.console.visiting import client_with
from tests.dashboards.conftest import panels_of

Board = dict[str, Any]
GRAFANA = "https://grafana.example"
every_board = pytest.mark.parametrize("uid", BOARDS)

# Which places a board lets people choose: what it shows has a place of these kinds.
CHOICES = {
    "onenet-basins": {"basin"},
    "onenet-enterprise": {"enterprise", "station"},
    "onenet-alerts": {"district"},
}
# Pages of the console that show the same as a board, in the demo city.
PAGES = {
    "onenet-city": "/",
    "onenet-noise": "/facilities",
    "onenet-air": "/city-air",
    "onenet-water": "/waters",
    "onenet-soil": "/soil",
    "onenet-basins": "/basins/maozhou",
    "onenet-district": "/ranking",
    "onenet-station": "/stations/st-air-lianhua",
    "onenet-enterprise": "/owners",
    "onenet-pipeline": "/deadletters",
    "onenet-alerts": "/alerts",
}
# Numbers of our own promises; every other threshold is a standard's.
OURS = {step for steps in (NONE_ALLOWED, REPORTING_STEPS) for step, _ in steps}


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    home = tmp_path_factory.mktemp("console")
    return console_in(home, GRAFANA)


def console_in(home: Path, grafana: str = "") -> FastAPI:
    """The console of the demo city, with an empty store."""
    demo_registry(home).close()
    return create_app(
        store_url=f"sqlite:///{home}/o.db",
        registry_url=f"sqlite:///{home}/registry.db",
        reports=home,
        grafana=grafana,
    )


def found(value: Any, key: str) -> Iterator[Any]:
    """Everything under a key, wherever it stands."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for inner in value.values():
            yield from found(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from found(inner, key)


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers(inner)
    elif not isinstance(value, bool):
        with suppress(TypeError, ValueError):
            yield float(value)


@every_board
def test_a_board_has_a_span_of_time_and_lets_people_choose_another(
    uid: str, boards: dict[str, Board]
) -> None:
    board = boards[uid]
    assert re.fullmatch(r"now-\d+[hd]", board["time"]["from"])
    assert board["time"]["to"] == "now"
    assert not board.get("timepicker", {}).get("hidden")
    asked = json.dumps([panel.get("targets") for panel in panels_of(board)])
    assert "v.timeRangeStart" in asked or "$__timeFilter" in asked


@every_board
def test_a_board_lets_people_choose_the_places_that_it_shows(
    uid: str, boards: dict[str, Board]
) -> None:
    board = boards[uid]
    chosen = {v["name"]: v for v in board["templating"]["list"]}
    asked = json.dumps([panel.get("targets") for panel in panels_of(board)])
    for name in CHOICES.get(uid, {"district", "station"}):
        assert chosen[name]["type"] in ("query", "custom")
        assert f"${{{name}:" in asked or name == "district", f"no panel asks for {name}"
    # A board of one thing shows one; the others show all at first.
    alone = {"onenet-district": "district", "onenet-station": "station"}.get(uid)
    if alone is not None:
        assert not chosen[alone]["multi"]


@every_board
def test_every_threshold_is_a_standards_number_with_its_colour(
    uid: str, boards: dict[str, Board]
) -> None:
    aqi = dict(scales.aqi_steps())
    for steps in found(boards[uid], "steps"):
        for step in steps:
            if step["value"] is None:
                assert step["color"] in ("text", "green", aqi[None])
            elif step["value"] in aqi:
                assert step["color"] in (aqi[step["value"]], dict(NONE_ALLOWED).get(step["value"]))
            else:
                assert step["value"] in OURS, f"{step} is of no standard and no promise of ours"


def test_the_colours_are_those_of_the_tables(boards: dict[str, Board]) -> None:
    rgb = {
        "#" + "".join(f"{part:02x}" for part in one["rgb"])
        for one in scales.newest("aqi").tables["categories"]
    }
    named = set(scales.newest("surface_water").tables["state_colours"].values())
    shown = {
        colour
        for board in boards.values()
        for key in ("color", "fixedColor")
        for colour in found(board, key)
        if isinstance(colour, str)
    }
    exact = {colour for colour in shown if colour.startswith("#")}
    assert exact <= rgb, "no colour of our own is written as such"
    assert rgb <= exact
    assert named <= shown


def test_every_limit_line_is_a_number_of_the_standards_or_of_a_permit(
    city: City, boards: dict[str, Board]
) -> None:
    of_standards = {
        number
        for edition in editions().values()
        if edition.family in families()
        for number in numbers(edition.tables)
    }
    of_permits = {float(limit.value) for limit in city.permits}
    drawn: dict[str, set[float]] = {}
    for uid, board in boards.items():
        for panel in panels_of(board):
            for target in panel.get("targets", []):
                if target["refId"] == "L":
                    said = re.findall(r'label: "([^"]+)", limit: (-?[\d.]+)', target["query"])
                    assert said, panel["title"]
                    for label, value in said:
                        known = of_permits if "permit" in label else of_standards
                        assert float(value) in known, f"{panel['title']}: {label} {value}"
                        drawn.setdefault(uid, set()).add(float(value))
    assert set(drawn) == {
        "onenet-noise",
        "onenet-air",
        "onenet-water",
        "onenet-station",
        "onenet-enterprise",
    }


@every_board
def test_every_link_to_the_console_leads_to_a_page_of_it(
    uid: str, boards: dict[str, Board], console: FastAPI
) -> None:
    urls = [url for url in found(boards[uid], "url") if isinstance(url, str)]
    urls = [url for url in urls if url.startswith("${console}")]
    assert len(urls) >= 2, "home and alerts, and mostly a page of the same"
    for url in urls:
        path = re.sub(r"\$\{[^}]+\}", "x", url.removeprefix("${console}")).partition("?")[0]
        assert leads_somewhere(console, path), url
    top = [link["url"] for link in boards[uid]["links"] if link["type"] == "link"]
    assert len(top) == len(set(top)), "a link stands there once"


def leads_somewhere(app: FastAPI, path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": ""}
    return any(
        route.matches(scope)[0] is Match.FULL
        for route in app.routes
        if getattr(route, "name", "") != "static"
    )


def test_from_each_board_there_is_a_way_to_another(boards: dict[str, Board]) -> None:
    for board in boards.values():
        [others] = [link for link in board["links"] if link["type"] == "dashboards"]
        assert others["tags"] == ["one-network"]
        assert set(others["tags"]) <= set(board["tags"])
        assert others["keepTime"]
        assert others["includeVars"]


@pytest.mark.parametrize("uid", BOARDS)
def test_a_page_of_the_console_leads_back_to_its_board(
    uid: str, boards: dict[str, Board], console: FastAPI
) -> None:
    with client_with(console) as visitor:
        page = visitor.get(PAGES[uid])
        assert page.status_code == 200
        [way] = re.findall(rf'href="({re.escape(GRAFANA)}/d/[^"]+)"', page.text)
    board, _, chosen = way.removeprefix(f"{GRAFANA}/d/").replace("&amp;", "&").partition("?")
    assert board == uid
    known = {v["name"] for v in boards[uid]["templating"]["list"]}
    assert set(re.findall(r"var-(\w+)=", chosen)) <= known
    if uid == "onenet-station":
        assert chosen == "var-district=futian&var-station=st-air-lianhua"


def test_strangers_and_consoles_without_grafana_see_no_link(
    console: FastAPI, tmp_path: Path
) -> None:
    with TestClient(console) as stranger:
        assert "Grafana" not in stranger.get("/").text
    with client_with(console_in(tmp_path)) as visitor:
        assert "Grafana" not in visitor.get("/").text
