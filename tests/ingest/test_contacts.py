"""What ingest learns of a sensor beside its values: contact, answers; what maintenance flags."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ingest.contacts import Contacts
from ingest.directory import SensorDirectory
from ingest.pipeline import Batch, Message, Pipeline
from registry import Registry
from registry.commands import answered, order, orders, send_commands
from registry.contacts import Contact, contact, contacts, keep
from registry.maintenance import begin_maintenance, end_maintenance, suppressed
from schemas import SensorId, catalogue, from_ms
from schemas.clock import SystemClock
from schemas.flags import Cause, cause_of
from schemas.wire import Command

NAME = "noise-dongmen-1"
TOPIC = f"onenet/v1/noise/{NAME}"


@pytest.fixture
def now_ms() -> int:
    return int(SystemClock().now().timestamp() * 1000)


class Ingest:
    """The pipeline with what it hears, as the worker runs them."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.directory = SensorDirectory(registry, catalogue())
        self.directory.renew()
        self.pipeline = Pipeline(self.directory, catalogue())
        self.contacts = Contacts(registry)

    def hear(self, channel: str, payload: object, at_ms: int) -> Batch:
        batch = Batch()
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.pipeline.process(Message(f"{TOPIC}/{channel}/json", raw, at_ms), batch)
        self.pipeline.flag(batch)
        self.contacts.take(batch.heard, batch.newest)
        self.contacts.write(now=True)
        answered(self.registry, batch.replies, from_ms(at_ms))
        return batch

    def known(self) -> Contact:
        found = contact(self.registry, NAME)
        assert found is not None
        return found


@pytest.fixture
def ingest(registry: Registry) -> Ingest:
    return Ingest(registry)


def reading(ts: int, **meta: object) -> dict[str, object]:
    return {"ts": ts, "values": {"laeq": 61.0, "lmax": 70.0}, **({"meta": meta} if meta else {})}


def test_a_reading_tells_clock_battery_signal_and_firmware(ingest: Ingest, now_ms: int) -> None:
    ingest.hear("data", reading(now_ms - 2000, battery=3.9, rssi=-71, fw="1.4.2"), now_ms)
    known = ingest.known()
    assert known.accepted == known.heard == from_ms(now_ms)
    assert (known.skew_s, known.battery, known.rssi, known.firmware) == (-2.0, 3.9, -71.0, "1.4.2")
    ingest.hear("data", reading(now_ms + 60_000), now_ms + 60_000)
    assert (ingest.known().battery, ingest.known().skew_s) == (3.9, 0.0), "the rest stays"


def test_a_backlog_says_nothing_of_the_clock(ingest: Ingest, now_ms: int) -> None:
    ingest.hear("data", [reading(now_ms - 86_400_000), reading(now_ms - 80_000_000)], now_ms)
    assert ingest.known().skew_s is None
    assert ingest.known().accepted is not None


@pytest.mark.parametrize("meta", [{"battery": "full"}, {"battery": None}, {"fw": "x" * 100}])
def test_strange_meta_is_left_alone(ingest: Ingest, now_ms: int, meta: dict[str, object]) -> None:
    ingest.hear("data", reading(now_ms, **meta), now_ms)
    assert ingest.known().battery is None
    assert len(ingest.known().firmware) <= 32


def test_a_refusal_is_told_with_its_reason(ingest: Ingest, now_ms: int) -> None:
    ingest.hear("data", b"{", now_ms)
    assert ingest.known().refused_code == "json_broken"
    assert ingest.known().accepted is None
    ingest.hear("data", reading(now_ms), now_ms + 1)
    assert ingest.known().accepted == from_ms(now_ms + 1)


def test_the_will_of_an_older_connection_is_not_believed(ingest: Ingest, now_ms: int) -> None:
    for session, state, expected in ((5, "online", "online"), (4, "offline", "online")):
        ingest.hear("status", {"state": state, "session": session}, now_ms)
        assert ingest.known().state == expected
    ingest.hear("status", {"state": "offline", "session": 5}, now_ms)
    assert ingest.known().state == "offline"


def test_many_contacts_are_kept_in_one_go(registry: Registry, now_ms: int) -> None:
    at = from_ms(now_ms)
    keep(registry, {SensorId(f"s-{n:04d}"): Contact(heard=at, battery=3.0) for n in range(2000)})
    keep(registry, {SensorId("s-0001"): Contact(rssi=-80.0), SensorId("s-x"): Contact(heard=at)})
    found = contacts(registry)
    assert len(found) == 2001
    assert (found[SensorId("s-0001")].battery, found[SensorId("s-0001")].rssi) == (3.0, -80.0)


# Maintenance


