"""What the nearest sensor measures: something to hold a new one against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from registry import Registry
from registry.devices import devices
from registry.placing import metres
from schemas import ParameterKey, flag_of
from schemas.flags import USABLE
from schemas.registry import Sensor, Station
from storage import Store

REACH_KM = 20
CADENCES = 3  # within so many intervals its values must be
ASKED = 5  # of those nearby; where they are all silent there is nothing to compare with


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The nearest sensor that measures some of the same, with its newest good values."""

    sensor: str
    km: float
    values: Mapping[ParameterKey, float]


def nearest(sensor: Sensor, *, store: Store, registry: Registry, now: datetime) -> Neighbour | None:
    """The nearest sensor in use that measures some of the same, and told it lately and well."""
    stations, known = registry.stations(), devices(registry)
    home = _where(sensor, stations[sensor.station], known)
    others = []
    for other in registry.sensors().values():
        common = set(other.parameters) & set(sensor.parameters)
        if other.id != sensor.id and other.state == "active" and common:
            far = metres(home, _where(other, stations[other.station], known)) / 1000
            if far <= REACH_KM:
                others.append((far, other))
    for far, other in sorted(others, key=lambda pair: (pair[0], pair[1].id))[:ASKED]:
        values = _fresh(store, other, now)
        shared = {key: value for key, value in values.items() if key in sensor.parameters}
        if shared:
            return Neighbour(other.id, far, shared)
    return None


def _where(sensor: Sensor, station: Station, known: Mapping[Any, Any]) -> tuple[float, float]:
    about = known.get(sensor.id)
    return (about.lon, about.lat) if about else (station.lon, station.lat)


def _fresh(store: Store, other: Sensor, now: datetime) -> dict[ParameterKey, float]:
    """Its newest good values, unless it is silent."""
    oldest = now - timedelta(seconds=CADENCES * other.cadence_s)
    rows = store.latest(sensors=[other.id]).filter(
        pl.col("ts") >= oldest, pl.col("value").is_not_null()
    )
    return {
        ParameterKey(key): value
        for key, value, code in rows.select("parameter", "value", "quality").iter_rows()
        if flag_of(code) in USABLE
    }
