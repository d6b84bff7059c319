"""Which sensor a route speaks of, where it stands, and whether the person may do this to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, HTTPException

from console.sources import Sources
from registry.permissions import refuse_unless
from schemas import SensorId
from schemas.people import Person
from schemas.registry import Sensor, Station

Text = Annotated[str, Form(max_length=600)]


def place_of(station: Station) -> dict[str, str | None]:
    """Where a station is, as scopes ask."""
    return {
        "district": station.district,
        "subdistrict": station.subdistrict,
        "enterprise": station.enterprise,
    }


def sensor_of(sources: Sources, sensor_id: str) -> tuple[Sensor, Station]:
    """Raises HTTPException 404."""
    sensor = sources.registry.sensors().get(SensorId(sensor_id))
    if sensor is None:
        raise HTTPException(404)
    return sensor, sources.registry.stations()[sensor.station]


def allow(sources: Sources, person: Person, action: str, sensor_id: str) -> Sensor:
    """The sensor, where the person may do this to it. Raises HTTPException 404, Forbidden."""
    sensor, station = sensor_of(sources, sensor_id)
    refuse_unless(person, action, **place_of(station))
    return sensor
