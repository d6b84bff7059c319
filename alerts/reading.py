"""Alerts as others read them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, false, func, or_, select, true

from registry import Registry
from registry.models import AlertEventRow, AlertPhotoRow, AlertRow, StationRow
from schemas import Interval
from schemas.alerts import LIVE_STATES, Alert, AlertEvent, AlertState, Severity


def open_alerts(registry: Registry) -> list[Alert]:
    """All alerts that wait for people, the gravest first, then the newest."""
    found = alerts(registry, states=LIVE_STATES, limit=10_000)
    return sorted(found, key=lambda a: (-a.severity.rank, -a.started.timestamp()))


def alerts(
    registry: Registry,
    *,
    states: Collection[AlertState] | None = None,
    station: str | None = None,
    district: str | None = None,
    severity: str | None = None,
    medium: str | None = None,
    rule: str | None = None,
    route: str | None = None,
    assignee: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[Alert]:
    """Alerts, the newest first, as `Wanted` asks for them."""
    wanted = Wanted(
        states, station, district, severity, medium, rule, route, assignee, since, until
    )
    return find(registry, wanted, limit=limit, offset=offset)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts are asked for; None = any. Without `states`: all that were ever certain.

    since, until: of the alert's beginning. scopes: of people, as `district:futian`.
    """

    states: Collection[AlertState] | None = None
    station: str | None = None
    district: str | None = None
    severity: str | None = None
    medium: str | None = None
    rule: str | None = None
    route: str | None = None
    assignee: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    scopes: Collection[str] | None = None


def find(
    registry: Registry, wanted: Wanted, *, urgent: bool = False, limit: int = 100, offset: int = 0
) -> list[Alert]:
    """Alerts, the newest first. urgent: unacknowledged ones before all, then the gravest."""
    order: list[ColumnElement[Any]] = [AlertRow.opened.desc(), AlertRow.id.desc()]
    if urgent:
        ranks = {str(severity): -severity.rank for severity in Severity}
        order = [
            case((AlertRow.state == AlertState.OPEN, 0), else_=1),
            case(ranks, value=AlertRow.severity),
            *order,
        ]
    query = select(AlertRow).where(*_conditions(wanted)).order_by(*order)
    with registry.session() as session:
        return [alert_of(row) for row in session.scalars(query.limit(limit).offset(offset))]


def count_by_state(registry: Registry, wanted: Wanted) -> dict[AlertState, int]:
    """How many alerts there are in each state that has any."""
    query = select(AlertRow.state, func.count()).where(*_conditions(wanted))
    with registry.session() as session:
        rows = session.execute(query.group_by(AlertRow.state)).all()
        return {AlertState(state): number for state, number in rows}


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.states is None:
        found.append(AlertRow.certain.is_not(None))
    else:
        found.append(AlertRow.state.in_(list(wanted.states)))
    for name in ("station", "district", "severity", "medium", "rule", "route", "assignee"):
        value = getattr(wanted, name)
        if value is not None:
            found.append(getattr(AlertRow, name) == value)
    if wanted.since is not None:
        found.append(AlertRow.started >= wanted.since)
    if wanted.until is not None:
        found.append(AlertRow.started < wanted.until)
    if wanted.scopes is not None:
        found.append(or_(false(), *map(_within, wanted.scopes)))
    return found


def _within(scope: str) -> ColumnElement[bool]:
    """The condition that `schemas.people.Located` says of one record."""
    kind, _, place = scope.partition(":")
    if kind == "city":
        return true()
    if kind == "enterprise":
        own = select(StationRow.id).where(StationRow.enterprise == place)
        return AlertRow.station.in_(own)
    return (AlertRow.district if kind == "district" else AlertRow.subdistrict) == place


def alerts_in(registry: Registry, window: Interval) -> list[Alert]:
    """Alerts whose breach began in a window and was ever certain, in order."""
    found = alerts(registry, since=window.start, until=window.end, limit=1_000_000)
    return sorted(found, key=lambda a: (a.started, a.id))


def alert(registry: Registry, number: int) -> Alert | None:
    with registry.session() as session:
        row = session.get(AlertRow, number)
        return None if row is None else alert_of(row)


def siblings(registry: Registry, of: Alert) -> list[Alert]:
    """The other alerts of the same event, the first of them first."""
    lead = of.incident or of.id
    query = (
        select(AlertRow)
        .where((AlertRow.incident == lead) | (AlertRow.id == lead), AlertRow.id != of.id)
        .order_by(AlertRow.id)
    )
    with registry.session() as session:
        return [alert_of(row) for row in session.scalars(query)]


def alert_events(registry: Registry, number: int) -> list[AlertEvent]:
    """What happened to an alert, in order."""
    query = select(AlertEventRow).where(AlertEventRow.alert_id == number).order_by(AlertEventRow.id)
    with registry.session() as session:
        return [
            AlertEvent(
                id=row.id,
                alert=row.alert_id,
                at=row.at,
                who=row.who,
                move=row.move,
                before=None if row.before is None else AlertState(row.before),
                after=AlertState(row.after),
                why=row.why,
                detail=json.loads(row.detail),
            )
            for row in session.scalars(query)
        ]


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture from the site. content is empty where only the list is asked for."""

    id: int
    event: int
    kind: str
    sha256: str
    content: bytes = b""


def photos(registry: Registry, number: int) -> list[Photo]:
    """The pictures of an alert, in order, without their content."""
    columns = (AlertPhotoRow.id, AlertPhotoRow.event_id, AlertPhotoRow.kind, AlertPhotoRow.sha256)
    query = select(*columns).where(AlertPhotoRow.alert_id == number).order_by(AlertPhotoRow.id)
    with registry.session() as session:
        return [Photo(*row) for row in session.execute(query)]


def photo(registry: Registry, number: int, photo_id: int) -> Photo | None:
    """One picture of an alert."""
    with registry.session() as session:
        row = session.get(AlertPhotoRow, photo_id)
        if row is None or row.alert_id != number:
            return None
        return Photo(row.id, row.event_id, row.kind, row.sha256, row.content)


def count_alerts(registry: Registry) -> int:
    """How many alerts were ever certain."""
    query = select(func.count()).select_from(AlertRow).where(AlertRow.certain.is_not(None))
    with registry.session() as session:
        return session.scalar(query) or 0


def alert_of(row: AlertRow) -> Alert:
    names = {name: name for name in Alert.model_fields} | {"limit": "limit_value"}
    return Alert.model_validate({name: getattr(row, column) for name, column in names.items()})
