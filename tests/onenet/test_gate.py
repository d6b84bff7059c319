"""The gate that EMQX asks, and how EMQX is told to cut.

Its rules are in tests/deploy/test_one_set_of_rules.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from onenet.gate import Gatekeeper, RegistryGate, read_rights
from onenet.gate_http import create_gate
from registry import Registry, open_registry
from registry.accounts import BrokerUnavailable, Rights
from registry.credentials import issue, resume, revoke, suspend
from registry.emqx import AT_ONCE, Emqx
from registry.follow import reconcile
from registry.provisioner import accounts_of
from schemas import SystemClock
from tests.city import demo_registry

A, B = "noise-dongmen-1", "noise-yuehai-1"
TOKEN = "t" * 64
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = demo_registry(tmp_path)
    yield opened
    opened.close()


def gate_over(registry: Registry) -> TestClient:
    return TestClient(create_gate(Gatekeeper(RegistryGate(registry, SystemClock()), {}, {}), TOKEN))


class Broker:
    """EMQX's REST API as far as it is used; remembers whom it was told to cut."""

    def __init__(self) -> None:
        self.cut: list[list[str]] = []
        self.status = 204
        self.accounts = Emqx(
            "http://emqx:18083/", "secret", transport=httpx.MockTransport(self._answer)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert (request.method, str(request.url)) == (
            "POST",
            "http://emqx:18083/api/v5/clients/kickout/bulk",
        )
        assert request.headers["authorization"] == httpx.BasicAuth("onenet", "secret")._auth_header
        if self.status == 204:
            self.cut.append(json.loads(request.content))
        return httpx.Response(self.status)


def now() -> datetime:
    return datetime.now(UTC)


# The gate


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guess"}])
def test_only_the_broker_may_ask(registry: Registry, headers: dict[str, str]) -> None:
    made = issue(registry, Broker().accounts, [A], by="tester", at=now())[0]
    told = {"username": made.username, "password": made.password}
    with gate_over(registry) as gate:
        assert gate.post("/authenticate", json=told, headers=SHOWN).json()["result"] == "allow"
        answer = gate.post("/authenticate", json=told, headers=headers)
        assert answer.status_code == 401
        assert "result" not in answer.json()


@pytest.mark.parametrize(
    "told", [{}, {"username": A}, {"username": None, "password": "x"}, {"username": "x" * 257}]
)
def test_who_does_not_say_a_name_is_not_let_in(registry: Registry, told: dict[str, str]) -> None:
    with gate_over(registry) as gate:
        answer = gate.post("/authenticate", json=told, headers=SHOWN)
        assert answer.status_code == 422  # EMQX: no opinion, and there is no other authenticator
        assert "result" not in answer.json()


def test_nobody_is_let_in_while_the_registry_is_away(tmp_path: Path) -> None:
    empty = open_registry(f"sqlite:///{tmp_path}/none.db")
    with gate_over(empty) as gate:
        told = {"username": A, "password": "x" * 28}
        assert gate.post("/authenticate", json=told, headers=SHOWN).status_code == 503
    empty.close()


def test_the_gate_describes_itself_to_nobody(registry: Registry) -> None:
    with gate_over(registry) as gate:
        assert gate.get("/healthz").json() == {"ok": True}
        for path in ("/openapi.json", "/docs", "/redoc"):
            assert gate.get(path).status_code == 404


def test_rights_are_read_from_mosquittos_file() -> None:
    text = "# who\n\nuser a\ntopic read x/+\ntopic write y\nuser b\ntopic readwrite z/#\n"
    assert read_rights(text) == {"a": Rights(("y",), ("x/+",)), "b": Rights(("z/#",), ("z/#",))}


@pytest.mark.parametrize(
    "line", ["topic x", "pattern read %u/#", "topic deny x", "user a b", "topic read a b", "foo"]
)
def test_a_line_that_would_hold_at_one_broker_only_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        read_rights(f"user a\n{line}\n")


def test_a_right_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="line 1"):
        read_rights("topic read x\n")


# Cutting


def test_who_is_revoked_or_quarantined_is_cut_at_once(registry: Registry) -> None:
    broker = Broker()
    issue(registry, broker.accounts, [A], by="tester", at=now())
    issue(registry, broker.accounts, [B], by="tester", at=now())
    assert broker.cut == []
    assert revoke(registry, broker.accounts, A, by="tester", at=now(), why="stolen")
    assert suspend(registry, broker.accounts, B, by="tester", at=now(), why="floods")
    assert broker.cut == [[A], [B]]
    assert resume(registry, broker.accounts, B, by="tester", at=now())
    assert broker.cut == [[A], [B]]


@pytest.mark.parametrize("status", [401, 500])
def test_who_could_not_be_cut_is_cut_by_the_reconciler(registry: Registry, status: int) -> None:
    broker = Broker()
    issue(registry, broker.accounts, [A, B], by="tester", at=now())
    broker.status = status
    assert not revoke(registry, broker.accounts, A, by="tester", at=now(), why="stolen")
    assert not suspend(registry, broker.accounts, B, by="tester", at=now(), why="floods")
    with pytest.raises(BrokerUnavailable, match=str(status)):
        reconcile(registry, broker.accounts, now())
    broker.status = 204
    done = reconcile(registry, broker.accounts, now())
    assert broker.cut == [[A, B]]
    assert done.lost == ()
    # A day later the one that is over is no more spoken of; quarantine lasts until it is lifted.
    reconcile(registry, broker.accounts, now() + timedelta(days=1, minutes=1))
    assert broker.cut[1:] == [[B]]


def test_an_overlap_that_ends_is_cut(registry: Registry) -> None:
    broker = Broker()
    issue(registry, broker.accounts, [A], by="tester", at=now())
    issue(registry, broker.accounts, [A], by="tester", at=now())
    reconcile(registry, broker.accounts, now() + timedelta(hours=23))
    assert broker.cut == []
    reconcile(registry, broker.accounts, now() + timedelta(hours=25))
    assert broker.cut == [[A]]


def test_many_are_cut_in_few_requests() -> None:
    broker = Broker()
    broker.accounts.remove(f"noise-{number}" for number in range(AT_ONCE + 1))
    assert [len(names) for names in broker.cut] == [AT_ONCE, 1]


def test_the_settings_name_what_is_missing() -> None:
    chosen = {"ONENET_BROKER_KIND": "emqx", "ONENET_EMQX_URL": "http://emqx-1:18083"}
    with pytest.raises(ValueError, match="ONENET_EMQX_SECRET"):
        accounts_of(chosen)
    assert isinstance(accounts_of({**chosen, "ONENET_EMQX_SECRET": "x"}), Emqx)
