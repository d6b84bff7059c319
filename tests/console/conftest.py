"""A console over a real store and registry, with a city that has been measuring for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts import judge, load_rules
from network import rejudge_pending
from registry import NewDeadLetter, migrate, open_registry, seed_demo_city
from schemas import FlaggedReading, Interval, ParameterKey, SensorId
from schemas.registry import Place
from storage import open_store
from tests.city import all_measured
from tests.console.history import remember

HOSTILE = '<script>alert("x")</script>'


@dataclass(frozen=True)
class City:
    store_url: str
    registry_url: str
    now: datetime

    def measure(self, sensor: str, **values: float) -> None:
        """One more reading, now."""
        store = open_store(self.store_url)
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        kept = {ParameterKey(key): value for key, value in values.items()}
        store.write([FlaggedReading(SensorId(sensor), now_ms, kept, {}, now_ms)])
        store.close()


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    home = tmp_path_factory.mktemp("city")
    store_url, registry_url = f"sqlite:///{home}/o.db", f"sqlite:///{home}/r.db"
    fill(store_url, registry_url, home)
    return City(store_url, registry_url, datetime.now(UTC))


def fill(store_url: str, registry_url: str, _home: Path) -> None:
    migrate(registry_url)
    registry, store = open_registry(registry_url), open_store(store_url)
    seed_demo_city(registry)
    stations = registry.stations()
    odd = stations[next(iter(stations))].model_copy(update={"zh": HOSTILE, "en": HOSTILE})
    bay = Place(id="hostile", zh=HOSTILE, en=HOSTILE, kind="bay")
    registry.add(stations=[odd], places=[bay])
    now = datetime.now(UTC)
    window = Interval(now - timedelta(hours=30), now)
    store.write(all_measured(registry, window))
    loud = now.timestamp() - 3 * 3600
    store.write(
        [
            FlaggedReading(
                SensorId("noise-dongmen-1"),
                int(loud + 60 * minute) * 1000 + 1,
                {ParameterKey("laeq"): 88.0, ParameterKey("lmax"): 99.0},
                {},
                int(loud * 1000),
            )
            for minute in range(180)
        ]
    )
    rejudge_pending(now, store=store, registry=registry)
    remember(now, store=store, registry=registry)
    judge(now, rules=load_rules(), store=store, registry=registry)
    registry.add_dead_letters(
        [
            NewDeadLetter(
                topic=f"onenet/v1/air/{HOSTILE}/data/json",
                sensor="unknown",
                raw=f'{{"values": {HOSTILE}'.encode() + b"\xff\x00",
                arrived=now,
                code="json_broken",
                field=HOSTILE,
                value=HOSTILE,
                reason_zh=f"报文:{HOSTILE}",
                reason_en=f"payload: {HOSTILE}",
                readings=1,
            )
        ]
    )
    store.close()
    registry.close()
