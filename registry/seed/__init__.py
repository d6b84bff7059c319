"""The demo city: Shenzhen's districts, with stations, sensors and enterprises made up for it."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any

import yaml

from registry.duty import Duty, add_duty, duties
from registry.permits import set_permits
from registry.registry import Registry
from registry.samples import add_samples
from registry.seed.demo_samples import demo_samples
from schemas import SystemClock
from schemas.alerts import PermitLimit
from schemas.registry import Enterprise, Place, RiverChief, Sensor, Station


@cache
def _records(name: str) -> list[dict[str, Any]]:
    text = resources.files("registry.seed").joinpath(f"{name}.yaml").read_text("utf-8")
    loaded: list[dict[str, Any]] = yaml.safe_load(text)
    return loaded


def demo_city() -> tuple[list[Place], list[Enterprise], list[Station], list[Sensor]]:
    """The records of the seed files. Raises pydantic.ValidationError where one is wrong."""
    return (
        [Place.model_validate(record) for record in _records("places")],
        [Enterprise.model_validate(record) for record in _records("enterprises")],
        [Station.model_validate(record) for record in _records("stations")],
        [Sensor.model_validate(record) for record in _records("sensors")],
    )


def demo_permits() -> list[PermitLimit]:
    """What the demo enterprises' permits allow; made up, as they are."""
    return [PermitLimit.model_validate(record) for record in _records("permits")]


def river_chiefs() -> list[RiverChief]:
    """Who answers for the demo city's rivers: offices, made up as the installations are."""
    return [RiverChief.model_validate(record) for record in _records("river_chiefs")]


def demo_duties() -> list[Duty]:
    """Who is on duty in the demo city; made up."""
    return [Duty(**{**r, "channels": tuple(r["channels"])}) for r in _records("duty")]


@cache
def district_shapes() -> dict[str, Any]:
    """Outlines of the demo city's districts as GeoJSON, for an overview map (see LICENSES.md)."""
    text = resources.files("registry.seed").joinpath("districts.geojson").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def seed_demo_city(registry: Registry) -> None:
    """Put the demo city into a registry; doing it again changes nothing but the version."""
    places, enterprises, stations, sensors = demo_city()
    registry.add(
        chiefs=river_chiefs(),
        places=places,
        enterprises=enterprises,
        stations=stations,
        sensors=sensors,
    )
    for station, limits in groupby(demo_permits(), key=lambda limit: limit.station):
        set_permits(registry, station, list(limits))
    add_samples(registry, demo_samples(), at=SystemClock().now())
    if not duties(registry):
        for duty in demo_duties():
            add_duty(registry, duty, at=SystemClock().now(), who="system:demo")
