"""1 000 alerts while every channel fails for ten minutes, and the deliverer is killed twice."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from alerts import Router
from alerts.message import message
from alerts.record import note
from registry import migrate, open_registry, seed_demo_city
from registry.models import AlertRow, OutboxItemRow
from schemas.alerts import AlertState
from tests.alerts.conftest import NOON, shipped
from tests.alerts.receivers import HttpReceiver, listening, mail_server, mosquitto
from tests.brokers import free_port
from tests.chaos.deliverer import Hasty

ALERTS = 1000
OUTAGE = timedelta(minutes=10)
SPEED = 40.0
BROADCAST = ("webhook", "mqtt", "email:duty@example.org")


def raise_alerts(url: str) -> None:
    """A thousand red alerts, each with its event and its messages, as rules would raise them."""
    registry = open_registry(url)
    rule, router = shipped("noise-hour"), Router(BROADCAST)
    sensor = registry.sensors()["noise-dongmen-1"]
    place = registry.stations()[sensor.station]
    district = registry.places()[place.district]
    for first in range(0, ALERTS, 100):
        with registry.session.begin() as session:
            for n in range(first, first + 100):
                began = NOON - timedelta(hours=n + 2)
                row = AlertRow(
                    rule=rule.id, rule_hash="", kind=rule.kind, subject=sensor.id,
                    sensor=sensor.id, station=place.id, district=district.id,
                    subdistrict=place.subdistrict, medium=rule.medium, parameter=rule.parameter,
                    severity="red", state=AlertState.OPEN, route=rule.route, started=began,
                    ended=began + timedelta(minutes=30), limit_value=70, basis="test", peak=88,
                    peak_at=began, excess=18, last=80, opened=NOON, certain=NOON,
                    at_level="subdistrict", level_since=NOON, late=False, findings="",
                )  # fmt: skip
                session.add(row)
                session.flush()
                told = message("open", row, rule, place, district)
                note(
                    session, row, "open", None, at=NOON, who="test", content=told, router=router
                )  # fmt: skip
    registry.close()


def undelivered(url: str) -> int:
    registry = open_registry(url)
    query = select(func.count()).where(OutboxItemRow.delivered.is_(None))
    with registry.session() as session:
        found = session.scalar(query) or 0
    registry.close()
    return found


@pytest.mark.chaos
@pytest.mark.mosquitto
def test_nothing_is_lost_when_everything_is_away_and_the_deliverer_is_killed(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    migrate(url)
    registry = open_registry(url)
    seed_demo_city(registry)
    registry.close()
    raise_alerts(url)

    clock = Hasty(time.time(), NOON.timestamp(), SPEED)
    recovered = threading.Event()
    broker_port = free_port()
    receiver = HttpReceiver()
    process: subprocess.Popen[bytes] | None = None

    with ExitStack() as stack:
        box, smtp_port = stack.enter_context(mail_server())
        stack.callback(receiver.close)
        receiver.failing = box.failing = lambda: not recovered.is_set()
        webhook_port = receiver.server.server_address[1]
        command = [sys.executable, "-m", "tests.chaos.deliverer", url]
        command += [str(clock._real), str(NOON.timestamp()), str(SPEED)]
        command += [str(webhook_port), str(smtp_port), str(broker_port)]

        def start() -> subprocess.Popen[bytes]:
            log = stack.enter_context((tmp_path / "deliverer.log").open("ab"))
            started = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(started.wait)
            stack.callback(started.kill)
            return started

        process = start()
        while clock.now() < NOON + OUTAGE / 2:
            time.sleep(0.1)
        process.kill()  # in the middle of the outage
        assert process.wait() != 0
        process = start()
        while clock.now() < NOON + OUTAGE:
            time.sleep(0.1)
        assert receiver.got == []
        assert box.got == []
        stack.enter_context(mosquitto(tmp_path, broker_port))
        published = stack.enter_context(listening(broker_port))
        recovered.set()
        end = time.monotonic() + 120
        while len(receiver.got) < 200:
            assert time.monotonic() < end, (tmp_path / "deliverer.log").read_text()[-2000:]
            time.sleep(0.01)
        process.kill()  # in the middle of what it sends
        assert process.wait() != 0
        killed_at = len(receiver.got)
        assert killed_at < ALERTS
        process = start()
        end = time.monotonic() + 240
        while undelivered(url):
            assert time.monotonic() < end, (tmp_path / "deliverer.log").read_text()[-2000:]
            time.sleep(0.5)
        process.terminate()
        assert process.wait(60) == 0

    hooks = Counter(receiver.keys)
    mails = Counter((mail["Message-ID"], mail["To"]) for mail in box.got)
    topics = Counter(
        (told["key"], told["recipient"]) for told in (json.loads(m.payload) for m in published)
    )
    alerts = {key for key in hooks if key.startswith("alert-")}
    assert len(alerts) == ALERTS, "each at least once"
    assert len([1 for message_id, to in mails if to == "duty@example.org"]) >= ALERTS
    assert len([1 for key, who in topics if who == "mqtt" and key.startswith("alert-")]) == ALERTS
    seen: set[str] = set()
    done = [key for key in receiver.keys if not (key in seen or seen.add(key))]
    assert len(done) == len(set(receiver.keys)), "whoever honours the key does it once"
    repeats = sum(hooks.values()) - len(hooks)
    assert repeats <= 20 + 4, "no more than the batch that was on its way when it was killed"
