"""A reading that only the store refuses is a dead letter before its message is acknowledged."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from ingest.directory import SensorDirectory
from ingest.pipeline import Batch, Message, Pipeline
from ingest.refused import refused_by_store
from ingest.replay import refused_payload
from ingest.worker import IngestOptions, Worker
from registry import Registry
from schemas import Outcome, catalogue
from storage import StoreUnavailable

NOW = 1_795_000_000_000
AIR = "onenet/v1/air/air-lianhua-1/data/json"


def at(minute: int, **values: object) -> dict[str, object]:
    return {"ts": NOW - minute * 60_000, "values": values}


@pytest.fixture
def batch(registry: Registry) -> Batch:
    directory = SensorDirectory(registry, catalogue())
    directory.renew()
    pipeline, taken = Pipeline(directory, catalogue()), Batch()
    array = [at(3, pm25=1.0), at(2, pm25="wrong"), at(1, pm25=3.0), at(0, no2=4.0)]
    for topic, payload in (
        (AIR, json.dumps(array)),
        (AIR, json.dumps(at(9, pm25=5.0))),
        ("not/a/topic", "{}"),
        (AIR, "not json"),
    ):
        pipeline.process(Message(topic, payload.encode(), NOW), taken)
    assert len(taken.readings) == 4
    return taken


STORED, REFUSED = Outcome.STORED, Outcome.REFUSED


def test_a_refused_reading_is_found_again_in_its_message(batch: Batch, registry: Registry) -> None:
    letters = refused_by_store(batch, [STORED, REFUSED, REFUSED, STORED])
    assert [(each.code, each.readings, each.refused) for each in letters] == [
        ("store_refused", 2, (2, 3))
    ]
    registry.add_dead_letters(letters)
    (letter,) = registry.dead_letters(code="store_refused")
    assert letter.raw == batch.messages[0].payload
    assert json.loads(refused_payload(letter)) == [at(1, pm25=3.0), at(0, no2=4.0)]


def test_a_refused_single_reading_is_sent_again_as_it_was(batch: Batch) -> None:
    (letter,) = refused_by_store(batch, [STORED, STORED, STORED, REFUSED])
    assert (letter.raw, letter.refused) == (batch.messages[1].payload, (0,))


def test_nothing_refused_is_no_letter(batch: Batch) -> None:
    assert refused_by_store(batch, [STORED, Outcome.DUPLICATE, STORED, Outcome.REVISED]) == []


class Stub:
    """Stands for what the worker is given and does not use here; fails as often as it is told."""

    def __init__(self, *failures: Exception, outcomes: list[Outcome] | None = None) -> None:
        self.failures, self.outcomes = list(failures), outcomes or []
        self.calls = 0

    def write(self, *_: object, **__: object) -> list[Outcome]:
        self.calls += 1
        if self.failures:
            raise self.failures.pop()
        return self.outcomes

    def add_dead_letters(self, letters: list[Any]) -> None:
        self.write()
        self.letters = [*getattr(self, "letters", []), *letters]

    def count(self, *_: object) -> None:
        pass


def worker(store: Any, registry: Any, longest_wait_s: float = 0.05) -> Worker:
    none: Any = Stub()
    options = IngestOptions(longest_wait_s=longest_wait_s)
    return Worker(none, none, none, store, registry, options, none, random.Random(1))


def test_each_step_of_keeping_is_repeated_alone(batch: Batch) -> None:
    away = OperationalError("insert", {}, Exception("locked"))
    outcomes = [STORED, REFUSED, STORED, STORED]
    store, registry = Stub(StoreUnavailable(), outcomes=outcomes), Stub(away)
    assert worker(store, registry)._keep(batch)
    assert store.calls == 2
    codes = [letter.code for letter in registry.letters]
    assert codes.count("store_refused") == 1
    assert len(codes) == len(batch.dead_letters) + 1


def test_a_stop_while_the_dead_letter_cannot_be_kept_acknowledges_nothing(batch: Batch) -> None:
    store = Stub(outcomes=[REFUSED] * 4)
    batch.dead_letters.clear()
    registry = Stub(*[OperationalError("insert", {}, Exception("locked"))] * 3)
    stopped = worker(store, registry)
    stopped._stop.set()
    assert not stopped._keep(batch)


@pytest.mark.parametrize(("asked", "longest", "waits"), [(7.0, 30.0, 7.0), (7.0, 2.0, 2.0)])
def test_the_worker_waits_as_long_as_the_store_asks_within_reason(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, asked: float, longest: float, waits: float
) -> None:
    store = Stub(StoreUnavailable("busy", retry_after_s=asked), outcomes=[STORED] * 4)
    waiting = worker(store, Stub(), longest)
    waited: list[float] = []
    monkeypatch.setattr(waiting._stop, "wait", waited.append)
    assert waiting._keep(batch)
    assert waited == [waits]
