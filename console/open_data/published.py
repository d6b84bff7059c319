"""What of the registry is published: stations, areas, channels, parameters; and whose observations.

Stations and areas are those that the board shows to everybody, enterprises' own ones included. Of
single observations only those of the government's sensors are open: what an enterprise measures
itself is published as its stations' aggregates. Serial numbers of devices are not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from console.open_data.columns import schema_of
from registry import Registry
from schemas import Level, Medium, SensorId, StationId, catalogue, indices
from schemas.registry import Place, Sensor, Station

CITY_NAMES = ("全市", "City")
AREAS = (Level.SUBDISTRICT, Level.DISTRICT, Level.BASIN, Level.BAY)
LEVELS = (Level.STATION, *AREAS, Level.CITY)


@dataclass(frozen=True, slots=True)
class Published:
    """The registry as it is published, at one moment. measured: parameters by station."""

    stations: Mapping[StationId, Station]
    places: Mapping[str, Place]
    sensors: Mapping[SensorId, Sensor]
    measured: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, registry: Registry) -> Published:
        stations, sensors = registry.stations(), registry.sensors()
        found: dict[str, set[str]] = {str(station): set() for station in stations}
        for sensor in sensors.values():
            found[sensor.station].update(sensor.parameters)
        measured = {station: frozenset(keys) for station, keys in found.items()}
        return cls(stations, registry.places(), sensors, measured)

    def districts(self) -> list[Place]:
        return [place for place in self.places.values() if place.kind == "district"]

    def observed(self) -> list[Sensor]:
        """Sensors whose single observations are open."""
        return [sensor for sensor in self.sensors.values() if self.is_open(sensor)]

    def is_open(self, sensor: Sensor) -> bool:
        """Whether its single observations are published."""
        return self.stations[sensor.station].enterprise is None

    def subjects(self, level: Level) -> pl.DataFrame:
        """Who has aggregates of a level: subject, name_zh, name_en, district."""
        rows: list[tuple[str, str, str, str | None]]
        if level == Level.CITY:
            rows = [("city", *CITY_NAMES, None)]
        elif level == Level.STATION:
            rows = [(str(s.id), s.zh, s.en, s.district) for s in self.stations.values()]
        else:
            of_level = [p for p in self.places.values() if p.kind == str(level)]
            district = {p.id: _district_of(p) for p in of_level}
            rows = [(p.id, p.zh, p.en, district[p.id]) for p in of_level]
        names = ("subject", "name_zh", "name_en", "district")
        return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _district_of(place: Place) -> str | None:
    if place.kind == "district":
        return place.id
    return place.parent if place.kind == "subdistrict" else None


def parameters_of(medium: Medium | None) -> dict[str, str]:
    """Parameters and indices of a medium, or all: key → unit."""
    found = {str(p.key): p.unit for p in catalogue() if medium is None or medium in p.media}
    return found | {k: i.unit for k, i in indices().items() if medium in (None, i.medium)}


def stations_table(known: Published) -> pl.DataFrame:
    rows = [
        {**station.model_dump(), "name_zh": station.zh, "name_en": station.en}
        for station in known.stations.values()
    ]
    return _table("stations", rows)


def channels_table(known: Published) -> pl.DataFrame:
    parameters = catalogue()
    rows = [
        {
            **sensor.model_dump(exclude={"id", "parameters", "serial", "source"}),
            "sensor": sensor.id,
            "parameter": key,
            "unit": parameters[key].unit if key in parameters else None,
            "observations": known.is_open(sensor),
        }
        for sensor in known.sensors.values()
        for key in sensor.parameters
    ]
    return _table("channels", rows)


def parameters_table() -> pl.DataFrame:
    measured = [
        {
            "key": p.key,
            "name_zh": p.zh,
            "name_en": p.en,
            "kind": "measured",
            "unit": p.unit,
            "media": " ".join(p.media),
            "averaging": p.averaging,
            "low": p.range[0],
            "high": p.range[1],
            "resolution": p.resolution,
            **p.codes,
        }
        for p in catalogue()
    ]
    computed: list[dict[str, object]] = [
        {
            "key": key,
            "name_zh": index.zh,
            "name_en": index.en,
            "kind": index.kind,
            "unit": index.unit,
            "media": str(index.medium),
        }
        for key, index in indices().items()
    ]
    return _table("parameters", [*measured, *computed])


def _table(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    schema = schema_of(name)
    return pl.DataFrame([{key: row.get(key) for key in schema} for row in rows], schema=schema)


LISTS = {
    "stations": stations_table,
    "channels": channels_table,
    "parameters": lambda _: parameters_table(),
}
