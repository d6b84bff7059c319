"""What the boards are made from: stations, sensors and places of one city, and its catalogue.

Positions, names and cadences are not in the time-series store; they are put into the queries when
the boards are made, from the registry, or from the demo city's seed where there is no database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from registry import Registry
from registry.seed import demo_city
from schemas import Catalogue, Medium, Parameter, catalogue
from schemas.registry import Place, Sensor, Station

CONSOLE = "http://localhost:8000"
_FIELD = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class City:
    """console: address of the console, as a browser reaches it; stations link to their page."""

    stations: tuple[Station, ...]
    sensors: tuple[Sensor, ...] = ()
    places: tuple[Place, ...] = ()
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
        places, _, stations, sensors = demo_city()
        return cls(tuple(stations), tuple(sensors), tuple(places), console=console)

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
            console=console,
        )

    def of_medium(self, medium: Medium) -> tuple[Station, ...]:
        return tuple(station for station in self.stations if station.medium == medium)

    def measured(self, parameter: Parameter, medium: Medium) -> int:
        """How many sensors of a medium measure a parameter."""
        return sum(
            sensor.medium == medium and parameter.key in sensor.parameters
            for sensor in self.sensors
        )
