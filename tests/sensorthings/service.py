"""A SensorThings service under test: the demo city's registry, a store with a day of readings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from console import create_app
from registry import Registry
from schemas import FlaggedReading, ParameterKey, SensorId, to_ms
from schemas.flags import Cause, Flag, quality
from storage import Store

ROOT = "/sensorthings/v1.1"
T0 = datetime(2026, 11, 24, tzinfo=UTC)
NOISE, AIR, RIVER = "noise-dongmen-1", "air-lianhua-1", "water-river-xili-1"
LAEQ = f"{NOISE}:laeq"
BAD_SPIKE = quality(Flag.BAD, Cause.SPIKE)
MISSING = quality(Flag.MISSING, Cause.MISSING)


@dataclass(frozen=True)
class Service:
    """What is asked, and what stands behind it."""

    app: FastAPI
    client: TestClient
    store: Store
    registry: Registry
    store_url: str

    def get(self, path: str, **options: str) -> dict[str, Any]:
        """What is answered, which has to be data. Options without their dollar."""
        answer = self.ask(path, **options)
        assert answer.status_code == 200, answer.text[:500]
        found: dict[str, Any] = answer.json()
        return found

    def ask(self, path: str, **options: str) -> Any:
        return self.client.get(ROOT + path, params={f"${k}": v for k, v in options.items()})

    def refused(self, path: str, status: int, **options: str) -> str:
        """Why something is refused, as the standard's JSON says it."""
        answer = self.ask(path, **options)
        assert answer.status_code == status, answer.text[:500]
        told = answer.json()
        assert told["code"] == status
        assert told["type"] == "error"
        return str(told["message"])

    def pages(self, path: str, **options: str) -> Iterator[dict[str, Any]]:
        """All pages, by the links."""
        page = self.get(path, **options)
        yield page
        while link := page.get("@iot.nextLink"):
            answer = self.client.get(link)
            assert answer.status_code == 200, answer.text[:500]
            page = answer.json()
            yield page

    def all(self, path: str, **options: str) -> list[dict[str, Any]]:
        return [each for page in self.pages(path, **options) for each in page["value"]]

    def ids(self, path: str, **options: str) -> list[str]:
        return [each["@iot.id"] for each in self.all(path, **options)]


def serve(store_url: str, token: str, store: Store, registry: Registry) -> Service:
    app = create_app(store_url=store_url, registry_url=str(registry.engine.url), token=token)
    return Service(app, TestClient(app), store, registry, store_url)


def reading(
    sensor: str, at: datetime, quality: dict[str, int] | None = None, **values: float | None
) -> FlaggedReading:
    kept = {ParameterKey(key): value for key, value in values.items()}
    codes = {ParameterKey(key): code for key, code in (quality or {}).items()}
    return FlaggedReading(SensorId(sensor), to_ms(at), kept, codes, to_ms(at))


def day() -> Iterator[FlaggedReading]:
    """A day of three sensors: of noise each minute, of air each five, of a river each hour.

    Each hour a value of noise is bad and one of NO2 is missing; two hours nothing is heard of air.
    """
    for minute in range(24 * 60):
        at, hour = T0 + timedelta(minutes=minute), minute // 60
        loud = 50 + minute % 30
        flags = {"laeq": BAD_SPIKE} if minute % 60 == 7 else {}
        yield reading(NOISE, at, flags, laeq=float(loud), lmax=loud + 10.0)
        if minute % 5 == 0 and hour not in (10, 11):
            no2 = None if minute % 60 == 30 else 20.0 + hour
            flags = {"no2": MISSING} if no2 is None else {}
            yield reading(AIR, at, flags, pm25=10.0 + hour, no2=no2)
        if minute % 60 == 0:
            yield reading(RIVER, at, ph=7.0 + hour / 100, do=6.0)
