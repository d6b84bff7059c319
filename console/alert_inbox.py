"""The alert inbox: which alerts a person sees, in which order, folded into the events they are of.

Pure but for what it reads from the registry. Unacknowledged alerts come first, then the gravest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query

import alerts as alerting
from alerts import Wanted
from alerts.moves import ACTIONS
from alerts.routing import routes
from console.pages import AlertLine, alert_lines
from registry import Registry
from registry.permissions import may
from schemas import Medium
from schemas.alerts import LIVE_STATES, Alert, AlertState, Severity
from schemas.people import PUBLIC, Person, Role

PAGE = 60
MINE = "mine"
FARTHEST = 1_000_000
SOON = timedelta(minutes=15)

Name = Annotated[str, Query(max_length=64, pattern="^[^\\x00]*$")]


@dataclass(frozen=True, slots=True)
class Filters:
    """What the visitor has chosen; empty = any.

    state: a state, `live` or `all`. district: an id, or `mine` for one's scopes. assignee: a
    person, or `mine`.
    """

    state: str = "live"
    district: str = ""
    medium: str = ""
    severity: str = ""
    route: str = ""
    assignee: str = ""
    rule: str = ""

    def query(self, **other: str) -> str:
        """As the address of a page; other: what to change."""
        chosen = {name: getattr(self, name) for name in self.__slots__} | other
        return urlencode({k: v for k, v in chosen.items() if v or k == "district"})

    def wanted(self, person: Person) -> Wanted:
        """What is to be found, for a person."""
        mine = self.district == MINE
        return Wanted(
            states=_states(self.state),
            district=None if mine else self.district or None,
            severity=self.severity or None,
            medium=self.medium or None,
            rule=self.rule or None,
            route=self.route or None,
            assignee=person.id if self.assignee == MINE else self.assignee or None,
            scopes=person.scopes if mine else None,
        )


def filters(
    state: Annotated[str, Query(pattern="^(live|all|" + "|".join(AlertState) + ")$")] = "live",
    district: Name | None = None,
    medium: Medium | None = None,
    severity: Severity | None = None,
    route: Name = "",
    assignee: Name = "",
    rule: Name = "",
) -> tuple[Filters, bool]:
    """A dependency: the filters, and whether the district was chosen at all."""
    chosen = Filters(state, district or "", medium or "", severity or "", route, assignee, rule)
    return chosen, district is not None


Asked = Annotated[tuple[Filters, bool], Depends(filters)]


def settled(asked: tuple[Filters, bool], person: Person) -> Filters:
    """The filters with one's own area where none was chosen, for those who work in one."""
    chosen, named = asked
    bounded = person.scopes and "city" not in person.scopes
    if named or not bounded or not {Role.ENFORCEMENT, Role.OPERATOR} & set(person.roles):
        return chosen
    return replace(chosen, district=MINE)


@dataclass(frozen=True, slots=True)
class Item:
    """An alert in the inbox. left: until it goes up a level, None where it does not.

    quick: whether the person may acknowledge it here and now.
    """

    line: AlertLine
    left: timedelta | None
    snoozed: bool
    quick: bool

    @property
    def soon(self) -> bool:
        return self.left is not None and self.left <= SOON


@dataclass(frozen=True, slots=True)
class Event:
    """What happened at one time in one district to one parameter: an alert and its siblings."""

    first: Item
    others: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Inbox:
    """events: of this page. counts: alerts by state, whichever state is chosen. more: a page on."""

    events: tuple[Event, ...]
    counts: Mapping[AlertState, int]
    more: bool

    @property
    def live(self) -> int:
        return sum(self.counts.get(state, 0) for state in LIVE_STATES)

    def reds(self) -> list[Alert]:
        """Red alerts that nobody has acknowledged."""
        items = (item for event in self.events for item in (event.first, *event.others))
        found = [item.line.alert for item in items]
        return [a for a in found if a.severity is Severity.RED and a.state is AlertState.OPEN]


def inbox(
    registry: Registry, chosen: Filters, person: Person, now: datetime, offset: int = 0
) -> Inbox:
    """A page of the inbox."""
    wanted = chosen.wanted(person)
    urgent = chosen.state != "all" and chosen.state != AlertState.CLOSED
    found = alerting.find(registry, wanted, urgent=urgent, limit=PAGE + 1, offset=offset)
    items = [_item(line, person, now) for line in alert_lines(found[:PAGE], registry)]
    counts = alerting.count_by_state(registry, replace(wanted, states=None))
    return Inbox(tuple(_events(items)), counts, len(found) > PAGE)


def _item(line: AlertLine, person: Person, now: datetime) -> Item:
    alert = line.alert
    at = alerting.climbs_at(alert)
    snoozed = alert.snoozed_until is not None and alert.snoozed_until > now
    place = {"district": alert.district, "subdistrict": alert.subdistrict}
    quick = alert.state is AlertState.OPEN and may(person, ACTIONS["acknowledge"], **place)
    return Item(line, None if at is None else max(at - now, timedelta(0)), snoozed, quick)


def _events(items: Sequence[Item]) -> Iterable[Event]:
    """In the order of each event's most urgent alert."""
    groups: dict[int, list[Item]] = {}
    for item in items:
        groups.setdefault(item.line.alert.incident or item.line.alert.id, []).append(item)
    return (Event(first, tuple(others)) for first, *others in groups.values())


def _states(name: str) -> tuple[AlertState, ...] | None:
    if name == "live":
        return LIVE_STATES
    return None if name == "all" else (AlertState(name),)


def choices(registry: Registry, person: Person) -> dict[str, Any]:
    """What the filters offer."""
    places = registry.places()
    return {
        "districts": [place for place in places.values() if place.kind == "district"],
        "media": list(Medium),
        "severities": list(reversed(Severity)),
        "routes": list(routes()),
        "rules": list(alerting.rules_ever(registry).values()),
        "has_area": person.id != PUBLIC.id and bool(person.scopes),
    }
