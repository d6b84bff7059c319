"""Seconds from a reading that is published to the alert in a webhook, under load.

`python -m bench.alerts_latency [--rate 2000] [--seconds 60]`: so many sensors publish one reading a
second each over a real Mosquitto; three of them a second go beyond the limit of a rule of instants.
Ingest with its fast lane and the deliverer are processes of their own, the webhook is a server of
this one. The time is from just before the publish of the reading to the arrival of its message.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles

import paho.mqtt.client as mqtt
import yaml

from alerts import load_rules
from bench.mqtt import wait_until_subscribed
from registry import Registry, migrate, open_registry, seed_demo_city
from schemas import Medium, SensorId
from schemas.registry import Sensor
from tests.brokers import RunningBroker, free_port, mosquitto

RULE: dict[str, object] = {
    "id": "bench-instant",
    "zh": "瞬时噪声",
    "en": "Instant noise",
    "medium": "noise",
    "parameter": "laeq",
    "window": "instant",
    "limit": {"value": 80, "reason": "of this bench alone"},
    "hysteresis": 5,
    "severity": "red",
}
QUIET, LOUD = 50.0, 85.0  # dB(A); less apart than what the spike test suspects
BREACHES_A_SECOND = 3


class Webhook:
    """Keeps when the first message of a rule about each sensor came."""

    def __init__(self, rule: str) -> None:
        self.seen: dict[str, float] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                arrived = time.monotonic()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if body["rule"] == rule:
                    outer.seen.setdefault(body["sensor"], arrived)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def fleet(registry: Registry, count: int, cadence_s: int) -> list[str]:
    """So many noise sensors at the demo city's noise stations."""
    stations = [s for s in registry.stations().values() if s.medium == Medium.NOISE]
    names = [f"bench-{number:05d}" for number in range(count)]
    registry.add(
        sensors=[
            Sensor(
                id=SensorId(name),
                station=stations[number % len(stations)].id,
                medium=Medium.NOISE,
                model="NM-S1",
                serial=f"B{number:05d}",
                parameters=("laeq",),  # type: ignore[arg-type]
                cadence_s=cadence_s,
            )
            for number, name in enumerate(names)
        ]
    )
    return names


def publish(
    running: RunningBroker, names: list[str], seconds: int, rng: random.Random
) -> dict[str, float]:
    """Each second a reading of each sensor, evenly over the second; returns when breaches left."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "bench", protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(5000)
    client.connect("127.0.0.1", running.port)
    client.loop_start()
    left: dict[str, float] = {}
    begun = time.monotonic()
    for second in range(seconds):
        fresh = [name for name in names if name not in left]
        loud = set(rng.sample(fresh, BREACHES_A_SECOND)) if second >= 3 else set()
        for number, name in enumerate(names):
            due = begun + second + number / len(names)
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            level = LOUD if name in loud or name in left else QUIET
            payload = json.dumps({"ts": int(time.time() * 1000), "values": {"laeq": level}})
            if name in loud:
                left[name] = time.monotonic()
            client.publish(f"onenet/v1/noise/{name}/data/json", payload, qos=1)
    late = time.monotonic() - begun - seconds
    print(f"published {seconds * len(names):,} readings, at the end {late:.1f} s behind")
    client.disconnect()
    client.loop_stop()
    return left


@dataclass(frozen=True)
class City:
    """The demo city with its alerts going: broker, ingest, deliverer, a webhook that is ours."""

    broker: RunningBroker
    home: Path
    hook: Webhook
    names: list[str]
    environment: dict[str, str]

    def log(self) -> str:
        return (self.home / "log").read_text("utf-8")[-3000:]


@contextmanager
def city(rule: dict[str, object], sensors: int, *, cadence_s: int = 1) -> Iterator[City]:
    """So many noise sensors under one rule beside the shipped ones; ingest listens already."""
    with tempfile.TemporaryDirectory() as folder, mosquitto(Path(folder)) as broker:
        home, hook = Path(folder), Webhook(str(rule["id"]))
        url = f"sqlite:///{home}/r.db"
        migrate(url)
        registry = open_registry(url)
        seed_demo_city(registry)
        names = fleet(registry, sensors, cadence_s)
        registry.close()
        rules = home / "rules"
        rules.mkdir()
        shipped = [each.model_dump(mode="json") for each in load_rules()]
        (rules / "all.yaml").write_text(yaml.safe_dump([*shipped, rule]), "utf-8")
        port = free_port()
        environment = {
            **os.environ,
            **broker.environment,
            "ONENET_MQTT_HOST": "127.0.0.1",
            "ONENET_STORE_URL": f"sqlite:///{home}/o.db",
            "ONENET_REGISTRY_URL": url,
            "ONENET_INGEST_PORT": str(port),
            "ONENET_WEBHOOK_URL": hook.url,
            "ONENET_PRIVATE_RECEIVERS": "127.0.0.1",
            "ONENET_RULES": str(rules),
        }
        us = [sys.executable, "-m", "onenet"]
        log = (home / "log").open("wb")
        started = [
            subprocess.Popen([*us, *command], env=environment, stderr=log, stdout=log)
            for command in (["ingest"], ["alerts", "deliver"])
        ]
        try:
            wait_until_subscribed(port)
            time.sleep(3)
            yield City(broker, home, hook, names, environment)
        finally:
            for child in reversed(started):
                child.send_signal(signal.SIGTERM)
            for child in started:
                child.wait(60)
            hook.server.shutdown()


def report(title: str, city: City, left: dict[str, float], patience_s: float) -> None:
    """Wait for what is still to come, and print how long each took."""
    end = time.monotonic() + patience_s
    while len(city.hook.seen) < len(left) and time.monotonic() < end:
        time.sleep(0.1)
    spent = sorted(arrived - left[name] for name, arrived in city.hook.seen.items())
    if not spent:
        raise SystemExit(city.log())
    last = quantiles(spent, n=100, method="inclusive")[-1]
    print(
        f"{title}: {len(left)} breaches, {len(spent)} delivered; seconds: median "
        f"{median(spent):.2f}, p99 {last:.2f}, longest {spent[-1]:.2f}"
    )


def measure(rate: int, seconds: int) -> None:
    with city(RULE, rate) as running:
        left = publish(running.broker, running.names, seconds, random.Random(1))  # noqa: S311
        report(f"{rate} readings/s", running, left, 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    measure(options.rate, options.seconds)


if __name__ == "__main__":
    main()
