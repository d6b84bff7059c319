"""A seeded registry and an empty store for each test, and hands that measure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from alerts import Judged, Router, judge, load_rules
from alerts.rulebook import read_rule
from registry import Registry
from schemas import CITY_TIME, FlaggedReading, ParameterKey, SensorId, to_ms
from schemas.alerts import Rule
from storage import Store

NIGHT = datetime(2026, 11, 24, 23, tzinfo=CITY_TIME).astimezone(UTC)
NOON = datetime(2026, 11, 24, 12, tzinfo=CITY_TIME).astimezone(UTC)
ROAD = "noise-dongmen-1"  # zone 4a: 70 dB(A) by day, 55 by night; speaks each minute


def shipped(name: str) -> Rule:
    return next(rule for rule in load_rules() if rule.id == name)


def made_rule(**fields: object) -> Rule:
    entry = {
        "id": "a-rule",
        "zh": "规则",
        "en": "rule",
        "medium": "noise",
        "parameter": "laeq",
        "window": "10min",
        "limit": {"value": 60, "reason": "test"},
        "severity": "yellow",
    }
    return read_rule({**entry, **fields}, "test")


@dataclass(frozen=True)
class Hands:
    """Measures, and judges at a minute after `begin`."""

    store: Store
    registry: Registry
    begin: datetime = NIGHT

    def at(self, minute: float) -> datetime:
        return self.begin + timedelta(minutes=minute)

    def readings(
        self,
        level: float,
        minutes: Iterable[int],
        *,
        sensor: str = ROAD,
        quality: int = 1,
        parameter: str = "laeq",
    ) -> list[FlaggedReading]:
        key = ParameterKey(parameter)
        codes = {} if quality == 1 else {key: quality}
        return [
            FlaggedReading(SensorId(sensor), to_ms(self.at(minute)), {key: level}, codes)
            for minute in minutes
        ]

    def measure(self, level: float, minutes: Iterable[int], **more: object) -> None:
        self.store.write(self.readings(level, minutes, **more))  # type: ignore[arg-type]

    def judge(self, minute: float, *rules: Rule, broadcast: Iterable[str] = ()) -> Judged:
        return judge(
            self.at(minute),
            rules=rules,
            store=self.store,
            registry=self.registry,
            router=Router(broadcast),
        )


@pytest.fixture
def hands(store: Store, registry: Registry) -> Hands:
    return Hands(store, registry)
