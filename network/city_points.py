"""Which stations make the city's air: the assessment points of HJ 663. Data: `city_points.yaml`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas import Medium
from schemas.registry import Station


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Few(_Data):
    """A city with fewer points than `below` needs this share of them."""

    below: int = Field(ge=1)
    least: float = Field(gt=0, le=1)


class CityPoints(_Data):
    """grades: of the stations that count. items: parameters. least: share that must be valid."""

    grades: tuple[str, ...] = Field(min_length=1)
    items: tuple[str, ...]
    least: float = Field(gt=0, le=1)
    few: Few
    source: str
    verified: str

    def needed(self, points: int) -> float:
        """The share of so many points that must have a valid value."""
        return self.few.least if points < self.few.below else self.least


@cache
def city_points() -> CityPoints:
    """This installation's: ONENET_CITY_POINTS, or the shipped file. Raises ValueError."""
    named = os.environ.get("ONENET_CITY_POINTS")
    source = Path(named) if named else resources.files("network").joinpath("city_points.yaml")
    try:
        return CityPoints.model_validate(yaml.safe_load(source.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{source}: {where}: {first['msg']}") from None


def points_of(stations: Iterable[Station]) -> frozenset[str]:
    """The points among the stations of the city's area; empty where it has none of the grades."""
    grades = city_points().grades
    return frozenset(s.id for s in stations if s.medium == Medium.AIR and s.grade in grades)
