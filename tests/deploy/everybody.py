"""The cases of `test_one_set_of_rules.py`, and the three brokers with everybody's account in them.

Mosquitto and the embedded broker are real, and each case is a connection. EMQX cannot be run here:
its cases ask the gate by HTTP as EMQX would, and read the answer as EMQX documents it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
from fastapi.testclient import TestClient
from paho.mqtt.client import topic_matches_sub

from onenet.broker import Account, EmbeddedBroker
from onenet.gate import Gatekeeper, RegistryGate, read_passwords, read_rights
from onenet.gate_http import create_gate
from onenet.init import init, read_env
from registry import Registry
from registry.accounts import Accounts, RegistryIsTheList
from registry.credentials import issue, revoke, suspend
from registry.follow import reconcile
from schemas import SystemClock
from tests.brokers import free_port
from tests.city import demo_registry
from tests.deploy.production_broker import DEPLOY, Client, ProductionBroker, production_mosquitto

A, B, REVOKED, SHUT, FRESH = (
    *("noise-dongmen-1", "air-lianhua-1"),
    *("noise-yuehai-1", "noise-shajing-1", "noise-lianhua-1"),
)
OWN, OTHERS = f"onenet/v1/noise/{A}", f"onenet/v1/air/{B}"
ALERTS = "onenet/v1/alerts/nanshan/severe"
SERVICES = ("ingest", "alerts", "operator", "healthcheck", "fleet")
TOKEN = "t" * 64
RIGHTS = read_rights((DEPLOY / "acl").read_text("utf-8"))

Login = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """hear: a filter, tried with a message on `of`, or on the filter itself."""

    who: str
    does: str
    topic: str
    may: bool
    of: str = ""

    def __str__(self) -> str:
        return f"{self.who} {'may' if self.may else 'may not'} {self.does} {self.topic}"


ENTER = {
    A: True,
    f"{A} with the password of {B}": False,
    "a stranger": False,
    "nobody": False,
    REVOKED: False,
    SHUT: False,
    f"{FRESH} by its old account": True,
    f"{FRESH} by its new account": True,
    f"{B} by an account that was replaced two days ago": False,
}

ENTER_AS_SERVICE = {
    **dict.fromkeys(SERVICES, True),
    "ingest with the password of alerts": False,
    "provisioning with an empty password": False,
}

SENSORS = [
    *(Case(A, "publish", f"{OWN}/{c}/json", True) for c in ("data", "status", "event", "reply")),
    Case(A, "publish", f"{OWN}/cmd/json", False),
    Case(A, "publish", f"{OWN}/data", False),
    Case(A, "publish", f"onenet/v1/air/{A}/data/json", False),
    *(Case(A, "publish", f"{OTHERS}/{c}/json", False) for c in ("data", "status", "cmd", "reply")),
    Case(A, "publish", ALERTS, False),
    Case(A, "hear", f"{OWN}/cmd/+", True, f"{OWN}/cmd/json"),
    Case(A, "hear", f"{OWN}/cmd/json", True),
    Case(A, "hear", f"{OWN}/data/json", False),
    Case(A, "hear", f"{OTHERS}/cmd/json", False),
    Case(A, "hear", f"{OTHERS}/cmd/+", False, f"{OTHERS}/cmd/json"),
    Case(A, "hear", "#", False, f"{OTHERS}/cmd/json"),
    Case(A, "hear", "onenet/v1/+/+/cmd/+", False, f"{OTHERS}/cmd/json"),
    Case(FRESH, "publish", f"onenet/v1/noise/{FRESH}/data/json", True),
    Case(FRESH, "publish", f"{OWN}/data/json", False),
]

OF_SERVICES = [
    Case("ingest", "hear", "$share/ingest/onenet/v1/+/+/+/+", True, f"{OWN}/data/json"),
    Case("ingest", "hear", "$share/ingest/onenet/v1/noise/+/+/+", True, f"{OWN}/data/json"),
    Case("ingest", "publish", f"{OWN}/data/json", False),
    Case("operator", "publish", f"{OWN}/data/json", True),
    Case("operator", "publish", f"{OWN}/cmd/json", True),
    Case("operator", "hear", "onenet/v1/alerts/+/+", True, ALERTS),
    Case("operator", "hear", f"{OWN}/data/json", False),
    Case("operator", "hear", "#", False, f"{OWN}/data/json"),
    Case("alerts", "publish", ALERTS, True),
    Case("alerts", "publish", f"{OWN}/data/json", False),
    Case("alerts", "hear", f"{OWN}/data/json", False),
    Case("healthcheck", "publish", f"{OWN}/data/json", False),
    Case("healthcheck", "hear", f"{OWN}/data/json", False),
    Case("fleet", "publish", f"{OWN}/data/json", True),
    Case("fleet", "publish", f"{OWN}/cmd/json", False),
]


def logins(registry: Registry, accounts: Accounts, services: dict[str, str]) -> dict[str, Login]:
    """Accounts in every state, made for a broker: who is meant, and name with password."""
    at = datetime.now(UTC)
    long_ago = at - timedelta(days=2)

    def give(sensor: str, when: datetime = at) -> Login:
        made = issue(registry, accounts, [sensor], by="tester", at=when)[0]
        return made.username, made.password

    a, replaced, b = give(A), give(B, long_ago), give(B, long_ago + timedelta(seconds=1))
    revoked, shut, old, new = give(REVOKED), give(SHUT), give(FRESH), give(FRESH)
    revoke(registry, accounts, REVOKED, by="tester", at=at, why="stolen")
    suspend(registry, accounts, SHUT, by="tester", at=at, why="floods")
    reconcile(registry, accounts, at)
    return {
        A: a,
        f"{A} with the password of {B}": (A, b[1]),
        "a stranger": ("noise-nowhere-1", "x" * 28),
        "nobody": ("", ""),
        REVOKED: revoked,
        SHUT: shut,
        f"{FRESH} by its old account": old,
        f"{FRESH} by its new account": new,
        FRESH: new,
        f"{B} by an account that was replaced two days ago": replaced,
        **{name: (name, services[name]) for name in SERVICES},
        "ingest with the password of alerts": ("ingest", services["alerts"]),
        "provisioning with an empty password": ("provisioning", ""),
    }


class AtBroker(Protocol):
    def enters(self, who: str) -> bool: ...

    def may(self, case: Case) -> bool: ...


class AtMosquitto:
    def __init__(self, broker: ProductionBroker, known: dict[str, Login]) -> None:
        self._broker = broker
        self._known = known

    def _client(self, who: str) -> Client:
        name, password = self._known[who]
        if name in SERVICES or name == "provisioning":
            return Client(self._broker.inside, name, password)
        return Client(self._broker.tls, name, password, ca=self._broker.ca)

    def enters(self, who: str) -> bool:
        with self._client(who) as client:
            assert client.refusal is not None, "no answer"
            return not client.refusal

    def may(self, case: Case) -> bool:
        """Mosquitto grants subscriptions that then bring nothing, so a message is the proof."""
        with self._client(case.who) as client:
            if case.does == "publish":
                return client.publish(case.topic) in ("Success", "No matching subscribers")
            client.subscribe(case.topic)
            topic = case.of or case.topic
            speaker = "alerts" if topic == ALERTS else "operator"
            with self._client(speaker) as other:
                assert other.publish(topic) in ("Success", "No matching subscribers")
            return client.wait_for(1, timeout=10 if case.may else 0.7) == [topic]


class AtGate:
    """As EMQX 5.8: `acl` is read from the top, a shared subscription by its topic, else denied."""

    def __init__(self, gate: TestClient, known: dict[str, Login]) -> None:
        self._gate = gate
        self._known = known

    def ask(self, who: str) -> dict[str, Any]:
        username, password = self._known[who]
        response = knock(self._gate, username, password)
        assert response.status_code == 200
        found: dict[str, Any] = response.json()
        return found

    def enters(self, who: str) -> bool:
        return self.ask(who)["result"] == "allow"

    def may(self, case: Case) -> bool:
        told = self.ask(case.who)
        assert told["is_superuser"] is False
        topic = case.topic.split("/", 2)[2] if case.topic.startswith("$share/") else case.topic
        action = "subscribe" if case.does == "hear" else case.does
        for rule in told["acl"]:
            assert rule["permission"] in ("allow", "deny")
            if rule["action"] in (action, "all") and topic_matches_sub(rule["topic"], topic):
                return bool(rule["permission"] == "allow")
        return False


class AtEmbedded:
    """MQTT 3.1.1, where a refused subscription is told and a refused message is not passed on."""

    def __init__(self, port: int, known: dict[str, Login]) -> None:
        self._port = port
        self._known = known

    def _client(self, who: str) -> Client:
        return Client(self._port, *self._known[who], version=4)

    def enters(self, who: str) -> bool:
        with self._client(who) as client:
            assert client.refusal is not None, "no answer"
            return not client.refusal

    def may(self, case: Case) -> bool:
        with self._client(case.who) as client:
            if case.does == "hear":
                return client.subscribe(case.topic)
            with self._client("listener") as listener:
                listener.subscribe("#")
                client.client.publish(case.topic, b"x", qos=1)
                return listener.wait_for(1, timeout=10 if case.may else 0.7) == [case.topic]


def knock(gate: TestClient, username: str, password: str, token: str = TOKEN) -> httpx.Response:
    """As EMQX asks: JSON by POST, with the header that `deploy/emqx/emqx.conf` names."""
    headers = {"Authorization": f"Bearer {token}"}
    told = {"username": username, "password": password}
    return gate.post("/authenticate", json=told, headers=headers)


@contextmanager
def at_mosquitto(folder: Path) -> Iterator[AtBroker]:
    registry = demo_registry(folder)
    with production_mosquitto(folder / "installation") as broker:
        known = logins(registry, broker.accounts_of_devices, broker.passwords)
        yield AtMosquitto(broker, known)
    registry.close()


@contextmanager
def at_gate(folder: Path) -> Iterator[AtGate]:
    registry = demo_registry(folder)
    init(folder, demo=True)
    env = read_env((folder / ".env").read_text("utf-8"))
    hashes = read_passwords((folder / "deploy/generated/mosquitto/passwords").read_text("utf-8"))
    services = {name: env[f"MQTT_{name.upper()}_PASSWORD"] for name in SERVICES}
    keeper = Gatekeeper(RegistryGate(registry, SystemClock()), hashes, RIGHTS)
    with TestClient(create_gate(keeper, TOKEN)) as gate:
        yield AtGate(gate, logins(registry, RegistryIsTheList(), services))
    registry.close()


@contextmanager
def at_embedded(folder: Path) -> Iterator[AtBroker]:
    registry = demo_registry(folder)
    services = {name: f"password-of-{name}" for name in SERVICES}
    accounts = {
        name: Account(services[name], RIGHTS[name].publish, RIGHTS[name].subscribe)
        for name in SERVICES
    }
    listener = Account("all-ears", subscribe=("#",))
    broker = EmbeddedBroker(
        free_port(), {**accounts, "listener": listener}, RegistryGate(registry, SystemClock())
    )
    broker.start()
    known = logins(registry, RegistryIsTheList(), services)
    yield AtEmbedded(broker.port, {**known, "listener": ("listener", "all-ears")})
    broker.stop()
    registry.close()


BROKERS = {"mosquitto": at_mosquitto, "embedded": at_embedded, "emqx": at_gate}