def test_what_is_measured_in_a_maintenance_window_is_flagged(
    registry: Registry, now_ms: int
) -> None:
    start, end = now_ms - 600_000, now_ms - 300_000
    begin_maintenance(
        registry,
        NAME,
        start=from_ms(start),
        end=from_ms(end),
        reason="cleaning",
        by="li",
        at=from_ms(now_ms),
    )
    ingest = Ingest(registry)
    moments = [start - 1, start, end - 1, end]
    batch = ingest.hear("data", [reading(ts) for ts in moments], now_ms)
    causes = [cause_of(kept.quality.get("laeq", 1)) for kept in batch.readings]
    none, work = Cause.NONE, Cause.MAINTENANCE
    assert causes == [none, work, work, none]
    assert [suppressed(registry, NAME, from_ms(ts)) for ts in moments] == [False, True, True, False]


def test_an_open_window_goes_on_until_it_is_ended(registry: Registry, now_ms: int) -> None:
    at = from_ms(now_ms)
    begin_maintenance(registry, NAME, start=at, end=None, reason="pump", by="li", at=at)
    assert suppressed(registry, NAME, at + timedelta(days=3))
    assert not suppressed(registry, NAME, at - timedelta(seconds=1))
    assert end_maintenance(registry, NAME, by="li", at=at + timedelta(hours=1)) == 1
    assert end_maintenance(registry, NAME, by="li", at=at + timedelta(hours=1)) == 0
    assert not suppressed(registry, NAME, at + timedelta(days=3))


def test_ingest_notices_a_new_window(registry: Registry, now_ms: int, monkeypatch) -> None:
    monkeypatch.setattr("ingest.directory.CHECK_EVERY_S", 0.0)
    ingest = Ingest(registry)
    at = from_ms(now_ms - 1000)
    begin_maintenance(registry, NAME, start=at, end=None, reason="pump", by="li", at=at)
    ingest.directory.renew()
    (kept,) = ingest.hear("data", reading(now_ms), now_ms).readings
    assert cause_of(kept.quality["laeq"]) is Cause.MAINTENANCE


# Commands


def test_an_answer_ends_its_command(ingest: Ingest, registry: Registry, now_ms: int) -> None:
    at, sent = from_ms(now_ms), []
    number = order(registry, NAME, "interval", {"seconds": 30}, by="li", at=at)

    def take(topic: str, payload: bytes) -> bool:
        sent.append((topic, Command.model_validate_json(payload)))
        return True

    assert send_commands(registry, lambda *_: False, at) == 0
    assert orders(registry, NAME, at)[0].state == "queued"
    assert send_commands(registry, take, at) == 1
    assert send_commands(registry, take, at) == 0, "sent once"
    ((topic, command),) = sent
    assert topic == f"{TOPIC}/cmd/json"
    assert (command.id, command.kind, command.arguments) == (number, "interval", {"seconds": 30})
    assert orders(registry, NAME, at)[0].state == "sent"

    ingest.hear("reply", {"id": "0" * 16, "state": "done"}, now_ms)
    assert orders(registry, NAME, at)[0].state == "sent", "the answer to something else"
    ingest.hear("reply", {"id": number, "state": "refused", "text": "too often"}, now_ms + 5)
    done = orders(registry, NAME, at)[0]
    assert (done.state, done.answer, done.answered) == ("refused", "too often", from_ms(now_ms + 5))
    ingest.hear("reply", {"id": number, "state": "done"}, now_ms + 9)
    assert orders(registry, NAME, at)[0].state == "refused", "the first answer holds"


def test_nobody_answers_for_another_sensor(registry: Registry, now_ms: int, ingest: Ingest) -> None:
    at = from_ms(now_ms)
    number = order(registry, "air-lianhua-1", "restart", {}, by="li", at=at)
    send_commands(registry, lambda *_: True, at)
    ingest.hear("reply", {"id": number, "state": "done"}, now_ms)
    assert orders(registry, "air-lianhua-1", at)[0].state == "sent"


def test_a_command_without_an_answer_expires(registry: Registry, now_ms: int) -> None:
    at = from_ms(now_ms)
    order(registry, NAME, "restart", {}, by="li", at=at)
    assert send_commands(registry, lambda *_: True, at) == 1
    later = at + timedelta(minutes=11)
    assert orders(registry, NAME, later)[0].state == "expired"
    assert send_commands(registry, lambda *_: True, later) == 0


def test_a_malformed_answer_is_refused_with_a_reason(ingest: Ingest, now_ms: int) -> None:
    batch = ingest.hear("reply", {"id": "no", "state": "maybe"}, now_ms)
    assert len(batch.dead_letters) == 1
