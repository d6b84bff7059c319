from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards import BOARDS, City, to_json


@pytest.fixture(scope="session")
def city() -> City:
    return City.demo()


@pytest.fixture(scope="session")
def boards(city: City) -> dict[str, dict[str, Any]]:
    """All boards of the demo city, as Grafana reads them."""
    return {uid: json.loads(to_json(make(city))) for uid, make in BOARDS.items()}


def panels_of(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels, those of closed rows too; no rows."""
    for panel in board["panels"]:
        yield from panel.get("panels", [])
        if panel["type"] != "row":
            yield panel


def queries_of(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(where it stands, Flux) of panels and variables."""
    for panel in panels_of(board):
        for target in panel.get("targets", []):
            if "query" not in target:
                continue  # SQL, asked by test_every_query.py
            yield f"{panel['title']} {target['refId']}", target["query"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]["query"]
