"""Which stations make the city's air: the assessment points of HJ 663. Data: `city_points.yaml`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from schemas import Medium
from schemas.installed import installed
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
    return installed(CityPoints, "ONENET_CITY_POINTS", "network", "city_points.yaml")


def points_of(stations: Iterable[Station]) -> frozenset[str]:
    """The points among the stations of the city's area; empty where it has none of the grades."""
    grades = city_points().grades
    return frozenset(s.id for s in stations if s.medium == Medium.AIR and s.grade in grades)
