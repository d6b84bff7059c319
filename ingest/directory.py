"""The sensors that ingest knows, kept in memory and renewed when the registry changes."""

from __future__ import annotations

import time

from ingest.qc import SensorQc
from registry import Registry
from schemas import Catalogue, SensorId, SeriesTags
from schemas.observation import GOVERNMENT, UNPLACED
from schemas.registry import Sensor, Station

CHECK_EVERY_S = 2.0


class SensorDirectory:
    """Sensor records and their quality tests by id. Not thread-safe: one worker owns it."""

    def __init__(self, registry: Registry, catalogue: Catalogue) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._version = -1
        self._checked = float("-inf")
        self._sensors: dict[SensorId, Sensor] = {}
        self._tags: dict[SensorId, SeriesTags] = {}
        self._qc: dict[SensorId, SensorQc] = {}

    def find(self, sensor: SensorId) -> Sensor | None:
        return self._sensors.get(sensor)

    def tags(self, sensor: SensorId) -> SeriesTags:
        return self._tags.get(sensor, UNPLACED)

    def qc(self, sensor: Sensor) -> SensorQc:
        tests = self._qc.get(sensor.id)
        if tests is None:
            known = {k: self._catalogue[k] for k in sensor.parameters if k in self._catalogue}
            tests = self._qc[sensor.id] = SensorQc(sensor, known)
        return tests

    def renew(self) -> None:
        """Reload when the registry's version has moved; looked at every 2 s at most."""
        if time.monotonic() - self._checked < CHECK_EVERY_S:
            return
        version = self._registry.version()
        if version != self._version:
            fresh = self._registry.sensors()
            for sensor_id, record in fresh.items():
                if self._sensors.get(sensor_id) != record:
                    self._qc.pop(sensor_id, None)  # other thresholds may hold now
            stations = self._registry.stations()
            self._tags = {s.id: _tags(s, stations[s.station]) for s in fresh.values()}
            self._sensors, self._version = fresh, version
        self._checked = time.monotonic()


def _tags(sensor: Sensor, station: Station) -> SeriesTags:
    return SeriesTags(
        medium=sensor.medium,
        station=station.id,
        district=station.district,
        subdistrict=station.subdistrict or "",
        owner=station.enterprise or GOVERNMENT,
    )
