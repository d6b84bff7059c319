"""What a channel is handed, what it is, and the three ways in which it can fail to send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Earlier:
    """A message that was sent about the same alert before: its key and the moment of its event."""

    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """One message on its way to one recipient.

    key: the same for every attempt, so that a receiver knows a repeat. at: moment of the event.
    content: as `alerts.message` made it. recipient: a person on duty, or the channel itself for a
    message to everybody. address: of this channel, empty where it has its own. earlier: oldest
    first; only for channels that ask for it.
    """

    key: str
    at: datetime
    content: dict[str, Any]
    recipient: str = ""
    address: str = ""
    earlier: tuple[Earlier, ...] = ()


class Channel(Protocol):
    """A way to reach people or systems. parallel: how many letters it may send at a time."""

    name: str
    parallel: int

    def send(self, letter: Letter) -> None:
        """Deliver a letter. Raises Undeliverable, or one of its kinds."""


class Undeliverable(Exception):
    """The channel does not work now; its letters are tried again later, or by another channel.

    The text is kept and shown, so it never holds an address with a key in it.
    """


class Refused(Undeliverable):
    """The channel works and does not take this letter; others may go."""


class TooFast(Undeliverable):
    """The channel works and wants a pause; nothing is wrong with it or the letter."""


def link(console: str, content: dict[str, Any]) -> str:
    """Where a person acts on an alert; empty where there is no console, or no alert."""
    if not console or not content.get("alert"):
        return ""
    return f"{console.rstrip('/')}/alerts/{content['alert']}"
