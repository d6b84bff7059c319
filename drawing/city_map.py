"""The city's map as SVG: districts' outlines and stations, projected on the server. Pure.

The projection is plate carrée at the city's latitude, good enough for an overview. Stations that
would lie on top of each other are pushed apart, for each must be seen and touched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WEST, EAST, SOUTH, NORTH = 113.72, 114.66, 22.42, 22.88
WIDTH = 1000.0
SCALE = WIDTH / (EAST - WEST)
STRETCH = 1 / math.cos(math.radians((SOUTH + NORTH) / 2))
HEIGHT = round((NORTH - SOUTH) * SCALE * STRETCH, 1)
INSET = (862.0, 24.0, 118.0, 74.0)  # x, y, width, height: Shenshan lies 40 km further east
APART = 21.0  # px between the centres of two markers
ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Outline:
    id: str
    path: str
    label_x: float
    label_y: float


def project(lon: float, lat: float) -> tuple[float, float]:
    """Map coordinates of a place; what lies east of the map goes into the inset."""
    if lon > EAST:
        return INSET[0] + INSET[2] / 2, INSET[1] + INSET[3] * 0.62
    return (lon - WEST) * SCALE, (NORTH - lat) * SCALE * STRETCH


def outlines(districts: Mapping[str, Any]) -> tuple[Outline, ...]:
    """Districts as SVG paths. districts: a GeoJSON FeatureCollection, the id in `properties`."""
    return tuple(_outline(feature) for feature in districts["features"])


def _outline(feature: Mapping[str, Any]) -> Outline:
    geometry = feature["geometry"]
    polygons = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    parts = []
    largest: list[tuple[float, float]] = []
    for polygon in polygons:
        for ring in polygon:
            points = [project(lon, lat) for lon, lat in ring]
            parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z")
            largest = max(largest, points, key=len)
    x = sum(point[0] for point in largest) / len(largest)
    y = sum(point[1] for point in largest) / len(largest)
    return Outline(feature["properties"]["id"], "".join(parts), round(x, 1), round(y, 1))


def spread(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same points, moved as little as needed for each to be `APART` from the others."""
    placed = [
        (x + 0.01 * math.cos(index), y + 0.01 * math.sin(index))
        for index, (x, y) in enumerate(points)
    ]
    for _ in range(ROUNDS):
        moved = False
        for i in range(len(placed)):
            for j in range(i + 1, len(placed)):
                dx, dy = placed[j][0] - placed[i][0], placed[j][1] - placed[i][1]
                distance = math.hypot(dx, dy) or 0.01
                if distance < APART:
                    push = (APART - distance) / 2 / distance
                    placed[i] = (placed[i][0] - dx * push, placed[i][1] - dy * push)
                    placed[j] = (placed[j][0] + dx * push, placed[j][1] + dy * push)
                    moved = True
        if not moved:
            break
    return [(round(x, 1), round(y, 1)) for x, y in placed]
