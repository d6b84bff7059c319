"""From the wire to the court: a message that a sensor sent is in the evidence byte for byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import pytest

from alerts import Move, Router, act, alerts, freeze_due, judge, load_rules
from alerts.evidence import evidence, verify, verify_chain
from registry import Registry, migrate, open_registry, seed_demo_city
from schemas import Interval
from schemas.people import Person, Role
from storage import Store, open_store
from storage.raw import RawArchive
from tests.brokers import RunningBroker, embedded, free_port, mosquitto
from tests.influx import influx
from tests.parts import need
from tests.postgres import available as postgres_available
from tests.postgres import postgres, url

SENSOR = "noise-dongmen-1"
TOPIC = f"onenet/v1/noise/{SENSOR}/data/json"
OFFICER = Person(id="wu", name="吴", roles=(Role.ENFORCEMENT,), scopes=("city",))
MINUTE = timedelta(minutes=1)


class City:
    """Registry, store and archive of a running ingest process."""

    def __init__(self, home: Path, store_url: str, registry_url: str, token: str = "") -> None:
        self.urls = {
            "ONENET_STORE_URL": store_url,
            "ONENET_STORE_TOKEN": token,
            "ONENET_REGISTRY_URL": registry_url,
            "ONENET_RAW_ARCHIVE": str(home / "raw"),
        }
        migrate(registry_url)
        self.registry: Registry = open_registry(registry_url)
        seed_demo_city(self.registry)
        self.store: Store = open_store(store_url, token=token)
        self.archive = RawArchive(home / "raw")


@pytest.fixture(params=["embedded", pytest.param("production", marks=pytest.mark.influx)])
def parts(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[City, RunningBroker]]:
    """Store, registry and broker as in the demo, or those of production."""
    make = tmp_path_factory.mktemp
    with ExitStack() as stack:
        if request.param == "embedded":
            city = City(tmp_path, f"sqlite:///{tmp_path}/o.db", f"sqlite:///{tmp_path}/r.db")
            broker = stack.enter_context(embedded())
        else:
            need("PostgreSQL", postgres_available())
            server = stack.enter_context(postgres(make("pg")))
            running = stack.enter_context(influx(make("influx")))
            registry_url = url(server, "registry", "registry")
            city = City(tmp_path, running.clean(), registry_url, running.token)
            broker = stack.enter_context(mosquitto(make("broker")))
        stack.callback(city.registry.close)
        stack.callback(city.store.close)
        yield city, broker


@pytest.fixture
def city(parts: tuple[City, RunningBroker]) -> City:
    return parts[0]


@pytest.fixture
def broker(parts: tuple[City, RunningBroker], tmp_path: Path) -> Iterator[RunningBroker]:
    """The broker, with a real ingest process behind it."""
    city, running = parts
    port = free_port()
    environment = {**running.environment, **city.urls, "ONENET_INGEST_PORT": str(port)}
    with (tmp_path / "ingest.log").open("wb") as log:
        ingest = subprocess.Popen(
            [sys.executable, "-m", "onenet", "ingest"],
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
        )
    try:
        _until(lambda: _subscribed(port))
        yield running
    finally:
        ingest.terminate()
        assert ingest.wait(60) == 0


def _subscribed(port: int) -> bool:
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).json()["subscribed"])
    except httpx.HTTPError:
        return False


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)


def publish(broker: RunningBroker, payloads: list[bytes]) -> None:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "a-device")
    client.username_pw_set(broker.username, broker.password)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    for sent in [client.publish(TOPIC, payload, qos=1) for payload in payloads]:
        sent.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


def test_what_a_sensor_sent_is_in_the_evidence_byte_for_byte(
    city: City, broker: RunningBroker, tmp_path: Path
) -> None:
    begin = Interval.hour(datetime.now(UTC)).start - timedelta(hours=4)
    loud = {minute: 90.0 if 0 <= minute < 60 else 45.0 for minute in range(-60, 125)}
    payloads = [
        # Spelled as a device might: what matters is in the bytes, not in what they mean.
        f'{{"ts":"{(begin + m * MINUTE).isoformat()}" , "values":{{ "laeq":{level}0 }}}}\n'.encode()
        for m, level in loud.items()
    ]
    publish(broker, payloads)
    _until(lambda: city.store.count_readings().get(SENSOR) == len(payloads))

    now = begin + timedelta(minutes=130)
    hourly = [rule for rule in load_rules() if rule.id == "noise-hour"]
    judge(now, rules=hourly, store=city.store, registry=city.registry)
    (alert,) = alerts(city.registry, rule="noise-hour")
    finding = {"outcome": "confirmed", "findings": "属实"}
    for name, more in (("acknowledge", {}), ("close", finding)):
        at = datetime.now(UTC)
        act(city.registry, alert.id, Move(name, **more), by=OFFICER, at=at, router=Router())

    at = datetime.now(UTC)
    (frozen,) = freeze_due(city.registry, city.store, at, raw=city.archive)
    content = evidence(city.registry, frozen.id)[1]
    found = verify(content)
    assert found.faults == ()
    assert "raw/" not in {gap["part"] for gap in found.manifest["missing"]}
    (tmp_path / "e.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        raw = {
            n: archive.read(n) for n in archive.namelist() if n.endswith(".json") and "raw/" in n
        }
    assert sorted(raw.values()) == sorted(payloads)
    listed = {part["name"]: part["sha256"] for part in found.manifest["parts"]}
    assert all(listed[name] == hashlib.sha256(sent).hexdigest() for name, sent in raw.items())
    assert list(verify_chain(city.registry)) == []
