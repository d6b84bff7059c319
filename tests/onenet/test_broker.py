"""The embedded broker keeps what is not acknowledged, and lets nobody in who has no account."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import paho.mqtt.client as mqtt
import pytest

from onenet.broker import Account, EmbeddedBroker

FILTER = "onenet/v1/+/+/+/+"


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    accounts = {
        "ingest": Account("secret-in", subscribe=(FILTER,)),
        "fleet": Account("secret-out", publish=(FILTER,)),
    }
    broker = EmbeddedBroker(port, accounts)
    broker.start()
    yield broker
    broker.stop()


def client(broker: EmbeddedBroker, name: str, password: str, **options: object) -> mqtt.Client:
    made = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=f"{name}-1", protocol=mqtt.MQTTv311, **options
    )
    made.username_pw_set(name, password)
    return made


def eventually(condition: Callable[[], bool], seconds: float = 8) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


class Listener:
    """A persistent subscriber that acknowledges only when told to."""

    def __init__(self, broker: EmbeddedBroker, *, acknowledge: bool) -> None:
        self.seen: list[bytes] = []
        self.ready = threading.Event()
        self.mqtt = client(broker, "ingest", "secret-in", clean_session=False, manual_ack=True)
        self.mqtt.on_connect = lambda c, *_: c.subscribe(FILTER, 1)
        self.mqtt.on_subscribe = lambda *_: self.ready.set()

        def received(c: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
            self.seen.append(message.payload)
            if acknowledge:
                c.ack(message.mid, message.qos)

        self.mqtt.on_message = received
        self.mqtt.connect("127.0.0.1", broker.port)
        self.mqtt.loop_start()
        assert self.ready.wait(5)

    def vanish(self) -> None:
        """Break the connection as a killed process does."""
        self.mqtt.loop_stop()
        self.mqtt.socket().close()


def publish(broker: EmbeddedBroker, numbers: range) -> None:
    sender = client(broker, "fleet", "secret-out")
    sender.connect("127.0.0.1", broker.port)
    sender.loop_start()
    receipts = [sender.publish("onenet/v1/air/s-001/data/json", b"%d" % n, 1) for n in numbers]
    for receipt in receipts:
        receipt.wait_for_publish(5)
    sender.disconnect()
    sender.loop_stop()


def test_unacknowledged_messages_come_again_and_none_is_lost(broker: EmbeddedBroker) -> None:
    first = Listener(broker, acknowledge=False)
    publish(broker, range(100))
    assert eventually(lambda: len(first.seen) == 100)
    first.vanish()
    publish(broker, range(100, 150))  # while nobody listens
    second = Listener(broker, acknowledge=True)
    publish(broker, range(150, 200))
    assert eventually(lambda: len(set(second.seen)) == 200), len(set(second.seen))
    second.mqtt.disconnect()
    second.mqtt.loop_stop()


def test_a_late_acknowledgement_is_accepted(broker: EmbeddedBroker) -> None:
    listener = Listener(broker, acknowledge=False)
    publish(broker, range(3))
    assert eventually(lambda: len(listener.seen) == 3)
    time.sleep(6)  # longer than amqtt itself would wait
    listener.mqtt.ack(1, 1)
    time.sleep(0.3)
    listener.vanish()
    again = Listener(broker, acknowledge=True)
    assert eventually(lambda: len(again.seen) == 2)
    assert set(again.seen) == {b"1", b"2"}
    again.mqtt.disconnect()
    again.mqtt.loop_stop()


@pytest.mark.parametrize(("name", "password"), [("ingest", "wrong"), ("nobody", ""), ("", "")])
def test_nobody_connects_without_account(broker: EmbeddedBroker, name: str, password: str) -> None:
    codes: list[mqtt.ReasonCode] = []
    stranger = client(broker, name, password)
    stranger.on_connect = lambda _c, _d, _f, reason, _p: codes.append(reason)
    stranger.connect("127.0.0.1", broker.port)
    stranger.loop_start()
    assert eventually(lambda: bool(codes))
    assert codes[0].is_failure
    stranger.disconnect()
    stranger.loop_stop()


def test_a_device_cannot_publish_alerts(broker: EmbeddedBroker) -> None:
    listener = Listener(broker, acknowledge=True)
    sender = client(broker, "fleet", "secret-out")
    sender.connect("127.0.0.1", broker.port)
    sender.loop_start()
    sender.publish("onenet/v1/alerts/futian/red", b"false alarm", 1)
    sender.publish("onenet/v1/air/s-001/data/json", b"true", 1)
    assert eventually(lambda: bool(listener.seen))
    assert listener.seen == [b"true"]
    for each in (sender, listener.mqtt):
        each.disconnect()
        each.loop_stop()
