"""One sensor floods a real broker: it is cut within seconds, and nobody else loses a message.

Everything runs as in production: ingest and the follower are processes, each with its own rights.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import polars as pl
import pytest

from onenet.broker import Account, EmbeddedBroker
from onenet.gate import RegistryGate
from registry import Registry
from registry.accounts import Accounts, RegistryIsTheList
from registry.credentials import Issued, credentials, issue
from registry.quarantine import quarantined, release
from registry.work_orders import work_orders
from schemas import Interval, SystemClock
from storage import open_store
from tests.brokers import DATA, free_port
from tests.city import demo_registry
from tests.deploy.production_broker import production_mosquitto

A, B = "noise-dongmen-1", "air-lianhua-1"


@dataclass(frozen=True)
class Installation:
    """environment: of ingest; follower: of who keeps the broker in step, where one is needed."""

    port: int
    accounts: Accounts
    environment: dict[str, str]
    follower: dict[str, str] | None = None
    ca: str = ""


@contextmanager
def with_mosquitto(folder: Path, _registry: Registry) -> Iterator[Installation]:
    with production_mosquitto(folder) as broker:
        there = {"ONENET_MQTT_PORT": str(broker.inside)}
        login = {
            "ONENET_MQTT_USERNAME": "ingest",
            "ONENET_MQTT_PASSWORD": broker.passwords["ingest"],
        }
        follower = {**there, "ONENET_PROVISIONING_PASSWORD": broker.passwords["provisioning"]}
        accounts = broker.accounts_of_devices
        yield Installation(broker.tls, accounts, {**there, **login}, follower, str(broker.ca))


@contextmanager
def with_embedded(_folder: Path, registry: Registry) -> Iterator[Installation]:
    services = {"ingest": Account("secret-in", subscribe=(DATA,))}
    broker = EmbeddedBroker(free_port(), services, RegistryGate(registry, SystemClock()))
    broker.start()
    environment = {
        "ONENET_MQTT_PORT": str(broker.port),
        "ONENET_MQTT_VERSION": "4",
        "ONENET_MQTT_USERNAME": "ingest",
        "ONENET_MQTT_PASSWORD": "secret-in",
    }
    try:
        yield Installation(broker.port, RegistryIsTheList(), environment)
    finally:
        broker.stop()


Broker = Callable[[Path, Registry], AbstractContextManager[Installation]]


@contextmanager
def process(*arguments: str, log: Path, environment: dict[str, str]) -> Iterator[None]:
    with log.open("ab") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", "onenet", *arguments],
            env={**os.environ, **environment},
            cwd=log.parent,
            stdout=out,
            stderr=out,
        )
    try:
        yield
    finally:
        running.terminate()
        running.wait(60)


class Device:
    """Publishes with its own credentials and knows what the broker has acknowledged."""

    def __init__(self, place: Installation, issued: Issued) -> None:
        self.acknowledged = 0
        self.cut = threading.Event()
        self.let_in: bool | None = None
        self._topic = issued.topic
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=issued.username,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        self.client.username_pw_set(issued.username, issued.password)
        if place.ca:
            self.client.tls_set(place.ca)
        self.client.on_connect = lambda _c, _d, _f, reason, _p: setattr(
            self, "let_in", not reason.is_failure
        )
        self.client.on_publish = self._on_publish
        self.client.on_disconnect = lambda *_: self.cut.set()
        self.client.connect("127.0.0.1", place.port)
        self.client.loop_start()
        eventually(lambda: self.let_in is not None, "an answer")

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def publish(self, ts_ms: int, values: dict[str, float]) -> None:
        self.client.publish(self._topic, json.dumps({"ts": ts_ms, "values": values}), 1)

    def _on_publish(self, _c: Any, _d: Any, _mid: int, reason: Any, _p: Any) -> None:
        self.acknowledged += not reason.is_failure


def eventually(condition: Callable[[], bool], what: str, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def flood(device: Device, ts_ms: int) -> None:
    """The same reading as fast as the broker takes it, until the connection is cut."""
    sent = 0
    while not device.cut.is_set() and sent < 200_000:
        if sent - device.acknowledged < 200:
            device.publish(ts_ms, {"laeq": 55.0})
            sent += 1
        else:
            time.sleep(0.001)


@pytest.mark.mosquitto
@pytest.mark.parametrize("broker", [with_mosquitto, with_embedded], ids=["mosquitto", "embedded"])
def test_a_flooding_sensor_is_quarantined_and_the_others_do_not_notice(
    broker: Broker, tmp_path: Path
) -> None:
    registry = demo_registry(tmp_path)
    health, store_url = free_port(), f"sqlite:///{tmp_path}/o.db"
    with ExitStack() as parts:
        place = parts.enter_context(broker(tmp_path, registry))
        now = datetime.now(UTC)
        a, b = issue(registry, place.accounts, [A, B], by="tester", at=now)
        ours = {
            "ONENET_STORE_URL": store_url,
            "ONENET_REGISTRY_URL": f"sqlite:///{tmp_path}/registry.db",
            "ONENET_INGEST_PORT": str(health),
        }
        log = tmp_path / "onenet.log"
        parts.enter_context(process("ingest", log=log, environment=ours | place.environment))
        if place.follower is not None:
            following = ours | place.follower
            parts.enter_context(process("broker", "follow", log=log, environment=following))
        eventually(lambda: subscribed(health), "ingest listens")

        with Device(place, a) as one, Device(place, b) as other:
            stop, begun = threading.Event(), int(time.time() * 1000)
            sent: list[int] = []

            def speak() -> None:
                while not stop.wait(0.05):
                    sent.append(begun + len(sent))
                    other.publish(sent[-1], {"pm25": 12.0})

            speaker = threading.Thread(target=speak)
            speaker.start()
            flooding, started = threading.Thread(target=flood, args=(one, begun)), time.monotonic()
            flooding.start()
            eventually(lambda: A in quarantined(registry), "the flood is noticed")
            noticed = time.monotonic()
            eventually(one.cut.is_set, "the flood is cut")
            cut = time.monotonic()
            flooding.join(30)
            eventually(lambda: len(sent) >= 100, "the other one goes on")
            stop.set()
            speaker.join(10)
            eventually(lambda: other.acknowledged == len(sent), "the broker has all of the other's")
            assert not other.cut.is_set()
            print(
                f"{one.acknowledged} messages; noticed after {noticed - started:.1f} s, "
                f"cut {cut - noticed:.1f} s later"
            )
            assert cut - noticed < 5

        store = open_store(store_url)
        window = Interval(now - timedelta(hours=1), now + timedelta(hours=1))

        def received(sensor: str) -> int:
            return int(store.account(window).filter(pl.col("sensor") == sensor)["received"].sum())

        eventually(lambda: received(B) == len(sent), "all of the other's are stored")
        eventually(lambda: received(A) >= one.acknowledged, "nothing acknowledged is lost")
        assert store.count_readings()[B] == len(sent)
        assert store.count_readings()[A] == 1, "the same reading, once"
        store.close()

        (order,) = work_orders(registry, sensor=A)
        assert order.kind == "flood"
        assert order.facts["messages"] > 1000
        with Device(place, a) as again:
            assert again.let_in is False
        assert release(registry, place.accounts, A, by="li", at=datetime.now(UTC))
        with Device(place, a) as again:
            assert again.let_in is True
            again.publish(begun + 60_000, {"laeq": 55.0})
            eventually(lambda: again.acknowledged == 1, "it is back")
        assert [c.state for c in credentials(registry, A)] == ["active"]
    registry.close()


def subscribed(health: int) -> bool:
    try:
        answer = httpx.get(f"http://127.0.0.1:{health}/healthz", timeout=1)
    except httpx.HTTPError:
        return False
    return bool(answer.json()["subscribed"])
