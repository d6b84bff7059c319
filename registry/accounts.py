"""Sensors' accounts at the broker: what provisioning needs of it, and what a sensor may do there.

`Accounts` is the port. Mosquitto's adapter speaks to its dynamic security (`registry.mosquitto`);
the embedded broker reads the registry itself, so `RegistryIsTheList` has nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from schemas.ids import Medium, SensorId, TopicChannel

SPEAKS = (TopicChannel.DATA, TopicChannel.STATUS, TopicChannel.EVENT, TopicChannel.REPLY)


class BrokerUnavailable(ConnectionError):
    """The broker cannot be asked, or refuses to do what provisioning wants: nothing is known."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Topic filters of one sensor: where it may publish, and what it may subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]

    @classmethod
    def of(cls, medium: Medium, sensor: SensorId) -> Rights:
        own = f"onenet/v1/{medium}/{sensor}"
        return cls(
            tuple(f"{own}/{channel}/+" for channel in SPEAKS), (f"{own}/{TopicChannel.CMD}/+",)
        )


@dataclass(frozen=True, slots=True)
class NewAccount:
    username: str
    password: str
    sensor: SensorId
    medium: Medium


class Accounts(Protocol):
    """What is asked of a broker. Every call may be repeated; raises BrokerUnavailable."""

    def admit(self, accounts: Iterable[NewAccount]) -> None:
        """Let accounts in, each with the rights of its sensor; all or, after an error, unknown."""

    def remove(self, usernames: Iterable[str]) -> None:
        """Let accounts in no longer, and cut their connections. Strangers are no error."""

    def suspend(self, usernames: Iterable[str]) -> None:
        """Cut connections and refuse the next until `resume`; the account stays."""

    def resume(self, usernames: Iterable[str]) -> None: ...

    def listed(self) -> dict[str, bool] | None:
        """Whether each account is let in; None for a broker that keeps no list of its own."""


class RegistryIsTheList:
    """For the embedded broker: it asks the registry at each connection, and again every second."""

    def admit(self, accounts: Iterable[NewAccount]) -> None: ...

    def remove(self, usernames: Iterable[str]) -> None: ...

    def suspend(self, usernames: Iterable[str]) -> None: ...

    def resume(self, usernames: Iterable[str]) -> None: ...

    def listed(self) -> None:
        return None


class NotReachable:
    """For an installation that has not said where its broker is: everything is undone, and told."""

    def __init__(self, why: str) -> None:
        self._why = why

    def admit(self, accounts: Iterable[NewAccount]) -> None:  # noqa: ARG002
        raise BrokerUnavailable(self._why)

    def remove(self, usernames: Iterable[str]) -> None:  # noqa: ARG002
        raise BrokerUnavailable(self._why)

    def suspend(self, usernames: Iterable[str]) -> None:  # noqa: ARG002
        raise BrokerUnavailable(self._why)

    def resume(self, usernames: Iterable[str]) -> None:  # noqa: ARG002
        raise BrokerUnavailable(self._why)

    def listed(self) -> dict[str, bool] | None:
        raise BrokerUnavailable(self._why)
