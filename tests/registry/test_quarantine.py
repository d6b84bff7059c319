"""A flooding sensor in the registry: set aside, told, somebody sent; released by a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry import Registry
from registry.accounts import RegistryIsTheList
from registry.audit import entries, verify
from registry.credentials import credentials, issue, let_in
from registry.devices import retire
from registry.follow import reconcile
from registry.life import history
from registry.loggers import admitted_loggers, set_logger
from registry.quarantine import FLOOD, quarantine_flood, quarantined, release
from registry.work_orders import work_orders
from tests.city import demo_registry

A, B = "noise-dongmen-1", "air-lianhua-1"
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
FACTS = {"messages": 4000, "seconds": 4, "per_minute": 60}
LIST = RegistryIsTheList()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = demo_registry(tmp_path)
    issue(opened, LIST, [A, B], by="tester", at=NOW)
    yield opened
    opened.close()


def cut(registry: Registry, at: datetime = NOW) -> bool:
    return quarantine_flood(registry, A, facts=FACTS, due=at + timedelta(hours=24), at=at)


def test_a_flood_sets_aside_tells_and_sends_somebody_once(registry: Registry) -> None:
    version = registry.version()
    assert cut(registry)
    assert registry.version() > version, "the broker follows changes"
    assert let_in(registry, NOW) == {B}
    assert quarantined(registry) == {A}
    (order,) = work_orders(registry, sensor=A)
    assert (order.kind, order.facts) == (FLOOD, FACTS)
    assert "messages: 4000" in credentials(registry, A)[0].why
    entry = next(e for e in entries(registry) if e.subject == f"sensor:{A}")
    assert (entry.who, entry.action) == ("system:ingest", "credential.revoke")
    assert entry.after == {"credentials": "suspended"}
    told = len(history(registry, A))
    assert not cut(registry, NOW + timedelta(seconds=10)), "told again: nothing new"
    assert len(history(registry, A)) == told
    assert len(work_orders(registry, sensor=A)) == 1
    assert verify(registry) == []


def test_a_person_lets_it_in_again_and_the_order_is_done(registry: Registry) -> None:
    cut(registry)
    assert release(registry, LIST, A, by="li", at=NOW, why="firmware mended")
    assert let_in(registry, NOW) == {A, B}
    assert quarantined(registry) == set()
    assert work_orders(registry, sensor=A) == []
    (done,) = work_orders(registry, sensor=A, states=("closed",))
    assert (done.closed_by, done.resolution) == ("li", "firmware mended")
    assert cut(registry, NOW + timedelta(minutes=5)), "it floods again: cut again"
    assert len(work_orders(registry, sensor=A)) == 1


def test_an_account_that_was_being_replaced_still_ends_in_its_time(registry: Registry) -> None:
    issue(registry, LIST, [A], by="tester", at=NOW, overlap=timedelta(hours=1))
    cut(registry)
    release(registry, LIST, A, by="li", at=NOW)
    assert [c.state for c in credentials(registry, A)] == ["active", "retiring"]
    assert let_in(registry, NOW + timedelta(hours=2)) == {f"{A}.2", B}


def test_a_data_logger_without_accounts_is_shut_out_until_its_order_is_done(
    registry: Registry,
) -> None:
    """It comes to the gateway by its MN, which asks who is in quarantine."""
    other = "noise-xinan-1"
    set_logger(registry, other, mn="88888880000001", by="li", at=NOW)
    assert set(admitted_loggers(registry)) == {"88888880000001"}
    assert not quarantine_flood(registry, other, facts=FACTS, due=NOW, at=NOW)
    assert [o.kind for o in work_orders(registry, sensor=other)] == [FLOOD]
    assert quarantined(registry) == {other}
    assert admitted_loggers(registry) == {}
    release(registry, LIST, other, by="li", at=NOW)
    assert set(admitted_loggers(registry)) == {"88888880000001"}


def test_a_sensor_that_was_only_retired_loses_its_accounts_too(registry: Registry) -> None:
    retire(registry, A, by="li", at=NOW, why="worn out")
    reconcile(registry, LIST, NOW)
    assert [c.state for c in credentials(registry, A)] == ["revoked"]
    assert verify(registry) == []
