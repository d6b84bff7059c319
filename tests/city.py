"""The demo city in a registry of its own for each test: made once, then copied."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from registry import Registry, migrate, open_registry, seed_demo_city
from schemas import FlaggedReading, Interval, ParameterKey
from schemas.registry import Sensor
from simulators.fleet import Device
from simulators.weather import Weather


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for the life of the process, with the seeded database in it."""
    folder = tempfile.TemporaryDirectory(prefix="city-")
    url = f"sqlite:///{folder.name}/registry.db"
    migrate(url)
    registry = open_registry(url)
    seed_demo_city(registry)
    registry.close()
    return folder


def demo_registry(folder: Path, name: str = "registry.db") -> Registry:
    """The seeded registry in `folder`; whoever asks for it closes it."""
    shutil.copyfile(Path(_folder().name) / "registry.db", folder / name)
    return open_registry(f"sqlite:///{folder}/{name}")


def all_measured(
    registry: Registry, window: Interval, *, cadence_s: int = 0
) -> list[FlaggedReading]:
    """What all emulators of a city measure in a window."""
    sensors = registry.sensors().values()
    return [one for each in sensors for one in measured(each, window, cadence_s=cadence_s)]


def measured(sensor: Sensor, window: Interval, *, cadence_s: int = 0) -> Iterator[FlaggedReading]:
    """What a sensor's emulator measures in a window, without flags; none without an emulator.

    cadence_s: the shortest time between readings, where the sensor's own is shorter.
    """
    if sensor.source is None:
        return
    device = Device(
        id=sensor.id,
        medium=sensor.medium,
        source=sensor.source,
        cadence_s=max(sensor.cadence_s, cadence_s),
        parameters=sensor.parameters,
    )
    for t, values in device.between(window.start.timestamp(), window.end.timestamp(), Weather(1)):
        kept = {ParameterKey(key): value for key, value in values.items()}
        yield FlaggedReading(sensor.id, t * 1000, kept, {}, t * 1000)
