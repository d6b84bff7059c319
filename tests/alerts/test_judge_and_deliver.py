"""Judging against a real store and registry, and delivery to a real HTTP server and broker."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from alerts import (
    Judged,
    MqttChannel,
    WebhookChannel,
    alert_events,
    alerts,
    deliver,
    judge,
    load_rules,
    open_alerts,
)
from alerts.outbox import CLAIM, LONGEST_WAIT, wait_after
from registry import Registry, migrate, open_registry, seed_demo_city
from schemas import CITY_TIME, FlaggedReading, ParameterKey, SensorId, to_ms
from schemas.alerts import AlertState
from storage import Store, open_store
from tests.parts import need

NIGHT = datetime(2026, 11, 24, 23, tzinfo=CITY_TIME).astimezone(UTC)
RULES = [rule for rule in load_rules() if rule.id == "noise-quarter-early"]
ROAD = SensorId("noise-dongmen-1")  # zone 4a: 55 dB(A) at night, 20 min, back by 2 dB


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    url = f"sqlite:///{tmp_path}/registry.db"
    migrate(url)
    opened = open_registry(url)
    seed_demo_city(opened)
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/observations.db")
    yield opened
    opened.close()


def measure(store: Store, level: float, minutes: range, quality: int = 1) -> None:
    key = ParameterKey("laeq")
    store.write(
        [
            FlaggedReading(
                ROAD,
                to_ms(NIGHT + timedelta(minutes=minute)),
                {key: level},
                {} if quality == 1 else {key: quality},
            )
            for minute in minutes
        ]
    )


def judged(minute: int, store: Store, registry: Registry, *channels: str) -> tuple[int, int, int]:
    at = NIGHT + timedelta(minutes=minute)
    done: Judged = judge(at, rules=RULES, store=store, registry=registry, channels=channels)
    return done.opened, done.updated, done.closed


def test_an_alert_opens_once_updates_and_closes(store: Store, registry: Registry) -> None:
    measure(store, 50, range(20))
    assert judged(20, store, registry) == (0, 0, 0)
    measure(store, 60, range(20, 40))
    assert judged(39, store, registry) == (0, 0, 0), "the second window has not ended"
    assert judged(40, store, registry) == (1, 0, 0)
    assert judged(40, store, registry) == (0, 0, 0), "judging again changes nothing"
    measure(store, 66, range(40, 50))
    assert judged(50, store, registry) == (0, 1, 0)
    measure(store, 54, range(50, 60))
    assert judged(60, store, registry) == (0, 1, 0), "not back by the hysteresis yet"
    measure(store, 50, range(60, 70))
    assert judged(70, store, registry) == (0, 1, 1)
    assert judged(71, store, registry) == (0, 0, 0)
    (alert,) = alerts(registry)
    assert alert.state is AlertState.CLOSED
    assert (alert.started, alert.ended) == (
        NIGHT + timedelta(minutes=20),
        NIGHT + timedelta(minutes=60),
    )
    assert (alert.peak, alert.last, alert.limit) == (66.0, 50.0, 55.0)
    assert [e.kind for e in alert_events(registry, alert.id)] == ["opened", "updated", "closed"]


def test_a_long_breach_stays_one_alert(store: Store, registry: Registry) -> None:
    measure(store, 60, range(7 * 60))
    for minute in range(30, 7 * 60, 45):
        judged(minute, store, registry)
    assert len(alerts(registry)) == 1
    assert open_alerts(registry)[0].started == NIGHT


def test_suspect_values_never_open_an_alert_and_silence_never_closes_one(
    store: Store, registry: Registry
) -> None:
    measure(store, 90, range(40), quality=33)
    assert judged(40, store, registry) == (0, 0, 0)
    measure(store, 60, range(40, 60))
    assert judged(60, store, registry) == (1, 0, 0)
    assert judged(900, store, registry) == (0, 0, 0)
    assert len(open_alerts(registry)) == 1


def test_evaluators_at_the_same_time_open_one_alert(store: Store, registry: Registry) -> None:
    measure(store, 60, range(20))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: judged(20, store, registry), range(4)))
    assert sum(opened for opened, _, _ in results) == 1
    assert len(alerts(registry)) == 1


def test_sensors_under_maintenance_are_not_judged(store: Store, registry: Registry) -> None:
    sensor = registry.sensors()[ROAD]
    registry.add(sensors=[sensor.model_copy(update={"state": "maintenance"})])
    measure(store, 90, range(40))
    assert judged(40, store, registry) == (0, 0, 0)


class Receiver:
    """A real HTTP server that keeps what it is sent, and fails when told to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict]] = []
        self.failing = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not outer.failing:
                    outer.got.append((self.headers["Idempotency-Key"], body))
                self.send_response(503 if outer.failing else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/alerts"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_every_event_reaches_the_webhook_once_it_is_back(
    store: Store, registry: Registry, receiver: Receiver
) -> None:
    channel = WebhookChannel(receiver.url)
    measure(store, 60, range(20))
    judged(20, store, registry, "webhook")
    receiver.failing = True
    now = NIGHT + timedelta(minutes=20)
    failed = deliver(now, registry=registry, channels=[channel])
    assert (failed.sent, failed.failed) == (0, 1)
    assert deliver(now, registry=registry, channels=[channel]).failed == 0, "not due yet"
    receiver.failing = False
    now += wait_after(1)
    assert deliver(now, registry=registry, channels=[channel]).sent == 1
    assert deliver(now + CLAIM, registry=registry, channels=[channel]).sent == 0
    ((key, content),) = receiver.got
    assert key.startswith("alert-")
    assert content["event"] == "opened"
    assert "罗湖区" in content["text_zh"]
    assert "60 dB(A) > 55 dB(A)" in content["text_en"]
    assert content["source"].startswith("early warning at the limits of GB 3096-2008")
    assert content["started"] == "2026-11-24T23:00:00+08:00"


