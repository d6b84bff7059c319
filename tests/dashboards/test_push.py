"""Boards go into Grafana once; doing it again changes nothing; errors say what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from dashboards import BOARDS, City, push
from onenet.cli import app
from registry import migrate, open_registry, seed_demo_city
from tests.dashboards.grafana_double import Double, serve


@pytest.fixture
def grafana() -> Iterator[Double]:
    with serve(Double()) as double:
        yield double


def changed(double: Double, city: City) -> list[str]:
    return [board.uid for board in push(double.url, double.token, city) if board.changed]


def test_pushing_again_changes_nothing(grafana: Double, city: City) -> None:
    assert changed(grafana, city) == list(BOARDS)
    assert grafana.folders["one-network"]["title"] == "One Network 一张网"
    assert {b["meta"]["folderUid"] for b in grafana.boards.values()} == {"one-network"}
    before = list(grafana.writes)
    assert changed(grafana, city) == []
    assert grafana.writes == before
    assert {b["dashboard"]["version"] for b in grafana.boards.values()} == {1}


def test_a_changed_city_changes_only_its_boards(grafana: Double, city: City) -> None:
    changed(grafana, city)
    fewer = replace(city, stations=tuple(s for s in city.stations if s.id != "st-soil-lianhua"))
    assert "onenet-soil" in changed(grafana, fewer)
    assert grafana.boards["onenet-noise"]["dashboard"]["version"] == 1


def test_what_somebody_changed_or_moved_is_put_right(grafana: Double, city: City) -> None:
    changed(grafana, city)
    grafana.boards["onenet-air"]["dashboard"]["title"] = "mine"
    grafana.boards["onenet-city"]["meta"]["folderUid"] = ""
    grafana.folders["one-network"]["title"] = "mine"
    assert changed(grafana, city) == ["onenet-city", "onenet-air"]
    assert grafana.boards["onenet-air"]["dashboard"]["version"] == 2
    assert grafana.folders["one-network"]["title"] == "One Network 一张网"


def test_a_grafana_under_a_path_is_found(city: City) -> None:
    with serve(Double(prefix="/grafana")) as grafana:
        assert changed(grafana, city) == list(BOARDS)


@pytest.mark.parametrize(
    ("double", "token", "says"),
    [
        (Double(), "wrong", "does not know this token"),
        (Double(), "", "make one for a service account"),
        (Double(role="Viewer"), "right", "the role Editor"),
        (Double(provisioned=True), "right", "come from files"),
    ],
)
def test_a_refusal_says_what_to_do(double: Double, token: str, says: str, city: City) -> None:
    with serve(double), pytest.raises(ValueError, match=says):
        push(double.url, token, city)


def test_a_server_that_is_no_grafana_is_told_apart(city: City) -> None:
    with serve(Double(prefix="/elsewhere")) as other:
        host = other.url.removesuffix("/elsewhere")
        with pytest.raises(ValueError, match="not as a Grafana"):
            push(host, "right", city)


def test_nobody_there_is_said_in_one_line(city: City) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ConnectionError, match="no Grafana answers at") as caught:
        push(url, "right", city)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://x", "http://", ""])
def test_an_address_that_is_none_is_refused(url: str, city: City) -> None:
    with pytest.raises(ValueError, match="no address of a Grafana"):
        push(url, "right", city)


def test_the_command_pushes_the_registrys_city(
    grafana: Double, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    migrate(url)
    seed_demo_city(open_registry(url))
    monkeypatch.setenv("ONENET_REGISTRY_URL", url)
    monkeypatch.setenv("GRAFANA_URL", grafana.url)
    monkeypatch.setenv("GRAFANA_TOKEN", grafana.token)
    monkeypatch.setenv("ONENET_CONSOLE_URL", "https://console.example")
    first = CliRunner().invoke(app, ["dashboards", "push"])
    assert first.exit_code == 0, first.output
    assert first.output.splitlines() == [f"pushed {uid}" for uid in BOARDS]
    again = CliRunner().invoke(app, ["dashboards", "push"])
    assert again.output.splitlines() == [f"unchanged {uid}" for uid in BOARDS]
    variables = grafana.boards["onenet-air"]["dashboard"]["templating"]["list"]
    assert "https://console.example" in [v.get("query") for v in variables]
