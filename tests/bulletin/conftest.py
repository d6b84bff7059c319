"""The bulletin's city, lived once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from alerts import load_rules
from registry import Registry, migrate, open_registry, seed_demo_city
from registry.models import AlertRow
from storage import Store, open_store
from tests.bulletin.city import OCTOBER, live

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
    stations = registry.stations()
    rules = [rule for rule in load_rules() if str(rule.medium) == "noise"]
    sensors = [s for s in registry.sensors().values() if s.medium == "noise"]
    with registry.session.begin() as session:
        for number in range(7):
            rule, sensor = rules[number % len(rules)], sensors[number % 4]
            started = OCTOBER.reach.start + timedelta(days=4 * number, hours=13)
            ended = started + timedelta(hours=1 + number)
            session.add(
                AlertRow(
                    rule=rule.id,
                    sensor=sensor.id,
                    station=sensor.station,
                    district=stations[sensor.station].district,
                    parameter="laeq",
                    severity=str(rule.severity),
                    state="open" if number == 6 else "closed",
                    started=started,
                    ended=None if number == 6 else ended,
                    limit_value=60.0,
                    peak=71.0,
                    last=58.0,
                    opened=started,
                    closed=None if number == 6 else ended,
                )
            )
