"""A real InfluxDB that is busy, breaks connections, dies, or refuses a line: nothing is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import httpx
import paho.mqtt.client as mqtt
import pytest

from onenet.reconcile import Published
from onenet.stack import published_of, write_fleet
from registry import Registry
from schemas import to_ms
from storage import Store, open_store
from storage.buckets import InfluxAddress
from tests.brokers import RunningBroker, free_port, mosquitto
from tests.chaos.test_ingest_is_killed import (
    Ingest,
    start_fleet,
    wait_for_progress,
    wait_until_all_is_in,
)
from tests.chaos.test_several_workers import books
from tests.city import demo_registry
from tests.influx import ORG, Influxd, RunningInflux, influxd
from tests.influx_proxy import Asked, Trouble, proxy

pytestmark = [pytest.mark.chaos, pytest.mark.influx]

DAYS = 1


@dataclass
class Place:
    """A server, a broker, a registry, and the store as whoever may do everything sees it."""

    server: Influxd
    broker: RunningBroker
    registry: Registry
    folder: Path
    url: str
    store: Store
    workers: list[Ingest] = field(default_factory=list)

    def ingest(self, url: str, token: str) -> Ingest:
        environment = {
            **self.broker.environment,
            "ONENET_STORE_URL": url,
            "ONENET_STORE_TOKEN": token,
            "ONENET_REGISTRY_URL": f"sqlite:///{self.folder}/registry.db",
            "ONENET_INGEST_PORT": str(free_port()),
            "ONENET_INGEST_BATCH_SIZE": "300",
            "ONENET_INGEST_BATCH_AGE_S": "0.05",
        }
        started = Ingest(environment, self.folder / "ingest.log")
        self.workers.append(started)
        started.wait_until_it_listens()
        return started


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "influx").mkdir()
    registry = demo_registry(tmp_path)
    write_fleet(registry, tmp_path / "fleet.json")
    with influxd(tmp_path / "influx") as server, mosquitto(tmp_path) as broker:
        url = server.running.clean()
        with closing(open_store(url, token=server.running.token)) as store:
            made = Place(server, broker, registry, tmp_path, url, store)
            yield made
            for one in made.workers:
                one.kill()
    registry.close()


def none_lost_none_doubled(place: Place, published: Published) -> None:
    wait_until_all_is_in(place.store, published)
    assert place.store.count_readings() == dict(published.distinct)


def the_books_are_exact(place: Place, published: Published) -> None:
    sums = books(place.store)
    assert sums["received"] == sums["stored"] + sums["duplicate"] + sums["dead_lettered"]
    assert sums["stored"] == sum(published.distinct.values())


def now_and_then(seed: int) -> Callable[[Asked], Trouble | None]:
    """One request in eight meets trouble, each kind as often as another."""
    rng = Random(seed)

    def trouble(_: Asked) -> Trouble | None:
        return rng.choice(list(Trouble)) if rng.random() < 1 / 8 else None

    return trouble


def test_a_busy_server_and_broken_connections_lose_nothing_and_double_nothing(
    place: Place,
) -> None:
    running = place.server.running
    token = running.tokens(place.url)["ingest"]
    with proxy(running.http) as (address, log):
        through = place.url.replace(urlsplit(place.url).netloc, address)
        ingest = place.ingest(through, token)
        log.trouble = now_and_then(5)
        fleet = start_fleet(place.broker, place.folder, DAYS)
        assert fleet.wait(400) == 0
        published = published_of(place.folder / "ledger.json")
        none_lost_none_doubled(place, published)
        log.trouble = lambda _: None
        assert ingest.drain() == 0
    the_books_are_exact(place, published)
    assert log.happened() == set(Trouble)
    writes = [one for one in log.asked if one.is_write]
    assert all(one.headers["Content-Encoding"] == "gzip" for one in writes)
    assert sum(len(one.lines()) for one in writes) > sum(published.distinct.values())
    it_waited_as_told(log.asked, log.retry_after_s)


def it_waited_as_told(asked: list[Asked], seconds: float) -> None:
    """After each busy answer nothing was asked for so long."""
    for busy in asked:
        if busy.trouble in (Trouble.BUSY, Trouble.AWAY):
            after = [one.at for one in asked if one.at > busy.over]
            assert not after or min(after) - busy.over > seconds - 0.05, busy.path


def test_a_server_that_is_killed_under_load_loses_nothing(place: Place) -> None:
    running = place.server.running
    ingest = place.ingest(place.url, running.tokens(place.url)["ingest"])
    fleet = start_fleet(place.broker, place.folder, DAYS)
    for _ in range(3):
        wait_for_progress(place.store, fleet)
        place.server.kill()
        time.sleep(1)  # ingest meets a server that is not there
        place.server.start()
    assert fleet.wait(400) == 0
    published = published_of(place.folder / "ledger.json")
    none_lost_none_doubled(place, published)
    assert ingest.drain() == 0
    assert b"store unavailable, waiting" in (place.folder / "ingest.log").read_bytes()
    the_books_are_exact(place, published)


def test_a_line_of_the_wrong_type_is_a_dead_letter_alone(place: Place) -> None:
    running = place.server.running
    now = datetime.now(UTC)
    no2_becomes_an_integer(running, place.url, now)
    ingest = place.ingest(place.url, running.tokens(place.url)["ingest"])
    readings = [
        {"ts": (now - timedelta(minutes=n)).isoformat(), "values": {key: 20.0 + n}}
        for n, key in enumerate(["pm25", "no2", "pm25"], start=1)
    ]
    with sender(place.broker) as client:
        topic = "onenet/v1/air/air-lianhua-1/data/json"
        client.publish(topic, json.dumps(readings), qos=1).wait_for_publish(10)
        end = time.monotonic() + 60
        while not (letters := place.registry.dead_letters()):
            assert time.monotonic() < end, (place.folder / "ingest.log").read_text()[-2000:]
            time.sleep(0.1)
    assert ingest.drain() == 0
    (letter,) = letters
    assert (letter.code, letter.field, letter.readings) == ("store_refused", "[1]", 1)
    assert "a field of another type" in letter.reason_en
    assert "存储拒绝该读数" in letter.reason_zh
    assert json.loads(letter.raw) == readings
    log = (place.folder / "ingest.log").read_text("utf-8")
    assert "field type conflict" in log, "in InfluxDB's words"
    assert place.store.count_readings() == {"air-lianhua-1": 2}
    assert books(place.store) == {"received": 3, "stored": 2, "duplicate": 0, "dead_lettered": 1}


def no2_becomes_an_integer(running: RunningInflux, url: str, at: datetime) -> None:
    answer = httpx.post(
        f"{running.http}/api/v2/write",
        params={"org": ORG, "bucket": InfluxAddress.parse(url).bucket("observations")},
        headers={"Authorization": f"Token {running.token}"},
        content=f"air,sensor=someone-else no2=1i {to_ms(at) * 1_000_000}",
    )
    answer.raise_for_status()


@contextmanager
def sender(broker: RunningBroker) -> Iterator[mqtt.Client]:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()
