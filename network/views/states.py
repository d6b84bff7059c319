"""Stations as they are now: newest values, and whether a station is well, loud or silent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from schemas import Flag, flag_of
from schemas.alerts import Alert
from schemas.registry import Sensor, Station

STALE_CADENCES = 3  # silent for so many cadences: stale
SILENT = timedelta(hours=24)

# What stands for a station on the map, in order of preference.
HEADLINE = ("laeq", "pm25", "nh3n", "salinity", "do", "water_temperature", "soil_moisture")


@dataclass(frozen=True, slots=True)
class Current:
    """The newest value of one channel, in the parameter's unit."""

    sensor: str
    parameter: str
    value: float | None
    quality: int
    ts: datetime
    fresh: bool


@dataclass(frozen=True, slots=True)
class StationState:
    """A station as the board shows it. state: ok, suspect, alert, stale or silent."""

    station: Station
    state: str
    current: tuple[Current, ...]
    headline: Current | None
    last: datetime | None


def current_values(
    latest: pl.DataFrame, sensors: Mapping[str, Sensor], now: datetime
) -> dict[str, list[Current]]:
    """Newest values by sensor, channels in the sensor's own order."""
    found: dict[str, list[Current]] = {}
    for name, ts, parameter, value, quality in latest.iter_rows():
        sensor = sensors.get(name)
        if sensor is None:
            continue
        reach = timedelta(seconds=sensor.cadence_s * STALE_CADENCES)
        found.setdefault(name, []).append(
            Current(name, parameter, value, quality, ts, now - ts <= reach)
        )
    for name, channels in found.items():
        order = {key: index for index, key in enumerate(sensors[name].parameters)}
        channels.sort(key=lambda c: order.get(c.parameter, len(order)))  # type: ignore[call-overload]
    return found


def exceeding(alerts: Iterable[Alert]) -> set[str | None]:
    """Stations where the breach of an alert goes on. One that is over may wait for people still."""
    return {alert.station for alert in alerts if alert.ended is None}


def station_state(
    station: Station,
    sensors: Iterable[Sensor],
    current: Mapping[str, list[Current]],
    alarmed: bool,
    now: datetime,
) -> StationState:
    own = [c for s in sensors if s.station == station.id for c in current.get(s.id, [])]
    last = max((c.ts for c in own), default=None)
    headline = next(
        (c for key in HEADLINE for c in own if c.parameter == key and c.value is not None), None
    )
    if last is None or (now - last > SILENT and not any(c.fresh for c in own)):
        state = "silent"
    elif not any(c.fresh for c in own):
        state = "stale"
    elif alarmed:
        state = "alert"
    elif headline is not None and flag_of(headline.quality) in (Flag.SUSPECT, Flag.BAD):
        state = "suspect"
    else:
        state = "ok"
    return StationState(station, state, tuple(own), headline, last)
