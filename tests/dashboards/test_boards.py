"""What every board keeps to, and that the shipped files are those that the code makes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import BOARDS, City, export, follow, to_json
from dashboards.enterprise_queries import beside
from dashboards.wording import grafana_unit
from registry import migrate, open_registry, seed_demo_city
from schemas import Medium, Parameter, catalogue, indices, load_catalogue
from tests.dashboards.conftest import panels_of, queries_of

GRAFANA = Path("deploy/grafana")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]{2}")
VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}")

STORE = {"type": "influxdb", "uid": "${datasource}"}
REGISTRY = {"type": "grafana-postgresql-datasource", "uid": "${registry}"}

every_board = pytest.mark.parametrize("uid", BOARDS)


@every_board
def test_a_board_survives_the_way_through_the_sdk(uid: str, boards: dict[str, Any]) -> None:
    register_default_plugins()
    board = boards[uid] | {"annotations": {}}  # whose SQL the SDK's class leaves out
    again = json.loads(to_json(Dashboard.from_json(board)))
    assert again == board


@every_board
def test_a_board_has_its_uid_the_citys_time_and_the_common_links(
    uid: str, boards: dict[str, Any]
) -> None:
    board = boards[uid]
    assert board["uid"] == uid
    assert len(uid) <= 40
    assert board["timezone"] == "Asia/Shanghai"
    assert board["refresh"] == "30s"
    assert "one-network" in board["tags"]
    assert {link["type"] for link in board["links"]} == {"dashboards", "link"}


@every_board
def test_panels_have_ids_of_their_own_and_do_not_overlap(uid: str, boards: dict[str, Any]) -> None:
    board = boards[uid]
    ids = [p["id"] for p in panels_of(board)] + [
        p["id"] for p in board["panels"] if p["type"] == "row"
    ]
    assert len(ids) == len(set(ids))
    for group in (board["panels"], *(p.get("panels", []) for p in board["panels"])):
        taken: set[tuple[int, int]] = set()
        for panel in group:
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= 24
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert not cells & taken, panel["title"]
            taken |= cells


@every_board
def test_every_panel_asks_the_data_source_and_says_its_unit(
    uid: str, boards: dict[str, Any]
) -> None:
    for panel in panels_of(boards[uid]):
        if panel["type"] == "text":
            continue
        assert panel["datasource"] in (STORE, REGISTRY)
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"]
            assert target["query" if panel["datasource"] == STORE else "rawSql"].strip()
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@every_board
def test_titles_are_in_both_languages(uid: str, boards: dict[str, Any]) -> None:
    board = boards[uid]
    titles = [board["title"], *(p["title"] for p in board["panels"])]
    titles += [p["title"] for p in panels_of(board)]
    titles += [v["label"] for v in board["templating"]["list"] if v["type"] != "constant"]
    for title in titles:
        assert CHINESE.search(title), title
        assert ENGLISH.search(title) or title.startswith("pH"), title


@every_board
def test_variables_used_are_those_defined(uid: str, boards: dict[str, Any]) -> None:
    board = boards[uid]
    used = {name for name in VARIABLE.findall(json.dumps(board)) if not name.startswith("__")}
    assert used == {variable["name"] for variable in board["templating"]["list"]}


@every_board
def test_queries_name_only_fields_and_parameters_of_the_catalogue(
    uid: str, boards: dict[str, Any]
) -> None:
    known = {p.key for p in catalogue()} | set(indices())
    stored = {"value", "valid", "reason", "completeness"}
    stored |= {"channels", "received", "stored", "duplicate", "dead_lettered"}
    for where, flux in queries_of(boards[uid]):
        for field in re.findall(r'r\._field == "([^"]+)"', flux):
            assert field.removesuffix("_f") in known | stored, where
        for key in re.findall(r'r\.parameter == "([^"]+)"', flux):
            assert key in known, where
        for keys in re.findall(r"r\.parameter =~ /\^\(([^)]+)\)\$/", flux):
            assert set(keys.split("|")) <= known, where


@every_board
def test_a_figure_from_aggregates_uses_valid_ones_only(uid: str, boards: dict[str, Any]) -> None:
    for where, flux in queries_of(boards[uid]):
        if '"value"' in flux:
            assert "r.valid and exists r.value" in flux, where


def test_every_parameter_of_a_medium_is_on_its_board(boards: dict[str, Any]) -> None:
    for medium in Medium:
        for parameter in catalogue().of_medium(medium):
            shown = [p for p in panels_of(boards[f"onenet-{medium}"]) if _shows(p, parameter)]
            assert len(shown) == 4, parameter.key  # stations, areas, days, raw
            for panel in shown:
                settings = panel["fieldConfig"]["defaults"]
                assert settings["unit"] == grafana_unit(parameter)
                assert settings["decimals"] == parameter.decimals


def test_a_new_parameter_gets_its_panels_without_code(city: City, tmp_path: Path) -> None:
    entries = yaml.safe_load(Path("schemas/parameters.yaml").read_text("utf-8"))
    entries["illuminance"] = {
        "zh": "照度",
        "en": "Illuminance",
        "unit": "lx",
        "media": ["noise"],
        "range": [0, 200000],
        "resolution": 0.1,
    }
    file = tmp_path / "parameters.yaml"
    file.write_text(yaml.safe_dump(entries, allow_unicode=True), "utf-8")
    richer = replace(city, catalogue=load_catalogue(file))
    board = json.loads(to_json(BOARDS["onenet-noise"](richer)))
    shown = [p for p in panels_of(board) if p["title"].startswith("照度 ")]
    assert len(shown) == 4
    assert {p["fieldConfig"]["defaults"]["unit"] for p in shown} == {"suffix:lx"}
    choices = next(v for v in board["templating"]["list"] if v["name"] == "parameter")
    assert "照度 Illuminance : illuminance" in choices["query"]


def test_a_key_that_cannot_be_a_field_is_refused(city: City, tmp_path: Path) -> None:
    file = tmp_path / "parameters.yaml"
    entry = {"zh": "甲", "en": "A", "unit": "1", "media": ["air"], "range": [0, 1], "resolution": 1}
    file.write_text(yaml.safe_dump({"a_f": entry}, allow_unicode=True), "utf-8")
    with pytest.raises(ValueError, match="'a_f' cannot be a field"):
        replace(city, catalogue=load_catalogue(file))


def test_a_medium_without_stations_still_has_a_board(city: City) -> None:
    empty = City(city.of_medium(Medium.AIR), catalogue=city.catalogue)
    for make in BOARDS.values():
        assert json.loads(to_json(make(empty)))["panels"]


def test_beside_an_enterprise_stand_the_nearest_that_measure_the_same(city: City) -> None:
    stations = {str(s.id): s for s in city.stations}
    outfall = stations["st-outfall-songgang-plating"]
    around = beside(outfall, "nh3n", city)
    assert around
    assert {(s.basin, s.kind) for s in around} == {("maozhou", "river")}
    assert beside(outfall, "cod", city) == [], "only enterprises measure it"
    site = beside(stations["st-noise-yuehai"], "laeq", city)
    assert {s.enterprise for s in site} == {None}
    assert {s.district for s in site} == {"nanshan"}


def test_the_shipped_files_are_fresh(tmp_path: Path) -> None:
    made = {path.relative_to(tmp_path) for path in export(tmp_path)}
    generated = [*GRAFANA.glob("dashboards/*"), *GRAFANA.glob("provisioning/alerting/*")]
    assert made == {path.relative_to(GRAFANA) for path in generated}
    for path in made:
        assert (tmp_path / path).read_text("utf-8") == (GRAFANA / path).read_text("utf-8"), (
            "run `onenet dashboards export`"
        )


def test_a_folder_follows_the_city_and_only_what_changed_is_written(tmp_path: Path) -> None:
    city = City.demo()
    assert {path.stem for path in follow(tmp_path, city)} == set(BOARDS)
    assert follow(tmp_path, city) == []
    fewer = replace(city, stations=tuple(s for s in city.stations if s.id != "st-soil-lianhua"))
    written = {path.name for path in follow(tmp_path, fewer)}
    assert "onenet-soil.json" in written
    assert "onenet-noise.json" not in written
    assert {path.name for path in tmp_path.iterdir()} == {f"{uid}.json" for uid in BOARDS}
    assert "st-soil-lianhua" not in (tmp_path / "onenet-soil.json").read_text("utf-8")


def test_boards_show_the_registrys_city(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    with pytest.raises(ValueError, match="registry migrate"):
        City.of(open_registry(url))
    migrate(url)
    registry = open_registry(url)
    with pytest.raises(ValueError, match="registry seed"):
        City.of(registry)
    seed_demo_city(registry)
    of, demo = City.of(registry), City.demo()
    assert {s.id for s in of.stations} == {s.id for s in demo.stations}
    assert BOARDS["onenet-city"](of)


def test_provisioning_and_boards_agree(boards: dict[str, Any]) -> None:
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/onenet.yaml").read_text("utf-8"))
    influx, postgres = source["datasources"]
    assert influx["jsonData"]["version"] == "Flux"
    assert influx["editable"] is False
    assert (postgres["type"], postgres["editable"]) == (REGISTRY["type"], False)
    assert "password" in postgres["secureJsonData"]
    for uid, board in boards.items():
        chosen = {v["name"]: v["current"] for v in board["templating"]["list"] if "current" in v}
        assert chosen["registry"]["value"] == postgres["uid"] == "onenet-registry"
        if uid != "onenet-alerts":
            assert chosen["datasource"]["value"] == influx["uid"] == "onenet-influx"


@every_board
def test_every_board_marks_the_alerts_of_its_medium(uid: str, boards: dict[str, Any]) -> None:
    [marks] = boards[uid]["annotations"]["list"]
    assert marks["enable"]
    assert marks["datasource"] == REGISTRY
    sql = marks["target"]["rawSql"]
    assert {"time", "timeend", "text", "tags"} <= set(re.findall(r"AS (\w+)", sql))
    medium = uid.removeprefix("onenet-")
    assert (f"medium = '{medium}'" in sql) is (medium in list(Medium))
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/onenet.yaml").read_text("utf-8"))
    assert provider["providers"][0]["folderUid"] == "one-network"


def _shows(panel: dict[str, Any], parameter: Parameter) -> bool:
    return bool(panel["title"].startswith(f"{parameter.zh} · "))
