"""The fleet: which devices are played, each with its source, cadence and parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from schemas import Medium, ParameterKey, SensorId, Topic
from simulators.emulators import EMULATORS, measure
from simulators.recordings import SOURCES, recording
from simulators.weather import Weather

Values = dict[str, float | None]


class Device(BaseModel):
    """One simulated sensor. source: `emulator:<kind>` or `recording:<name>`.

    username, password: its own account at the broker; without one it speaks by the fleet's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: SensorId
    medium: Medium
    source: str
    cadence_s: int = Field(gt=0)
    parameters: tuple[ParameterKey, ...] = Field(min_length=1)
    username: str = ""
    password: str = Field(default="", repr=False)

    @field_validator("source")
    @classmethod
    def _known(cls, source: str) -> str:
        kind, _, name = source.partition(":")
        known = {"emulator": set(EMULATORS), "recording": set(SOURCES)}.get(kind, set())
        if name not in known:
            raise ValueError(f"{source!r} is neither emulator:<kind> nor recording:<name>")
        return source

    @property
    def topic(self) -> str:
        return str(Topic(self.medium, self.id))

    def between(
        self, start_s: float, end_s: float, weather: Weather
    ) -> Iterator[tuple[int, Values]]:
        """Its readings with start <= time < end, in order: (s since the epoch, values)."""
        kind, _, name = self.source.partition(":")
        if kind == "recording":
            yield from recording(name).between(start_s, end_s, self.parameters)
            return
        first = math.ceil(start_s / self.cadence_s) * self.cadence_s
        for t in range(first, math.ceil(end_s), self.cadence_s):
            yield t, measure(name, self.id, self.parameters, weather, t)

    def at(self, t: float, weather: Weather) -> Values:
        """What it shows at any moment; empty where a recording has a gap."""
        kind, _, name = self.source.partition(":")
        if kind == "recording":
            return recording(name).at(t, self.parameters)
        return measure(name, self.id, self.parameters, weather, t)


_FLEET = TypeAdapter(list[Device])


def load_fleet(path: Path) -> list[Device]:
    """Read a JSON file of devices. Raises ValueError that names entry, field and rule."""
    try:
        return _FLEET.validate_python(json.loads(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {where}: {first['msg']}") from None


# What a made-up sensor of a medium is: emulator, cadence in s, parameters.
_MADE_UP: dict[Medium, tuple[str, int, str]] = {
    Medium.NOISE: ("noise-road", 60, "laeq lmax"),
    Medium.AIR: ("air", 300, "pm25 pm10 no2 o3 temperature humidity"),
    Medium.WATER: ("river", 900, "water_temperature ph do turbidity nh3n"),
    Medium.SOIL: ("soil", 3600, "soil_moisture soil_temperature"),
}


def made_up_fleet(count: int, media: list[Medium]) -> list[Device]:
    """So many sensors, the media in turn, named sim-<medium>-00001 and so on."""
    devices = []
    for number in range(count):
        medium = media[number % len(media)]
        kind, cadence_s, parameters = _MADE_UP[medium]
        devices.append(
            Device(
                id=SensorId(f"sim-{medium}-{number + 1:05d}"),
                medium=medium,
                source=f"emulator:{kind}",
                cadence_s=cadence_s,
                parameters=tuple(ParameterKey(key) for key in parameters.split()),
            )
        )
    return devices
