"""The table of boards: a board is an entry here, a function from the city to a dashboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import (
    alerts_board,
    basins,
    district,
    enterprise,
    medium,
    overview,
    pipeline,
    station_board,
)
from dashboards.city import City
from schemas import Medium

Board = Callable[[City], Dashboard]

BOARDS: dict[str, Board] = {
    "onenet-city": overview.board,
    **{f"onenet-{which}": partial(medium.board, which) for which in Medium},
    "onenet-basins": basins.board,
    "onenet-district": district.board,
    "onenet-station": station_board.board,
    "onenet-enterprise": enterprise.board,
    "onenet-pipeline": pipeline.board,
    "onenet-alerts": alerts_board.board,
}


def to_json(board: Dashboard) -> str:
    """A board as Grafana reads it; the same board gives the same text."""
    return json.dumps(board, cls=JSONEncoder, ensure_ascii=False, indent=1) + "\n"
