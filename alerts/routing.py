"""Who is told of an alert, and how soon they must act. Routes are data: `routes.yaml`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from registry.models import AlertRow
from schemas.alerts import Severity

Level = Literal["subdistrict", "district", "city"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Within(_Data):
    """Minutes: from the beginning to the acknowledgement, from the dispatch to the arrival."""

    acknowledge: int
    arrive: int


class Quiet(_Data):
    """Hours of the city's day in which messages of these grades wait."""

    from_hour: int
    to_hour: int
    grades: tuple[Severity, ...]


class Route(_Data):
    ladder: tuple[Level, ...]
    within_min: dict[Severity, Within]
    quiet: Quiet | None = None
    tell: frozenset[str]


@cache
def routes() -> dict[str, Route]:
    """All routes by name. Raises pydantic.ValidationError where the file is wrong."""
    text = resources.files("alerts").joinpath("routes.yaml").read_text("utf-8")
    return {name: Route.model_validate(entry) for name, entry in yaml.safe_load(text).items()}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody, or a system, that is told.

    channels: names in the order in which they are tried. address: by channel, where one is needed.
    """

    name: str
    channels: tuple[str, ...]
    address: dict[str, str] = field(default_factory=dict)


class Router:
    """Tells which recipients an event of an alert goes to.

    broadcast: channels that get everything, each a recipient of its own.
    """

    def __init__(self, broadcast: Iterable[str] = ()) -> None:
        self._broadcast = tuple(Recipient(name, (name,)) for name in broadcast)

    def recipients(self, alert: AlertRow, move: str) -> tuple[Recipient, ...]:
        return self._broadcast if move in routes()[alert.route].tell else ()
