"""Readings through MQTT: to the store, and to a subscriber that throws them away.

`python -m bench.mqtt [--broker mosquitto|embedded] [--batch N --readings N]`; without a batch size
three are measured: single readings, as a device sends them live, and history in messages of ten and
of a hundred. Both ways have the same publisher, the same broker program and the same messages, made
beforehand; publisher, subscriber and an embedded broker live in this process, ingest is a process
of its own. "Stored" is when the account in the file holds every reading, the up to half a second
included that a last batch waits to be filled. The figure that matters is the ratio of the two
times: at 1, to decode, validate, judge and durably store would cost nothing on top of the broker's
own work. It moves with what else the machine does: take several, and compare pairs.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt

from onenet.stack import write_fleet
from registry import migrate, open_registry, seed_demo_city
from schemas import Interval
from schemas.clock import HOUR
from simulators.faults import Script
from simulators.fleet import load_fleet
from simulators.ledger import Ledger, Outgoing
from simulators.messages import History
from simulators.publisher import Address, Publisher
from simulators.weather import Weather
from storage import Store, open_store
from tests.brokers import DATA, RunningBroker, embedded, free_port, mosquitto

MOST_READINGS = 500_000
READINGS = {1: 20_000, 10: 150_000, 100: MOST_READINGS}  # by readings a message


@contextmanager
def broker_named(name: str, folder: Path) -> Iterator[RunningBroker]:
    if name == "mosquitto":
        with mosquitto(folder) as running:
            yield running
    else:
        with embedded() as running:
            yield running


def made(home: Path, readings: int, batch: int) -> list[Outgoing]:
    """A month of the demo city, cut to so many readings."""
    now = time.time()
    history = History(
        load_fleet(home / "fleet.json"),
        weather=Weather(1),
        script=Script([], now),
        ledger=Ledger(None),
        start_s=now - 30 * 86_400,
        end_s=now,
        batch=batch,
    )
    messages, total = [], 0
    for message in history:
        messages.append(message)
        total += message.distinct
        if total >= readings:
            break
    return messages


def publish(running: RunningBroker, messages: list[Outgoing]) -> None:
    address = Address(
        "127.0.0.1", running.port, running.username, running.password, mqtt_version=running.version
    )
    with Publisher(address, Ledger(None), "bench") as publisher:
        for message in messages:
            publisher.publish(message)
        if publisher.drain(60):
            raise SystemExit("the broker did not take everything")


def to_nobody(name: str, messages: list[Outgoing]) -> float:
    """Seconds until a subscriber that throws everything away has seen it all."""
    with tempfile.TemporaryDirectory() as folder, broker_named(name, Path(folder)) as running:
        seen, ready, done = [0], threading.Event(), threading.Event()
        version = mqtt.MQTTv5 if running.version == 5 else mqtt.MQTTv311
        nobody = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "nobody", protocol=version)
        if running.username:
            nobody.username_pw_set(running.username, running.password)

        def count(*_: object) -> None:
            seen[0] += 1
            if seen[0] >= len(messages):
                done.set()

        nobody.on_message = count
        nobody.on_connect = lambda c, *_: c.subscribe(DATA, 1)
        nobody.on_subscribe = lambda *_: ready.set()
        nobody.connect("127.0.0.1", running.port)
        nobody.loop_start()
        ready.wait(10)
        begun = time.perf_counter()
        publish(running, messages)
        if not done.wait(300):
            raise SystemExit(f"only {seen[0]} of {len(messages)} messages arrived")
        spent = time.perf_counter() - begun
        nobody.disconnect()
        nobody.loop_stop()
        return spent


def to_store(name: str, messages: list[Outgoing], total: int) -> float:
    """Seconds until the store holds every reading, through the real ingest process."""
    with tempfile.TemporaryDirectory() as folder, broker_named(name, Path(folder)) as running:
        home = Path(folder)
        registry_url, store_url = f"sqlite:///{home}/r.db", f"sqlite:///{home}/o.db"
        migrate(registry_url)
        registry = open_registry(registry_url)
        seed_demo_city(registry)
        store = open_store(store_url)
        port = free_port()
        environment = {
            **os.environ,
            **running.environment,
            "ONENET_STORE_URL": store_url,
            "ONENET_REGISTRY_URL": registry_url,
            "ONENET_INGEST_PORT": str(port),
        }
        log = (home / "ingest.log").open("wb")
        ingest = subprocess.Popen(
            [sys.executable, "-m", "onenet", "ingest"], env=environment, stderr=log, stdout=log
        )
        try:
            wait_until_subscribed(port)
            begun = time.perf_counter()
            publish(running, messages)
            while stored_readings(store) < total:
                time.sleep(0.05)
            spent = time.perf_counter() - begun
            if sum(store.count_readings().values()) != total:
                raise SystemExit("the account and the stored readings differ")
            return spent
        finally:
            ingest.send_signal(signal.SIGTERM)
            ingest.wait(60)
            store.close()


def stored_readings(store: Store) -> int:
    """Readings stored, by the account: a few rows, where counting would compete with ingest."""
    now = datetime.now(UTC)
    return int(store.account(Interval(now - timedelta(days=1), now + HOUR))["stored"].sum())


def wait_until_subscribed(port: int) -> None:
    import httpx

    for _ in range(300):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).json()["subscribed"]:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("ingest did not start")


def measure(broker: str, home: Path, batch: int, readings: int) -> None:
    messages = made(home, readings, batch)
    total = sum(message.distinct for message in messages)
    print(f"\n{total:,} readings in {len(messages):,} messages of {batch}")
    nobody = to_nobody(broker, messages)
    print(f"  thrown away: {nobody:6.2f} s  {total / nobody:10,.0f} readings/s")
    stored = to_store(broker, messages, total)
    print(f"  stored:      {stored:6.2f} s  {total / stored:10,.0f} readings/s")
    print(f"  ratio:       {nobody / stored:6.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", choices=["mosquitto", "embedded"], default="mosquitto")
    parser.add_argument("--batch", type=int, help="readings a message; 1, 10 and 100 by default")
    parser.add_argument("--readings", type=int, help="by default so many as take some seconds")
    options = parser.parse_args()
    sizes = [options.batch] if options.batch else sorted(READINGS)
    print(f"broker: {options.broker}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        migrate(f"sqlite:///{home}/r.db")
        registry = open_registry(f"sqlite:///{home}/r.db")
        seed_demo_city(registry)
        write_fleet(registry, home / "fleet.json")
        for batch in sizes:
            readings = options.readings or READINGS.get(batch, MOST_READINGS)
            measure(options.broker, home, batch, readings)


if __name__ == "__main__":
    main()
