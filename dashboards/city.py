"""What the boards are made from: stations, sensors and places of one city, and its catalogue.

Positions, names and cadences are not in the time-series store; they are put into the queries when
the boards are made, from the registry, or from the demo city's seed where there is no database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy.exc import SQLAlchemyError

from registry import Registry
from registry.permits import permits
from registry.seed import demo_city, demo_permits
from schemas import Catalogue, Medium, Parameter, catalogue
from schemas.alerts import PermitLimit
from schemas.registry import Enterprise, Place, Sensor, Station

CONSOLE = "http://localhost:8000"
_FIELD = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class City:
    """console: address of the console, as a browser reaches it; stations link to their page."""

    stations: tuple[Station, ...]
    sensors: tuple[Sensor, ...] = ()
    places: tuple[Place, ...] = ()
    enterprises: tuple[Enterprise, ...] = ()
    permits: tuple[PermitLimit, ...] = ()
    catalogue: Catalogue = field(default_factory=catalogue)
    console: str = CONSOLE

    def __post_init__(self) -> None:
        for parameter in self.catalogue:
            key = parameter.key
            if not _FIELD.fullmatch(key) or key.endswith("_f") or key == "channels":
                raise ValueError(
                    f"parameter key {key!r} cannot be a field of the store: small letters, "
                    "digits and _, not ending in _f, not `channels`"
                )

    @classmethod
    def demo(cls, console: str = CONSOLE) -> City:
        """The city of the seed files, without a database."""
        places, enterprises, stations, sensors = demo_city()
        return cls(
            tuple(stations),
            tuple(sensors),
            tuple(places),
            tuple(enterprises),
            tuple(demo_permits()),
            console=console,
        )

    @classmethod
    def of(cls, registry: Registry, console: str = CONSOLE) -> City:
        """The city of a registry. Raises ValueError when it cannot be read or has no station."""
        try:
            stations = tuple(registry.stations().values())
        except SQLAlchemyError as error:
            raise ValueError(
                f"the registry cannot be read ({error.__class__.__name__}): check its address, "
                "and see `onenet registry migrate`"
            ) from error
        if not stations:
            raise ValueError("the registry holds no station; see `onenet registry seed`")
        return cls(
            stations,
            tuple(registry.sensors().values()),
            tuple(registry.places().values()),
            tuple(registry.enterprises().values()),
            tuple(limit for limits in permits(registry).values() for limit in limits),
            console=console,
        )

    def of_medium(self, medium: Medium) -> tuple[Station, ...]:
        return tuple(station for station in self.stations if station.medium == medium)

    @property
    def districts(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places if place.kind == "district")

    @cached_property
    def measures(self) -> Mapping[str, frozenset[str]]:
        """Which parameters are measured at each station."""
        found: dict[str, frozenset[str]] = {}
        for sensor in self.sensors:
            found[sensor.station] = found.get(sensor.station, frozenset()) | set(sensor.parameters)
        return found

    def measured(self, parameter: Parameter, medium: Medium) -> int:
        """How many sensors of a medium measure a parameter."""
        return sum(
            sensor.medium == medium and parameter.key in sensor.parameters
            for sensor in self.sensors
        )
