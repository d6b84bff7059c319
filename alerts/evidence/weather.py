"""The weather around an alert: of each quantity, the nearest station that measured it then."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.evidence.facts import WeatherStation
from alerts.series import distance_km
from schemas import Interval, SensorId, StationId
from schemas.registry import Place, Sensor, Station
from storage import Store

QUANTITIES = ("wind_speed", "wind_direction", "temperature", "humidity", "rain", "pressure")
TRIED = 5  # stations, the nearest first, until one has measured


def weather_near(
    station: Station | None,
    district: Place,
    store: Store,
    sensors: Mapping[SensorId, Sensor],
    stations: Mapping[StationId, Station],
    span: Interval,
) -> list[WeatherStation]:
    """At a station, or in the middle of a district. Raises StoreUnavailable."""
    near = {q: _nearest(q, station, district, sensors, stations) for q in QUANTITIES}
    wanted = {sensor.id for found in near.values() for _, sensor in found}
    if not wanted:
        return []
    seen = store.read(span, sensors=wanted, parameters=set(QUANTITIES))
    found = []
    for quantity, candidates in near.items():
        for km, sensor in candidates:
            own = seen.filter((seen["sensor"] == sensor.id) & (seen["parameter"] == quantity))
            if own["value"].count():
                found.append(WeatherStation(quantity, stations[sensor.station], km, own))
                break
    return found


def _nearest(
    quantity: str,
    station: Station | None,
    district: Place,
    sensors: Mapping[SensorId, Sensor],
    stations: Mapping[StationId, Station],
) -> list[tuple[float, Sensor]]:
    measured = [s for s in sensors.values() if quantity in s.parameters]
    if station is None:
        if district.lon is None or district.lat is None or not measured:
            return []
        middle = {"lon": district.lon, "lat": district.lat}
        station = stations[measured[0].station].model_copy(update=middle)
    away = [(round(distance_km(station, stations[s.station]), 2), s) for s in measured]
    return sorted(away, key=lambda pair: (pair[0], pair[1].id))[:TRIED]
