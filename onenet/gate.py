"""Who may enter the broker and what for, for brokers that ask us instead of keeping a list.

Sensors: the registry's credentials, as they are at that moment. Our services: the very files that
Mosquitto reads, `deploy/mosquitto/acl` and the passwords of `onenet init`, so that there is one set
of rules whatever the broker. The embedded broker asks `RegistryGate` in this process; EMQX asks
`Gatekeeper` by HTTP (`onenet.gate_http`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from registry import Registry
from registry.accounts import Rights
from registry.contacts import Contact, keep
from registry.credentials import admitted, denied, fits, let_in
from schemas import Clock, SensorId

NOTE_EVERY = timedelta(seconds=2)
ACCESS = {"read": (False, True), "write": (True, False), "readwrite": (True, True)}


@dataclass(frozen=True, slots=True)
class Entry:
    """What who was let in may do; until: when the account ends, if that is known."""

    rights: Rights
    until: datetime | None = None


class Gate(Protocol):
    """Who of the sensors may enter."""

    def admits(self, username: str, password: str) -> Entry | None:
        """What an account may do, or None where name or password are wrong."""

    def let_in(self) -> set[str]:
        """Every account that may be connected now."""


class RegistryGate:
    """The registry's credentials: the same rules as in production, asked at each connection.

    notes: write down who was turned away, and why. EMQX's gate has no right to write anything.
    """

    def __init__(self, registry: Registry, clock: Clock, *, notes: bool = False) -> None:
        self._registry = registry
        self._clock = clock
        self._notes = notes
        self._noted: dict[tuple[SensorId, str], datetime] = {}

    def admits(self, username: str, password: str) -> Entry | None:
        owner = admitted(self._registry, username, password, self._clock.now())
        if owner is None:
            if self._notes:
                self._note(username)
            return None
        return Entry(Rights.of(owner.medium, owner.sensor), owner.until)

    def _note(self, username: str) -> None:
        """For the commissioning page; who tries many times a second is not noted each time."""
        now = self._clock.now()
        found = denied(self._registry, username, now)
        if found is None:
            return
        sensor, why = found
        if now - self._noted.get(found, now - NOTE_EVERY) >= NOTE_EVERY:
            self._noted[found] = now
            keep(self._registry, {sensor: Contact(denied=now, denied_why=why)})

    def let_in(self) -> set[str]:
        return let_in(self._registry, self._clock.now())


class Gatekeeper:
    """Services by Mosquitto's files, everybody else by the registry.

    A service's name is never asked of the registry: no sensor can be called as one of them and
    then have its rights.
    """

    def __init__(
        self, gate: Gate, hashes: Mapping[str, str], services: Mapping[str, Rights]
    ) -> None:
        self._gate = gate
        self._hashes = hashes
        self._services = services

    def admits(self, username: str, password: str) -> Entry | None:
        if username not in self._services:
            return self._gate.admits(username, password)
        kept = self._hashes.get(username)  # an account of the demo has none elsewhere
        return Entry(self._services[username]) if kept and fits(password, kept) else None


def read_passwords(text: str) -> dict[str, str]:
    """Account and hash of Mosquitto's password file."""
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def read_rights(text: str) -> dict[str, Rights]:
    """Account and rights of Mosquitto's access file, of which we use `user` and `topic` only.

    Raises ValueError with the line that says anything else: a rule that is left out here would
    hold at one broker and not at the other.
    """
    found: dict[str, tuple[list[str], list[str]]] = {}
    topics: tuple[list[str], list[str]] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "user" and len(words) == 2:
            topics = found.setdefault(words[1], ([], []))
        elif words[0] == "topic" and len(words) == 3 and words[1] in ACCESS and topics is not None:
            for may, filters in zip(ACCESS[words[1]], topics, strict=True):
                if may:
                    filters.append(words[2])
        else:
            raise ValueError(
                f"access file, line {number}: {line!r}: expected `user <name>`, or under one "
                "`topic read|write|readwrite <filter>`"
            )
    return {name: Rights(tuple(publish), tuple(hear)) for name, (publish, hear) in found.items()}
