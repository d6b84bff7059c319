"""The entities of the city, as they stand in the registry: all but Observations.

A picture of the registry at one version, in memory: some thousand entities and the relations
between them. Made anew when the registry has changed. Observations are not here but in the store,
see `observations.py`; what leads to and from them is.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import polars as pl

from console.open_data.published import Published
from console.sensorthings import describing
from console.sensorthings.model import SETS
from registry import Registry
from registry.life import moves
from schemas import catalogue, to_ms
from schemas.models import sensor_models
from schemas.observation import UTC_MS
from schemas.registry import Sensor

KEPT_S = 60.0  # names of places and enterprises change without a new version, and rarely
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

CHANNELS = {
    "Datastream": pl.String(),
    "sensor": pl.String(),
    "parameter": pl.String(),
    "cadence_s": pl.Float64(),
    "station": pl.String(),
}


def channel_id(sensor: str, parameter: str) -> str:
    return f"{sensor}:{parameter}"


class Entities:
    """Entities by set and id, each a dict of its properties; links by (set, relation) and id."""

    def __init__(self, registry: Registry) -> None:
        self._published = Published.of(registry)
        self._sensors = list(self._published.sensors.values())
        self._stations = self._published.stations
        self._places, self._enterprises = self._published.places, registry.enterprises()
        self._moves = moves(registry)
        self.sets: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in SETS}
        self._links: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(dict)
        self._add_catalogue()
        self._add_places()
        for sensor in self._sensors:
            self._add_sensor(sensor)
        for name, found in self.sets.items():
            self.sets[name] = dict(sorted(found.items()))

    def _link(self, name: str, relation: str, one: str, other: str) -> None:
        self._links[name, relation].setdefault(one, []).append(other)

    def _add_catalogue(self) -> None:
        for parameter in catalogue():
            found = describing.observed_property(parameter)
            self.sets["ObservedProperties"][parameter.key] = found
        models = sensor_models()
        for key in sorted({sensor.model for sensor in self._sensors}):
            self.sets["Sensors"][key] = describing.sensor_model(key, models.get(key))

    def _add_places(self) -> None:
        for station in self._stations.values():
            place = describing.place_of(station, self._places, self._enterprises)
            where = describing.point(station)
            self.sets["Locations"][station.id] = {**place, "location": where}
            self.sets["FeaturesOfInterest"][station.id] = {**place, "feature": where}

    def _add_sensor(self, sensor: Sensor) -> None:
        station = self._stations[sensor.station]
        self.sets["Things"][sensor.id] = describing.thing(sensor, station)
        self._link("Things", "Locations", sensor.id, station.id)
        self._link("Locations", "Things", station.id, sensor.id)
        for at, where in self._stays(sensor):
            self._add_stay(sensor.id, at, where)
        known = catalogue()
        for key in sensor.parameters:
            if key in known:  # a catalogue that lost a parameter loses its channels, not the page
                is_open = self._published.is_open(sensor)
                found = describing.datastream(sensor, station, known[key], is_open=is_open)
                channel = channel_id(sensor.id, key)
                self.sets["Datastreams"][channel] = found
                self._link("Things", "Datastreams", sensor.id, channel)
                self._link("Datastreams", "Thing", channel, sensor.id)
                self._link("Sensors", "Datastreams", sensor.model, channel)
                self._link("Datastreams", "Sensor", channel, sensor.model)
                self._link("ObservedProperties", "Datastreams", key, channel)
                self._link("Datastreams", "ObservedProperty", channel, key)

    def _add_stay(self, sensor: str, at: datetime, station: str) -> None:
        stay = f"{sensor}:{to_ms(at)}"
        self.sets["HistoricalLocations"][stay] = {"time": at}
        self._link("Things", "HistoricalLocations", sensor, stay)
        self._link("HistoricalLocations", "Thing", stay, sensor)
        self._link("HistoricalLocations", "Locations", stay, station)
        self._link("Locations", "HistoricalLocations", station, stay)

    def _stays(self, sensor: Sensor) -> Iterable[tuple[datetime, str]]:
        """Since when the sensor stood where; the first only where its installation is known."""
        moved = self._moves.get(sensor.id, [])
        if sensor.installed is not None:
            yield sensor.installed, moved[0].before if moved else sensor.station
        for move in moved:
            yield move.at, move.station

    def related(self, name: str, relation: str, one: str) -> list[str]:
        """Ids of the entities that a relation leads to, in order of id."""
        return sorted(self._links[name, relation].get(one, ()))

    def pairs(self, name: str, relation: str) -> pl.DataFrame:
        """A relation as a table of ids, `from` and `to`."""
        rows = [(one, to) for one, tos in self._links[name, relation].items() for to in tos]
        return pl.DataFrame(rows, schema={"from": pl.String, "to": pl.String}, orient="row")

    @cached_property
    def channels(self) -> pl.DataFrame:
        """Channels whose observations are published, columns `CHANNELS`: their way to the store."""
        rows = [
            (channel_id(each.id, key), each.id, key, float(each.cadence_s), each.station)
            for each in self._published.observed()
            for key in each.parameters
            if channel_id(each.id, key) in self.sets["Datastreams"]
        ]
        return pl.DataFrame(rows, schema=CHANNELS, orient="row")

    @cached_property
    def stays(self) -> pl.DataFrame:
        """Where sensors that were moved stood since when: columns sensor, ts, stood_at.

        The first stay begins with time, for observations may be older than the installation.
        """
        rows = [
            (sensor, at, station)
            for sensor, moved in self._moves.items()
            for at, station in [
                (_BEGINNING, moved[0].before),
                *((move.at, move.station) for move in moved),
            ]
        ]
        schema = {"sensor": pl.String(), "ts": UTC_MS, "stood_at": pl.String()}
        return pl.DataFrame(rows, schema=schema, orient="row").sort("ts")

    def ever_at(self, station: str) -> set[str]:
        """Sensors that stand or stood at a station."""
        now = {sensor.id for sensor in self._sensors if sensor.station == station}
        return now | set(self.stays.filter(stood_at=station)["sensor"])


class EntitiesKept:
    """The entities of the registry as it stands now, made anew only when it has changed."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._guard = threading.Lock()
        self._made: Entities | None = None
        self._version, self._made_at = -1, 0.0

    def now(self) -> Entities:
        version = self._registry.version()
        with self._guard:
            old = time.monotonic() - self._made_at > KEPT_S
            if self._made is None or version != self._version or old:
                self._made = Entities(self._registry)
                self._version, self._made_at = version, time.monotonic()
            return self._made
