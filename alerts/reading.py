"""Alerts as others read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from registry import Registry
from registry.models import AlertEventRow, AlertRow
from schemas import Interval, ParameterKey
from schemas.alerts import Alert, AlertState, Severity

_GRAVEST_FIRST = {"red": 0, "orange": 1, "yellow": 2, "blue": 3}


@dataclass(frozen=True, slots=True)
class AlertEvent:
    at: datetime
    who: str
    kind: str
    detail: dict[str, Any]


def open_alerts(registry: Registry) -> list[Alert]:
    """All open alerts, the gravest first, then the newest."""
    found = alerts(registry, state=AlertState.OPEN, limit=10_000)
    return sorted(found, key=lambda a: (_GRAVEST_FIRST[a.severity], -a.started.timestamp()))


def alerts(
    registry: Registry,
    *,
    state: AlertState | None = None,
    station: str | None = None,
    limit: int = 100,
) -> list[Alert]:
    """Alerts, the newest first."""
    query = select(AlertRow).order_by(AlertRow.opened.desc(), AlertRow.id.desc()).limit(limit)
    if state is not None:
        query = query.where(AlertRow.state == state)
    if station is not None:
        query = query.where(AlertRow.station == station)
    with registry.session() as session:
        return [_alert(row) for row in session.scalars(query)]


def alerts_in(registry: Registry, window: Interval) -> list[Alert]:
    """Alerts whose breach began in a window, in order."""
    query = (
        select(AlertRow)
        .where(AlertRow.started >= window.start, AlertRow.started < window.end)
        .order_by(AlertRow.started, AlertRow.id)
    )
    with registry.session() as session:
        return [_alert(row) for row in session.scalars(query)]


def alert(registry: Registry, number: int) -> Alert | None:
    with registry.session() as session:
        row = session.get(AlertRow, number)
        return None if row is None else _alert(row)


def alert_events(registry: Registry, number: int) -> list[AlertEvent]:
    """What happened to an alert, in order."""
    query = select(AlertEventRow).where(AlertEventRow.alert_id == number).order_by(AlertEventRow.id)
    with registry.session() as session:
        return [
            AlertEvent(row.at, row.who, row.kind, json.loads(row.detail))
            for row in session.scalars(query)
        ]


def count_alerts(registry: Registry) -> int:
    with registry.session() as session:
        return session.scalar(select(func.count()).select_from(AlertRow)) or 0


def _alert(row: AlertRow) -> Alert:
    return Alert(
        id=row.id,
        rule=row.rule,
        sensor=row.sensor,
        station=row.station,
        district=row.district,
        parameter=ParameterKey(row.parameter),
        severity=Severity(row.severity),
        state=AlertState(row.state),
        started=row.started,
        ended=row.ended,
        limit=row.limit_value,
        peak=row.peak,
        last=row.last,
        opened=row.opened,
        closed=row.closed,
    )
