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
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from alerts import MqttChannel, WebhookChannel, deliver
from alerts.outbox import CLAIM, LONGEST_WAIT, wait_after
from tests.alerts.conftest import Hands, shipped
from tests.alerts.receivers import here
from tests.parts import need

EARLY = shipped("noise-early")


def loud(hands: Hands, *broadcast: str) -> datetime:
    """An alert is raised; returns when."""
    hands.measure(60, range(20))
    hands.judge(20, EARLY, broadcast=broadcast)
    return hands.at(20)


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


def test_every_event_reaches_the_webhook_once_it_is_back(hands: Hands, receiver: Receiver) -> None:
    channel = WebhookChannel(here(receiver.url))
    now = loud(hands, "webhook")
    receiver.failing = True
    failed = deliver(now, registry=hands.registry, channels=[channel])
    assert (failed.sent, failed.failed) == (0, 1)
    assert deliver(now, registry=hands.registry, channels=[channel]).failed == 0, "not due yet"
    receiver.failing = False
    now += wait_after(1)  # by then the channel's own pause is over, too
    assert deliver(now, registry=hands.registry, channels=[channel]).sent == 1
    assert deliver(now + CLAIM, registry=hands.registry, channels=[channel]).sent == 0
    ((key, content),) = receiver.got
    assert key.startswith("alert-")
    assert content["event"] == "open"
    assert "罗湖区" in content["text_zh"]
    assert "60 > 55 dB(A)" in content["text_en"]
    assert content["basis"].startswith("GB 3096-2008")
    assert content["started"] == "2026-11-24T23:00:00+08:00"


def test_a_deliverer_killed_after_sending_sends_again_with_the_same_key(
    hands: Hands, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = loud(hands, "webhook")
    with monkeypatch.context() as patch:

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("alerts.outbox._mark", die)
        with pytest.raises(KeyboardInterrupt):
            deliver(now, registry=hands.registry, channels=[WebhookChannel(here(receiver.url))])
    channels = [WebhookChannel(here(receiver.url))]
    again = deliver(now + CLAIM, registry=hands.registry, channels=channels)
    assert again.sent == 1
    assert len(receiver.got) == 2
    assert len({key for key, _ in receiver.got}) == 1


def test_two_deliverers_at_once_send_once(hands: Hands, receiver: Receiver) -> None:
    now = loud(hands, "webhook")
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda _: deliver(
                    now, registry=hands.registry, channels=[WebhookChannel(here(receiver.url))]
                ),
                range(4),
            )
        )
    assert len(receiver.got) == 1


def test_waiting_grows_to_a_quarter_of_an_hour() -> None:
    waits = [wait_after(attempts) for attempts in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


@pytest.mark.mosquitto
def test_an_alert_is_published_on_its_topic(hands: Hands, tmp_path: Path) -> None:
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
        now = loud(hands, "mqtt")
        channel = MqttChannel("127.0.0.1", port)
        assert deliver(now, registry=hands.registry, channels=[channel]).sent == 1
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


def test_a_channel_that_is_away_is_tried_later(hands: Hands) -> None:
    now = loud(hands, "mqtt")
    assert deliver(now, registry=hands.registry, channels=[MqttChannel("127.0.0.1", 9)]).failed == 1
    assert deliver(now, registry=hands.registry, channels=[]).failed == 0
