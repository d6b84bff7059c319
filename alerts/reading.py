"""Alerts as others read them."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select

from registry import Registry
from registry.models import AlertEventRow, AlertRow
from schemas import Interval
from schemas.alerts import LIVE_STATES, Alert, AlertEvent, AlertState


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
    """Alerts, the newest first. Without `states`: all that were ever certain.

    since, until: of the alert's beginning.
    """
    query = select(AlertRow).order_by(AlertRow.opened.desc(), AlertRow.id.desc())
    if states is None:
        query = query.where(AlertRow.certain.is_not(None))
    else:
        query = query.where(AlertRow.state.in_(list(states)))
    exact = {
        AlertRow.station: station,
        AlertRow.district: district,
        AlertRow.severity: severity,
        AlertRow.medium: medium,
        AlertRow.rule: rule,
        AlertRow.route: route,
        AlertRow.assignee: assignee,
    }
    for column, value in exact.items():
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(AlertRow.started >= since)
    if until is not None:
        query = query.where(AlertRow.started < until)
    with registry.session() as session:
        return [alert_of(row) for row in session.scalars(query.limit(limit).offset(offset))]


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


def count_alerts(registry: Registry) -> int:
    """How many alerts were ever certain."""
    query = select(func.count()).select_from(AlertRow).where(AlertRow.certain.is_not(None))
    with registry.session() as session:
        return session.scalar(query) or 0


def alert_of(row: AlertRow) -> Alert:
    names = {name: name for name in Alert.model_fields} | {"limit": "limit_value"}
    return Alert.model_validate({name: getattr(row, column) for name, column in names.items()})
