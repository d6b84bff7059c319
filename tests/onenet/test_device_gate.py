"""The embedded broker lets sensors in by the registry's credentials, under the same rules."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from onenet.broker import Account, EmbeddedBroker, SteadyFilters
from onenet.gate import RegistryGate
from registry import Registry
from registry.accounts import RegistryIsTheList
from registry.contacts import contact
from registry.credentials import Issued, issue, resume, revoke, suspend
from registry.devices import retire
from schemas import SystemClock
from tests.brokers import DATA, free_port

A, B = "noise-dongmen-1", "air-lianhua-1"
LIST = RegistryIsTheList()


@pytest.fixture
def broker(registry: Registry) -> Iterator[EmbeddedBroker]:
    services = {
        "ingest": Account("secret-in", subscribe=(DATA,)),
        "operator": Account("secret-out", publish=(DATA,)),
    }
    running = EmbeddedBroker(
        free_port(), services, RegistryGate(registry, SystemClock(), notes=True)
    )
    running.start()
    yield running
    running.stop()


def now() -> datetime:
    return datetime.now(UTC)


def give(registry: Registry, sensor: str, **more: Any) -> Issued:
    return issue(registry, LIST, [sensor], by="tester", at=now(), **more)[0]


class Device:
    """A client that remembers whether it was let in, what it heard, and whether it was cut off."""

    def __init__(
        self,
        broker: EmbeddedBroker,
        username: str,
        password: str,
        *,
        client_id: str = "",
        clean: bool = True,
        will: str = "",
    ) -> None:
        self.heard: list[str] = []
        self.granted: list[bool] = []
        self.refused: bool | None = None
        self.cut_off = threading.Event()
        self.mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=client_id or f"test-{username}",
            protocol=mqtt.MQTTv311,
            clean_session=clean,
            reconnect_on_failure=False,
        )
        if username:
            self.mqtt.username_pw_set(username, password)
        if will:
            self.mqtt.will_set(will, b"{}", 1)
        self.mqtt.on_connect = lambda _c, _d, _f, reason, _p: setattr(
            self, "refused", reason.is_failure
        )
        self.mqtt.on_disconnect = lambda *_: self.cut_off.set()
        self.mqtt.on_subscribe = lambda _c, _d, _m, reasons, _p: self.granted.append(
            not reasons[0].is_failure
        )
        self.mqtt.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self.mqtt.connect("127.0.0.1", broker.port)
        self.mqtt.loop_start()
        assert eventually(lambda: self.refused is not None)

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()

    def subscribe(self, topic: str) -> bool:
        seen = len(self.granted)
        self.mqtt.subscribe(topic, 1)
        assert eventually(lambda: len(self.granted) > seen)
        return self.granted[-1]

    def publish(self, topic: str) -> None:
        self.mqtt.publish(topic, b"{}", 1).wait_for_publish(5)

    def vanish(self) -> None:
        self.mqtt.loop_stop()
        self.mqtt.socket().close()


def eventually(condition: Callable[[], bool], seconds: float = 6) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    return condition()


def as_device(broker: EmbeddedBroker, issued: Issued, **more: Any) -> Device:
    return Device(broker, issued.username, issued.password, **more)


def test_a_sensor_speaks_and_hears_under_its_own_name_only(
    broker: EmbeddedBroker, registry: Registry
) -> None:
    a = give(registry, A)
    own = f"onenet/v1/noise/{A}"
    with (
        Device(broker, "ingest", "secret-in") as reader,
        Device(broker, "operator", "secret-out") as operator,
        as_device(broker, a) as one,
    ):
        assert reader.subscribe(DATA)
        for topic in ("#", DATA, f"onenet/v1/air/{B}/cmd/json", f"{own}/data/json", "$SYS/#"):
            assert not one.subscribe(topic), topic
        assert one.subscribe(f"{own}/cmd/json")
        for topic in (
            f"onenet/v1/air/{B}/data/json",
            f"{own}/cmd/json",
            f"onenet/v1/air/{A}/data/x",
        ):
            one.publish(topic)
        one.publish(f"{own}/data/json")
        assert eventually(lambda: bool(reader.heard))
        assert reader.heard == [f"{own}/data/json"]
        operator.publish(f"onenet/v1/air/{B}/cmd/json")
        operator.publish(f"{own}/cmd/json")
        assert eventually(lambda: bool(one.heard))
        assert one.heard == [f"{own}/cmd/json"]


def test_nobody_else_gets_in(broker: EmbeddedBroker, registry: Registry) -> None:
    issued = give(registry, A)
    for name, password in (("", ""), (A, ""), (A, "guess"), (B, issued.password), ("x" * 300, "y")):
        with Device(broker, name, password) as stranger:
            assert stranger.refused, name


def test_who_is_turned_away_is_noted_with_the_reason(
    broker: EmbeddedBroker, registry: Registry
) -> None:
    issued = give(registry, A)
    give(registry, B)

    def denied_why(sensor: str) -> str:
        known = contact(registry, sensor)
        return known.denied_why if known and known.denied else ""

    with Device(broker, A, "guess"), Device(broker, "nobody", "guess"), Device(broker, "", ""):
        assert denied_why(A) == "password"
        assert denied_why(B) == ""
    suspend(registry, LIST, A, by="tester", at=now(), why="floods")
    with as_device(broker, issued) as one:
        assert one.refused
        assert denied_why(A) == "account"


def test_revocation_cuts_the_live_connection_and_refuses_the_next(
    broker: EmbeddedBroker, registry: Registry
) -> None:
    a, b = give(registry, A), give(registry, B)
    with as_device(broker, a) as one, as_device(broker, b) as other:
        revoke(registry, LIST, A, by="tester", at=now(), why="stolen")
        assert one.cut_off.wait(5)
        assert not other.cut_off.is_set()
    with as_device(broker, a) as again:
        assert again.refused


def test_quarantine_retirement_and_the_end_of_an_overlap_cut_off_too(
    broker: EmbeddedBroker, registry: Registry
) -> None:
    a = give(registry, A)
    with as_device(broker, a) as one:
        suspend(registry, LIST, A, by="tester", at=now(), why="floods")
        assert one.cut_off.wait(5)
    resume(registry, LIST, A, by="tester", at=now())
    with as_device(broker, a) as one:
        assert not one.refused
        new = give(registry, A, overlap=timedelta(seconds=2))
        with as_device(broker, new) as other:
            assert not one.cut_off.is_set()
            assert one.cut_off.wait(6)
            assert not other.cut_off.is_set()
            retire(registry, A, by="tester", at=now(), why="worn out")
            assert other.cut_off.wait(5)


@pytest.mark.parametrize("right", [True, False])
def test_a_device_cannot_take_over_the_session_of_ingest(
    broker: EmbeddedBroker, registry: Registry, right: bool
) -> None:
    """Neither with credentials nor without: amqtt looks at the client id before the password."""
    issued = give(registry, A)
    with Device(broker, "ingest", "secret-in", client_id="onenet-ingest-1", clean=False) as ingest:
        ingest.subscribe(DATA)
        password = issued.password if right else "guess"
        for clean in (True, False):
            with Device(broker, A, password, client_id="onenet-ingest-1", clean=clean) as one:
                assert one.refused == (not right)
        with as_device(broker, issued) as one:
            one.publish(issued.topic)
            assert eventually(lambda: issued.topic in ingest.heard)


def test_a_will_is_a_message_like_any_other(broker: EmbeddedBroker, registry: Registry) -> None:
    issued = give(registry, A)
    own = f"onenet/v1/noise/{A}/status/json"
    with Device(broker, "ingest", "secret-in") as reader:
        reader.subscribe(DATA)
        for topic in (f"onenet/v1/air/{B}/status/json", own):
            as_device(broker, issued, will=topic).vanish()
        assert eventually(lambda: bool(reader.heard))
        assert reader.heard == [own]


def test_subscriptions_may_change_while_a_message_is_passed_on() -> None:
    """amqtt awaits between one filter and the next; a plain dict would end the loop there."""
    filters = SteadyFilters({"a": [], "b": []})
    for name, sessions in filters.items():
        filters[f"new-{name}"] = []
        sessions.clear()
    for name in filters:
        del filters[name]
    assert filters == {}
