"""Commands for devices that are away: they wait, are sent when the device is back, or expire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from console import create_app
from console.device_broker import DeviceBroker
from registry import Registry
from registry.accounts import RegistryIsTheList
from registry.commands import answered, order, orders, send_commands
from registry.contacts import Contact, keep
from registry.life import history
from schemas import SensorId
from schemas.people import Role
from schemas.wire import Reply
from tests.city import demo_registry
from tests.console.visiting import client_with, send

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
NAME = SensorId("noise-dongmen-1")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = demo_registry(tmp_path)
    yield opened
    opened.close()


class Wire:
    """What was published; taken as long as the broker is there."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.there = True

    def __call__(self, _topic: str, payload: bytes) -> bool:
        if self.there:
            self.sent.append(json.loads(payload)["kind"])
        return self.there


def tell(registry: Registry, state: str, at: datetime) -> None:
    keep(registry, {NAME: Contact(state=state, state_at=at, heard=at)})


def states(registry: Registry, now: datetime) -> list[str]:
    return [one.state for one in orders(registry, NAME, now)]


def command(registry: Registry, kind: str, at: datetime, life: timedelta = DAY) -> str:
    arguments = {"seconds": 60.0} if kind == "interval" else {}
    return order(registry, NAME, kind, arguments, by="li", at=at, life=life)


def test_it_waits_for_a_device_that_is_offline_and_goes_when_it_is_back(registry: Registry) -> None:
    wire = Wire()
    tell(registry, "offline", NOW)
    number = command(registry, "restart", NOW)
    assert send_commands(registry, wire, NOW + MINUTE) == 0
    assert states(registry, NOW + MINUTE) == ["queued"]
    tell(registry, "online", NOW + 9 * MINUTE)
    assert send_commands(registry, wire, NOW + 9 * MINUTE) == 1
    assert wire.sent == ["restart"]
    answered(registry, [(NAME, Reply(id=number, state="done", ts=0))], NOW + 10 * MINUTE)
    assert states(registry, NOW + 2 * DAY) == ["done"]


def test_a_device_that_does_not_come_back_in_time_is_told_apart_from_one_that_is_silent(
    registry: Registry,
) -> None:
    wire = Wire()
    command(registry, "restart", NOW, life=10 * MINUTE)
    assert send_commands(registry, wire, NOW) == 1, "never heard of: it may well be there"
    tell(registry, "offline", NOW + MINUTE)
    command(registry, "calibrate", NOW + MINUTE, life=10 * MINUTE)
    send_commands(registry, wire, NOW + 2 * MINUTE)
    later = NOW + 11 * MINUTE
    assert states(registry, later) == ["undelivered", "expired"]
    tell(registry, "online", later)
    assert send_commands(registry, wire, later) == 0
    assert wire.sent == ["restart"]
    assert [h.kind for h in history(registry, NAME)][:2] == ["command_expired"] * 2
    assert send_commands(registry, wire, later) == 0
    assert len(history(registry, NAME)) == 4, "told once"


def test_an_answer_that_comes_late_still_counts(registry: Registry) -> None:
    number = command(registry, "restart", NOW, life=MINUTE)
    send_commands(registry, Wire(), NOW)
    send_commands(registry, Wire(), NOW + 2 * MINUTE)
    answered(registry, [(NAME, Reply(id=number, state="done", ts=0))], NOW + 3 * MINUTE)
    assert states(registry, NOW + 3 * MINUTE) == ["done"]


@pytest.mark.parametrize(("kind", "again"), [("interval", 1), ("restart", 0), ("calibrate", 0)])
def test_only_what_is_harmless_twice_is_sent_again_to_who_came_back(
    kind: str, again: int, registry: Registry
) -> None:
    """A restart makes the device come back: sent again, it would restart for ever."""
    wire = Wire()
    tell(registry, "online", NOW - MINUTE)
    command(registry, kind, NOW)
    assert send_commands(registry, wire, NOW) == 1
    assert send_commands(registry, wire, NOW + MINUTE) == 0
    tell(registry, "online", NOW + 2 * MINUTE)
    assert send_commands(registry, wire, NOW + 3 * MINUTE) == again
    assert send_commands(registry, wire, NOW + 4 * MINUTE) == 0


def test_what_the_broker_did_not_take_stays_queued(registry: Registry) -> None:
    wire = Wire()
    wire.there = False
    command(registry, "restart", NOW)
    assert send_commands(registry, wire, NOW) == 0
    assert states(registry, NOW) == ["queued"]
    wire.there = True
    assert send_commands(registry, wire, NOW + MINUTE) == 1


def test_two_that_send_at_once_send_it_once(registry: Registry) -> None:
    sent: list[int] = []

    def while_sending(_topic: str, _payload: bytes) -> bool:
        sent.append(send_commands(registry, lambda *_: sent.append(-1) or True, NOW))
        return True

    command(registry, "restart", NOW)
    assert send_commands(registry, while_sending, NOW) == 1
    assert sent == [0]


def test_a_console_that_serves_sends_what_waits_by_itself(
    registry: Registry, tmp_path: Path
) -> None:
    wire, now = Wire(), datetime.now(UTC)
    broker = DeviceBroker(RegistryIsTheList(), wire, "127.0.0.1", 1883)
    url = f"sqlite:///{tmp_path}/registry.db"
    app = create_app(store_url=f"sqlite:///{tmp_path}/o.db", registry_url=url, broker=broker)
    page = f"/sensors/{NAME}"
    tell(registry, "offline", now)
    technician = client_with(app, Role.TECHNICIAN)
    fields = {"kind": "restart", "valid_min": "1440"}
    assert send(technician, f"{page}/commands", form_of=page, **fields).status_code == 303
    (waiting,) = orders(registry, NAME, now)
    assert timedelta(hours=23) < waiting.expires - now <= timedelta(hours=25)
    assert "等待设备上线" in technician.get(page).text
    with TestClient(app):
        time.sleep(0.1)
        assert wire.sent == []
        tell(registry, "online", datetime.now(UTC))
        end = time.monotonic() + 60
        while not wire.sent and time.monotonic() < end:
            time.sleep(0.05)
    assert wire.sent == ["restart"]
    assert "已发送" in technician.get(page).text
