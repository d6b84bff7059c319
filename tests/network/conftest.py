"""A small city with real store and registry, filled by emulators and recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry import Registry
from schemas import FlaggedReading, Interval, ParameterKey
from simulators.fleet import Device
from simulators.weather import Weather
from storage import Store, open_store
from tests.city import demo_registry

Fill = Callable[[Interval], list[FlaggedReading]]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = demo_registry(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def open_store_at(tmp_path: Path) -> Iterator[Callable[[str], Store]]:
    opened: list[Store] = []

    def open_at(name: str) -> Store:
        opened.append(open_store(f"sqlite:///{tmp_path}/{name}.db"))
        return opened[-1]

    yield open_at
    for store in opened:
        store.close()


@pytest.fixture
def readings(registry: Registry) -> Fill:
    """What the demo city measures in a window, without quality flags."""

    def of(window: Interval) -> list[FlaggedReading]:
        found = []
        for sensor in registry.sensors().values():
            if sensor.source is None:
                continue
            device = Device(
                id=sensor.id,
                medium=sensor.medium,
                source=sensor.source,
                cadence_s=sensor.cadence_s,
                parameters=sensor.parameters,
            )
            span = window.start.timestamp(), window.end.timestamp()
            for t, values in device.between(*span, Weather(1)):
                kept = {ParameterKey(key): value for key, value in values.items()}
                found.append(FlaggedReading(sensor.id, t * 1000, kept, {}, t * 1000))
        return found

    return of
