"""Sensors' accounts in Mosquitto's dynamic security, by its control topic or as its file.

Written for 2.0.11, where a role cannot name the client: each sensor has a role of its own. The role
denies all other topics by itself: our services' rights come from a file (`deploy/mosquitto/acl`),
which Mosquitto asks where dynamic security has no opinion, and which lets anybody subscribe.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt

from registry.accounts import BrokerUnavailable, NewAccount, Rights
from schemas.ids import Medium, SensorId

CONTROL = "$CONTROL/dynamic-security/v1"
ANSWERS = f"{CONTROL}/response"
PATIENCE_S = 10.0
LISTED_AT_ONCE = 500
AT_ONCE = 50  # commands a message: the plugin writes its file anew after each of them
KNOWN_ALREADY = ("already exists", "not found", "does not exist")

HEARS = ("subscribePattern", "publishClientReceive")

# A role must be enough by itself; these are for an account that somebody made without one.
DEFAULTS = {
    "publishClientSend": False,
    "publishClientReceive": False,
    "subscribe": False,
    "unsubscribe": True,
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is, and the one account that may change its accounts."""

    host: str
    port: int
    username: str
    password: str
    tls_ca: str = ""


def role_of(sensor: SensorId) -> str:
    return f"sensor-{sensor}"


def acls(medium: Medium, sensor: SensorId) -> list[dict[str, Any]]:
    """What a sensor's role says: its own topics, and explicitly nothing else."""
    rights = Rights.of(medium, sensor)
    allowed = [("publishClientSend", topic) for topic in rights.publish]
    for topic in rights.subscribe:
        allowed += [(kind, topic) for kind in HEARS]
    refused = [(kind, "#") for kind in ("publishClientSend", *HEARS)]
    return [
        {"acltype": kind, "topic": topic, "priority": int(allow), "allow": allow}
        for allow, filters in ((True, allowed), (False, refused))
        for kind, topic in filters
    ]


class DynamicSecurity:
    """The control topic of a running Mosquitto; connects for each call and leaves again."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def admit(self, accounts: Iterable[NewAccount]) -> None:
        commands: list[dict[str, Any]] = [
            {
                "command": "setDefaultACLAccess",
                "acls": [{"acltype": kind, "allow": allow} for kind, allow in DEFAULTS.items()],
            }
        ]
        for account in accounts:
            role = role_of(account.sensor)
            commands += [
                {"command": "deleteClient", "username": account.username},
                {
                    "command": "createRole",
                    "rolename": role,
                    "acls": acls(account.medium, account.sensor),
                },
                {
                    "command": "createClient",
                    "username": account.username,
                    "password": account.password,
                    "roles": [{"rolename": role}],
                },
            ]
        self._do(commands)

    def remove(self, usernames: Iterable[str]) -> None:
        """Clients that are deleted are cut off; a role that nobody has any more does no harm."""
        self._do([{"command": "deleteClient", "username": name} for name in usernames])

    def suspend(self, usernames: Iterable[str]) -> None:
        self._do([{"command": "disableClient", "username": name} for name in usernames])

    def resume(self, usernames: Iterable[str]) -> None:
        self._do([{"command": "enableClient", "username": name} for name in usernames])

    def listed(self) -> dict[str, bool]:
        found: dict[str, bool] = {}
        while True:
            page = {"command": "listClients", "verbose": True, "count": LISTED_AT_ONCE}
            (answer,) = self._ask([{**page, "offset": len(found)}])
            clients = answer["data"]["clients"]
            found |= {client["username"]: not client.get("disabled") for client in clients}
            if len(clients) < LISTED_AT_ONCE:
                return found

    def _do(self, commands: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(commands), AT_ONCE):
            self._ask(commands[start : start + AT_ONCE])

    def _ask(self, commands: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Answers in order. Raises BrokerUnavailable: away, silent, or it says no."""
        if not commands:
            return []
        where = f"broker {self._address.host}:{self._address.port}"
        answers = _Conversation(self._address).ask(commands)
        for answer in answers:
            error = answer.get("error", "")
            if error and not any(known in error for known in KNOWN_ALREADY):
                raise BrokerUnavailable(f"{where}: {answer['command']}: {error}")
        return answers


class _Conversation:
    """One connection to the control topic: subscribe, ask, hear the answer, leave."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._mark = uuid.uuid4().hex
        self._subscribed, self._answered = threading.Event(), threading.Event()
        self._answers: list[dict[str, Any]] = []
        self._refusal = ""
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=f"onenet-provisioning-{self._mark[:12]}",
            protocol=mqtt.MQTTv5,
        )
        self._client.username_pw_set(address.username, address.password)
        if address.tls_ca:
            self._client.tls_set(address.tls_ca)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def ask(self, commands: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        where = f"broker {self._address.host}:{self._address.port}"
        try:
            self._client.connect(self._address.host, self._address.port)
        except OSError as error:
            raise BrokerUnavailable(f"{where}: {error}") from error
        self._client.loop_start()
        try:
            if not self._subscribed.wait(PATIENCE_S) or self._refusal:
                raise BrokerUnavailable(f"{where}: {self._refusal or 'no answer'}")
            # Each carries our mark: others may ask at the same time, and hear the same answers.
            marked = [{**command, "correlationData": self._mark} for command in commands]
            self._client.publish(CONTROL, json.dumps({"commands": marked}), qos=1)
            if not self._answered.wait(PATIENCE_S):
                raise BrokerUnavailable(
                    f"{where}: no answer of dynamic security; is the plugin loaded, and may "
                    f"{self._address.username!r} use {CONTROL}?"
                )
        finally:
            self._client.disconnect()
            self._client.loop_stop()
        return self._answers

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
            self._subscribed.set()
        else:
            client.subscribe(ANSWERS, qos=1)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        answers = json.loads(message.payload).get("responses", [])
        if any(answer.get("correlationData") == self._mark for answer in answers):
            self._answers = answers
            self._answered.set()


@dataclass(frozen=True, slots=True)
class KeptAccount:
    """An account as the registry has it: its password's hash only."""

    username: str
    hash: str
    sensor: SensorId
    medium: Medium
    suspended: bool = False


def as_file(accounts: Iterable[KeptAccount]) -> str:
    """The plugin's whole file, for a broker that begins or has lost its own.

    Passwords stand in the registry as Mosquitto hashes them, so nobody has to be told a new one.
    """
    kept = list(accounts)
    roles = {account.sensor: acls(account.medium, account.sensor) for account in kept}
    content = {
        "defaultACLAccess": DEFAULTS,
        "clients": [_client(account) for account in kept],
        "groups": [],
        "roles": [{"rolename": role_of(sensor), "acls": own} for sensor, own in roles.items()],
    }
    return json.dumps(content, indent=1) + "\n"


def _client(account: KeptAccount) -> Mapping[str, Any]:
    _, kind, rounds, salt, digest = account.hash.split("$")
    if kind != "7":
        raise ValueError(f"{account.username}: hash of kind {kind}, expected 7 (PBKDF2, SHA-512)")
    base64.b64decode(salt, validate=True)
    return {
        "username": account.username,
        "password": digest,
        "salt": salt,
        "iterations": int(rounds),
        "roles": [{"rolename": role_of(account.sensor)}],
        **({"disabled": True} if account.suspended else {}),
    }
