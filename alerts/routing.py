"""Who is told of an alert, when, and how soon they must act. Routes are data: `routes.yaml`.

Told are those on duty for the alert's place at its level (where nobody is, at the next level up),
and who is told everything. People are left to sleep through what can wait until morning, and are
not told of what somebody has snoozed; systems are told at once, so that they know what is the case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, field_validator
from sqlalchemy.orm import Session

from alerts.channels.table import CHANNELS, broadcast_from_environment
from registry.duty import CITY, Duty, on_duty
from registry.models import AlertRow
from schemas import CITY_TIME
from schemas.alerts import Severity

Level = Literal["subdistrict", "district", "city"]
PERSON = "duty:"  # before a person's name: a person may be called as a channel is
LONGEST_NAME = 64
LEVELS: tuple[Level, ...] = ("subdistrict", "district", "city")


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Within(_Data):
    """Minutes: from the beginning to the acknowledgement, from the dispatch to the arrival."""

    acknowledge: int
    arrive: int


class Quiet(_Data):
    """Hours of the city's day in which messages of these grades wait."""

    from_hour: int
    to_hour: int
    grades: tuple[Severity, ...]

    @field_validator("grades")
    @classmethod
    def _grave_ones_never_wait(cls, grades: tuple[Severity, ...]) -> tuple[Severity, ...]:
        if any(grade.rank >= Severity.ORANGE.rank for grade in grades):
            raise ValueError("messages of orange and red alerts never wait; leave them out")
        return grades

    def wakes(self, grade: Severity, at: datetime) -> datetime:
        """When a message of a grade may go out: at once, or when the quiet hours are over."""
        local = at.astimezone(CITY_TIME)
        over_midnight = self.from_hour > self.to_hour
        late, early = local.hour >= self.from_hour, local.hour < self.to_hour
        quiet = (late or early) if over_midnight else (late and early)
        if grade not in self.grades or not quiet:
            return at
        end = local.replace(hour=self.to_hour, minute=0, second=0, microsecond=0)
        return end if end > local else end + timedelta(days=1)


class Route(_Data):
    ladder: tuple[Level, ...]
    within_min: dict[Severity, Within]
    quiet: Quiet | None = None
    tell: frozenset[str]


@cache
def routes() -> dict[str, Route]:
    """All routes by name. Raises pydantic.ValidationError where the file is wrong."""
    text = resources.files("alerts").joinpath("routes.yaml").read_text("utf-8")
    return {name: Route.model_validate(entry) for name, entry in yaml.safe_load(text).items()}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody, or a system, that is told.

    channels: names in the order in which they are tried. address: by channel, where one is needed.
    not_before: when the message may go out; None = at once.
    """

    name: str
    channels: tuple[str, ...]
    address: dict[str, str] = field(default_factory=dict)
    not_before: datetime | None = None


class Router:
    """Tells which recipients an event of an alert goes to.

    broadcast: who gets everything: a channel, or a channel and an address (`email:a@example.org`).
    """

    def __init__(self, broadcast: Iterable[str] = ()) -> None:
        self._broadcast = tuple(map(_everything, broadcast))

    def recipients(
        self, session: Session, alert: AlertRow, move: str, at: datetime
    ) -> tuple[Recipient, ...]:
        """Who is told of a move, and when; the roster is read in the event's own transaction."""
        route = routes()[alert.route]
        if move not in route.tell or alert.certain is None:
            return ()
        areas = [alert.subdistrict, alert.district, CITY][LEVELS.index(alert.at_level) :]
        known = [area for area in areas if area]
        people = [_of_duty(d) for d in on_duty(session, alert.route, known, alert.medium, at)]
        for recipient in self._broadcast:
            kind = CHANNELS[recipient.channels[0]]
            if kind.moves is None or move in kind.moves:
                people.append(recipient)
        snoozed = alert.snoozed_until is not None and alert.snoozed_until > at
        grade = Severity(alert.severity)
        due = route.quiet.wakes(grade, at) if route.quiet else at
        return tuple(
            replace(r, not_before=due) if _is_person(r) else r
            for r in people
            if not (snoozed and move != "escalate" and _is_person(r))
        )

    def operators(self, session: Session, at: datetime) -> tuple[Recipient, ...]:
        """Who is told about the network itself, at any hour."""
        told = [_of_duty(duty) for duty in on_duty(session, "operator", [CITY], None, at)]
        told += [r for r in self._broadcast if CHANNELS[r.channels[0]].moves is None]
        return tuple(told)


def router_from_environment() -> Router:
    """A router that knows who is told everything. Raises ValueError naming a wrong setting."""
    return Router(broadcast_from_environment())


def _everything(entry: str) -> Recipient:
    name, _, address = entry.partition(":")
    return Recipient(entry[:LONGEST_NAME], (name,), {name: address} if address else {})


def _of_duty(duty: Duty) -> Recipient:
    return Recipient(PERSON + duty.person, duty.channels, dict(duty.address))


def _is_person(recipient: Recipient) -> bool:
    by_name = recipient.name.startswith(PERSON)
    return by_name or CHANNELS[recipient.channels[0]].reaches == "people"
