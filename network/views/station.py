"""One station over its last hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from alerts import open_alerts
from network.views.states import StationState, current_values, station_state
from registry import Registry
from schemas import Interval, Level, Period
from schemas.registry import Sensor
from storage import Store


@dataclass(frozen=True, slots=True)
class StationView:
    """One station over the last hours. observations: `OBSERVATIONS`; hours: `AGGREGATES`."""

    state: StationState
    sensors: tuple[Sensor, ...]
    observations: pl.DataFrame
    hours: pl.DataFrame
    window: Interval


def station_view(
    station_id: str, *, store: Store, registry: Registry, now: datetime, hours: int = 24
) -> StationView | None:
    """One station with its last hours; None when there is no such station."""
    station = next((s for s in registry.stations().values() if s.id == station_id), None)
    if station is None:
        return None
    sensors = tuple(s for s in registry.sensors().values() if s.station == station_id)
    names = [sensor.id for sensor in sensors]
    current = current_values(store.latest(sensors=names), {s.id: s for s in sensors}, now)
    alarmed = any(alert.station == station_id for alert in open_alerts(registry))
    window = Interval(now - timedelta(hours=hours), now + timedelta(minutes=5))
    return StationView(
        state=station_state(station, sensors, current, alarmed, now),
        sensors=sensors,
        observations=store.read(window, sensors=names),
        hours=store.read_aggregates(
            window, period=Period.HOUR, level=Level.STATION, subjects=[station_id]
        ),
        window=window,
    )
