"""The bulletin's city, lived once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from registry import Registry, migrate, open_registry, seed_demo_city
from storage import Store, open_store
from tests.bulletin.city import OCTOBER, live
from tests.network.alerted import add_alert

HOSTILE = '<script>alert("x")</script>'


@dataclass(frozen=True)
class City:
    store: Store
    registry: Registry
    store_url: str
    registry_url: str


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home = tmp_path_factory.mktemp("bulletin-city")
    store_url, registry_url = f"sqlite:///{home}/o.db", f"sqlite:///{home}/r.db"
    migrate(registry_url)
    registry, store = open_registry(registry_url), open_store(store_url)
    seed_demo_city(registry)
    alarm(registry)
    live(store, registry)
    yield City(store, registry, store_url, registry_url)
    store.close()
    registry.close()


def alarm(registry: Registry) -> None:
    """Seven alerts in October, one of which outlives it."""
    sensors = [s for s in registry.sensors().values() if s.medium == "noise"]
    for number in range(7):
        started = OCTOBER.reach.start + timedelta(days=4 * number, hours=13)
        ended = None if number == 6 else started + timedelta(hours=1 + number)
        add_alert(
            registry,
            sensor=sensors[number % 4].id,
            severity=("yellow", "blue", "orange", "red")[number % 4],
            started=started,
            ended=ended,
            acknowledged=started + timedelta(minutes=10 * (1 + number)),
            closed=None if ended is None else ended + timedelta(minutes=30),
        )
