"""Every query of every board returns data: n of n, from real stores with two days of demo data.

Panels of open and closed rows, variables and marks on the time axis. A query is asked as the board
asks it when it is opened. Where that is one district, station or parameter of many, which need not
have everything (a noisy facility, a part of the day for sound), the others are tried before it
counts as empty; so they are for limit lines, which are drawn for few stations only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from dashboards import BOARDS, City, to_json
from tests import influx, postgres
from tests.dashboards import demo
from tests.dashboards.asking import Sources, at_first
from tests.dashboards.conftest import panels_of
from tests.parts import need

pytestmark = pytest.mark.influx

UNITS = {"m": 1 / 60, "h": 1, "d": 24}
Board = dict[str, Any]
Where = tuple[str, str]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sources, dict[str, Board]]]:
    """Both sources, and the boards of the city that they hold."""
    need("postgresql", postgres.available())
    make = tmp_path_factory.mktemp
    with influx.influx(make("influx")) as store, postgres.postgres(make("pg")) as server:
        registry = demo.registry_of(server)
        city = City.of(registry)
        address = store.clean()
        demo.fill_store(address, store.token, city, registry, make("made"))
        demo.fill_registry(registry, city)
        registry.close()
        with store.client() as client:
            reader = postgres.url(server, "registry_grafana", "registry")
            sources = Sources(client, address.partition("prefix=")[2], reader, demo.NOW)
            yield sources, {uid: json.loads(to_json(make_(city))) for uid, make_ in BOARDS.items()}


def span(text: str) -> timedelta:
    return timedelta(hours=UNITS[text[-1]] * float(text[:-1]))


def unanswered(board: Board, sources: Sources) -> tuple[list[Where], int]:
    """Queries without data, and how many there are."""
    back = span(board["time"]["from"].removeprefix("now-"))
    offered = sources.choices(board, back)
    chosen = at_first(board, offered)
    empty: list[Where] = [(f"variable {name}", "") for name, of in offered.items() if not of]
    count = len(offered)
    for panel in panels_of(board):
        within = span(panel["timeFrom"]) if "timeFrom" in panel else back
        for target in panel.get("targets", []):
            count += 1
            if not answered(panel, target, within, chosen, offered, sources):
                empty.append((panel["title"], target["refId"]))
    for marks in board["annotations"]["list"]:
        count += 1
        if not sources.target(marks["target"], back, chosen):
            empty.append((marks["name"], "marks"))
    return empty, count


def answered(
    panel: Board,
    target: Board,
    within: timedelta,
    chosen: dict[str, list[str]],
    offered: dict[str, list[str]],
    sources: Sources,
) -> bool:
    """Whether a query has rows, as it stands or by one of the choices that it is made for."""
    text = target.get("query") or target["rawSql"]
    of_one = [name for name, values in chosen.items() if len(values) == 1]
    of_one += [panel["repeat"]] if "repeat" in panel else []
    of_one += ["station"] if target["refId"] == "L" else []
    used = [name for name in dict.fromkeys(of_one) if f"${{{name}:" in text]
    tries = product(*([*chosen[name], *offered[name]] for name in used))
    return any(
        sources.target(target, within, chosen | {n: [v] for n, v in zip(used, one, strict=True)})
        for one in tries
    )


@pytest.mark.parametrize("uid", BOARDS)
def test_every_query_of_a_board_returns_data(
    uid: str, filled: tuple[Sources, dict[str, Board]], capsys: pytest.CaptureFixture[str]
) -> None:
    sources, boards = filled
    empty, count = unanswered(boards[uid], sources)
    with capsys.disabled():
        print(f"\n{uid}: {count - len(empty)} of {count} queries return data")
    assert empty == []
