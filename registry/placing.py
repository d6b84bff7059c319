"""Does a sensor stand where it is said to stand? Position against outline and station. Pure.

Distances are taken on a plane that touches the place: within a city that is exact to a metre or so,
and the outlines are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from registry.problems import Problem
from schemas.registry import Station

EARTH_M = 6_371_000.0
Point = tuple[float, float]  # longitude, latitude in degrees
Ring = Sequence[Point]


class Distances(BaseModel):
    """Of `placing.yaml`, in metres."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    border_m: float
    outside_m: float
    station_m: float
    station_far_m: float
    afloat_m: float
    afloat_far_m: float
    drawn_inside: dict[str, str]


@cache
def distances() -> Distances:
    text = resources.files("registry").joinpath("placing.yaml").read_text("utf-8")
    return Distances.model_validate(yaml.safe_load(text))


def metres(a: Point, b: Point) -> float:
    """Distance of two places of one city."""
    return math.hypot(*_plane(a, b))


def outlines(shapes: dict[str, Any]) -> dict[str, list[Ring]]:
    """Outer rings by district id, of a GeoJSON collection of polygons and multipolygons."""
    found: dict[str, list[Ring]] = {}
    for feature in shapes["features"]:
        geometry = feature["geometry"]
        parts = geometry["coordinates"]
        polygons = [parts] if geometry["type"] == "Polygon" else parts
        found[feature["properties"]["id"]] = [polygon[0] for polygon in polygons]
    return found


def beyond(point: Point, rings: Sequence[Ring]) -> float:
    """Metres from a point to an outline: positive outside, negative inside."""
    edge = min(_to_edge(point, a, b) for ring in rings for a, b in _edges(ring))
    return -edge if any(_inside(point, ring) for ring in rings) else edge


def place(point: Point, station: Station, rings: dict[str, list[Ring]]) -> Iterator[Problem]:
    """What is wrong, or to be looked at again, with a sensor of a station standing there."""
    limits = distances()
    shown = f"{point[0]:.5f}, {point[1]:.5f}"
    afloat = station.realm == "sea"
    far = metres(point, (station.lon, station.lat))
    most = limits.afloat_far_m if afloat else limits.station_far_m
    if far > most:
        yield Problem("far_from_station", "position", shown, {"m": far, "most": most})
    elif far > (limits.afloat_m if afloat else limits.station_m):
        yield Problem("off_station", "position", shown, {"m": far}, grave=False)
    if station.realm == "land":
        yield from _by_outline(point, shown, station.district, rings, limits)


def _by_outline(
    point: Point, shown: str, district: str, rings: dict[str, list[Ring]], limits: Distances
) -> Iterator[Problem]:
    own = rings.get(limits.drawn_inside.get(district, district))
    if own is None:
        yield Problem("no_outline", "position", shown, {"district": district}, grave=False)
        return
    outside = beyond(point, own)
    facts = {"m": abs(outside), "district": district, "most": limits.outside_m}
    if outside > limits.outside_m:
        yield Problem("outside_district", "position", shown, facts)
    elif outside > -limits.border_m:
        yield Problem("near_border", "position", shown, facts, grave=False)


def _plane(origin: Point, point: Point) -> tuple[float, float]:
    east = math.radians(point[0] - origin[0]) * math.cos(math.radians(origin[1]))
    return EARTH_M * east, EARTH_M * math.radians(point[1] - origin[1])


def _edges(ring: Ring) -> Iterator[tuple[Point, Point]]:
    for index in range(len(ring) - 1):
        yield ring[index], ring[index + 1]


def _to_edge(point: Point, a: Point, b: Point) -> float:
    (ax, ay), (bx, by) = _plane(point, a), _plane(point, b)
    length = (bx - ax) ** 2 + (by - ay) ** 2
    along = 0.0 if length == 0 else max(0.0, min(1.0, -(ax * (bx - ax) + ay * (by - ay)) / length))
    return math.hypot(ax + along * (bx - ax), ay + along * (by - ay))


def _inside(point: Point, ring: Ring) -> bool:
    """By the number of edges that a ray to the east crosses."""
    x, y = point
    within = False
    for (ax, ay), (bx, by) in _edges(ring):
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            within = not within
    return within