def test_a_deliverer_killed_after_sending_sends_again_with_the_same_key(
    store: Store, registry: Registry, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(store, 60, range(20))
    judged(20, store, registry, "webhook")
    now = NIGHT + timedelta(minutes=20)
    with monkeypatch.context() as patch:

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("alerts.outbox._mark", die)
        with pytest.raises(KeyboardInterrupt):
            deliver(now, registry=registry, channels=[WebhookChannel(receiver.url)])
    again = deliver(now + CLAIM, registry=registry, channels=[WebhookChannel(receiver.url)])
    assert again.sent == 1
    assert len(receiver.got) == 2
    assert len({key for key, _ in receiver.got}) == 1


def test_two_deliverers_at_once_send_once(
    store: Store, registry: Registry, receiver: Receiver
) -> None:
    measure(store, 60, range(20))
    judged(20, store, registry, "webhook")
    now = NIGHT + timedelta(minutes=20)
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda _: deliver(now, registry=registry, channels=[WebhookChannel(receiver.url)]),
                range(4),
            )
        )
    assert len(receiver.got) == 1


def test_waiting_grows_to_a_quarter_of_an_hour() -> None:
    waits = [wait_after(attempts) for attempts in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


@pytest.mark.mosquitto
def test_an_alert_is_published_on_its_topic(
    store: Store, registry: Registry, tmp_path: Path
) -> None:
    mosquitto = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    need("mosquitto", Path(mosquitto).exists())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", "utf-8")
    broker = subprocess.Popen([mosquitto, "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        seen: list[mqtt.MQTTMessage] = []
        ready = threading.Event()
        listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        listener.on_message = lambda _c, _d, message: seen.append(message)
        listener.on_connect = lambda c, *_: c.subscribe("onenet/v1/alerts/#", 1)
        listener.on_subscribe = lambda *_: ready.set()
        for _ in range(100):
            try:
                listener.connect("127.0.0.1", port)
                break
            except OSError:
                time.sleep(0.05)
        listener.loop_start()
        assert ready.wait(5)
        measure(store, 60, range(20))
        judged(20, store, registry, "mqtt")
        now = NIGHT + timedelta(minutes=20)
        channel = MqttChannel("127.0.0.1", port)
        assert deliver(now, registry=registry, channels=[channel]).sent == 1
        for _ in range(100):
            if seen:
                break
            time.sleep(0.05)
        assert seen[0].topic == "onenet/v1/alerts/luohu/blue"
        assert json.loads(seen[0].payload)["key"].startswith("alert-")
        listener.disconnect()
        listener.loop_stop()
    finally:
        broker.terminate()
        broker.wait()


def test_a_channel_that_is_away_is_tried_later(store: Store, registry: Registry) -> None:
    measure(store, 60, range(20))
    judged(20, store, registry, "mqtt")
    now = NIGHT + timedelta(minutes=20)
    assert deliver(now, registry=registry, channels=[MqttChannel("127.0.0.1", 9)]).failed == 1
    assert deliver(now, registry=registry, channels=[]).failed == 0
