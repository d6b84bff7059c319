"""The sensors that ingest knows, kept in memory and renewed when the registry changes."""

from __future__ import annotations

import time
from collections.abc import Set
from datetime import timedelta

from ingest.hj212 import Expected
from ingest.qc import QualityControl
from ingest.validate import BEHIND_MS
from registry import Registry
from registry.loggers import loggers
from registry.maintenance import maintenance_windows
from schemas import Catalogue, ParameterKey, SensorId, SeriesTags, SystemClock, to_ms
from schemas.observation import GOVERNMENT, UNPLACED
from schemas.registry import Sensor, Station

CHECK_EVERY_S = 2.0


class SensorDirectory:
    """Sensor records by id, and the quality control of their channels.

    Not thread-safe: one worker owns it.
    """

    def __init__(self, registry: Registry, catalogue: Catalogue) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self.quality = QualityControl(catalogue)
        self.maintenance: dict[SensorId, list[tuple[int, int]]] = {}  # [start, end) in ms
        self._version = -1
        self._checked = float("-inf")
        self._sensors: dict[SensorId, Sensor] = {}
        self._tags: dict[SensorId, SeriesTags] = {}
        self._channels: dict[SensorId, frozenset[ParameterKey]] = {}
        self._loggers: dict[SensorId, Expected] = {}

    def find(self, sensor: SensorId) -> Sensor | None:
        return self._sensors.get(sensor)

    def tags(self, sensor: SensorId) -> SeriesTags:
        return self._tags.get(sensor, UNPLACED)

    def channels(self, sensor: SensorId) -> Set[ParameterKey]:
        """The parameters that a known sensor may send: registered for it and in the catalogue."""
        return self._channels[sensor]

    def logger(self, sensor: SensorId) -> Expected | None:
        """What is expected of a sensor that speaks HJ 212; None of one that does not."""
        return self._loggers.get(sensor)

    def renew(self) -> None:
        """Reload when the registry's version has moved; looked at every 2 s at most."""
        if time.monotonic() - self._checked < CHECK_EVERY_S:
            return
        version = self._registry.version()
        if version != self._version:
            fresh = self._registry.sensors()
            changed = [s for s in fresh.values() if self._sensors.get(s.id) != s]
            self.quality.know(changed)  # other thresholds may hold now
            self.maintenance = self._windows()
            self.quality.close(self.maintenance)
            for sensor in changed:
                known = (key for key in sensor.parameters if key in self._catalogue)
                self._channels[sensor.id] = frozenset(known)
            stations = self._registry.stations()
            self._tags = {s.id: _tags(s, stations[s.station]) for s in fresh.values()}
            self._loggers = {
                own.sensor: Expected(own.mn, own.upload, self._channels[own.sensor])
                for own in loggers(self._registry)
            }
            self._sensors, self._version = fresh, version
        self._checked = time.monotonic()

    def _windows(self) -> dict[SensorId, list[tuple[int, int]]]:
        """Maintenance that may concern what is accepted now, in ms."""
        since = SystemClock().now() - timedelta(milliseconds=BEHIND_MS)
        return {
            sensor: [(to_ms(w.start), FOR_EVER_MS if w.end is None else to_ms(w.end)) for w in own]
            for sensor, own in maintenance_windows(self._registry, since).items()
        }


FOR_EVER_MS = 2**62


def _tags(sensor: Sensor, station: Station) -> SeriesTags:
    return SeriesTags(
        medium=sensor.medium,
        station=station.id,
        district=station.district,
        subdistrict=station.subdistrict or "",
        owner=station.enterprise or GOVERNMENT,
    )
