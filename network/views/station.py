"""One station over its last hours, with what the standards say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from alerts import open_alerts
from network.assessments import RIVERS, NoiseVerdict, WaterAssessment
from network.views.air import POLLUTANTS, AirView, air_view
from network.views.days import settled_day
from network.views.limits import LimitSpan, limits_of
from network.views.noise import noise_verdicts
from network.views.states import StationState, current_values, exceeding, station_state
from network.views.water import classes_of
from registry import Registry
from schemas import Interval, Level, Medium, Period
from schemas.registry import Sensor, Station
from standards.legal_limits import area_of
from storage import Store


@dataclass(frozen=True, slots=True)
class StationView:
    """One station over the last hours. observations: `OBSERVATIONS`; hours: `AGGREGATES`.

    air: of a station that measures a pollutant of the index; noise: of the last whole day and night
    of one that stands for a zone; water: of a river section or sea station. limits: by parameter.
    """

    state: StationState
    sensors: tuple[Sensor, ...]
    observations: pl.DataFrame
    hours: pl.DataFrame
    window: Interval
    air: AirView | None
    noise: tuple[NoiseVerdict, ...]
    water: WaterAssessment | None
    limits: Mapping[str, tuple[LimitSpan, ...]]


def station_view(
    station_id: str, *, store: Store, registry: Registry, now: datetime, hours: int = 24
) -> StationView | None:
    """One station with its last hours; None when there is no such station."""
    station = next((s for s in registry.stations().values() if s.id == station_id), None)
    if station is None:
        return None
    sensors = tuple(s for s in registry.sensors().values() if s.station == station_id)
    names = [sensor.id for sensor in sensors]
    measured = list(dict.fromkeys(key for sensor in sensors for key in sensor.parameters))
    current = current_values(store.latest(sensors=names), {s.id: s for s in sensors}, now)
    alarmed = station_id in exceeding(open_alerts(registry))
    window = Interval(now - timedelta(hours=hours), now + timedelta(minutes=5))
    return StationView(
        state=station_state(station, sensors, current, alarmed, now),
        sensors=sensors,
        observations=store.read(window, sensors=names),
        hours=store.read_aggregates(
            window, period=Period.HOUR, level=Level.STATION, subjects=[station_id]
        ),
        window=window,
        air=_air(station, measured, store, now),
        noise=noise_verdicts([station], settled_day(now, Period.NIGHT), store=store),
        water=_water(station, store, registry, now),
        limits={key: limits_of(station, key, window) for key in measured},
    )


def _air(station: Station, measured: list, store: Store, now: datetime) -> AirView | None:
    if station.medium != Medium.AIR or not set(measured) & set(POLLUTANTS):
        return None
    area = area_of(station)
    return air_view(Level.STATION, station.id, store=store, now=now, area=area)


def _water(
    station: Station, store: Store, registry: Registry, now: datetime
) -> WaterAssessment | None:
    if station.medium != Medium.WATER or not (station.realm == "sea" or station.kind in RIVERS):
        return None
    return classes_of([station], settled_day(now), store=store, registry=registry)[0]
