"""Time that passes: alerts that nobody acts on climb their route's ladder."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.lifecycle import moved
from alerts.message import message
from alerts.record import note
from alerts.routing import Router, routes
from alerts.rulebook import rules_ever
from registry import Registry
from registry.models import AlertRow
from schemas import StationId
from schemas.alerts import AlertState, Severity

CLOCK = "clock"


def escalate(now: datetime, *, registry: Registry, router: Router) -> int:
    """Pass up what is overdue at its level, one level at a time; returns how many alerts.

    Overdue is an alert that is not acknowledged, or a dispatched one whose officer has not arrived,
    in the time that its route allows its grade. A snoozed alert waits.
    """
    due = [row.id for row in _waiting(registry) if is_overdue(row, now)]
    for number in due:
        with registry.session.begin() as session:
            _pass_up(registry, session, number, now, router)
    return len(due)


def is_overdue(row: AlertRow, now: datetime) -> bool:
    """Whether an alert should climb now."""
    route = routes()[row.route]
    if row.at_level == route.ladder[-1] or row.at_level not in route.ladder:
        return False
    if row.snoozed_until is not None and row.snoozed_until > now:
        return False
    within = route.within_min[Severity(row.severity)]
    if row.state == AlertState.OPEN:
        return now - row.level_since > timedelta(minutes=within.acknowledge)
    if row.state == AlertState.DISPATCHED:
        return now - row.level_since > timedelta(minutes=within.arrive)
    return False


def _waiting(registry: Registry) -> list[AlertRow]:
    query = select(AlertRow).where(AlertRow.state.in_((AlertState.OPEN, AlertState.DISPATCHED)))
    with registry.session() as session:
        return list(session.scalars(query))


def _pass_up(
    registry: Registry, session: Session, number: int, now: datetime, router: Router
) -> None:
    row = session.get_one(AlertRow, number, with_for_update=True)
    if not is_overdue(row, now):  # somebody acted meanwhile
        return
    ladder = routes()[row.route].ladder
    row.at_level = ladder[ladder.index(row.at_level) + 1]
    row.level_since = now
    before = AlertState(row.state)
    row.state = moved(before, "escalate")
    station = registry.stations().get(StationId(row.station)) if row.station else None
    rule, district = rules_ever(registry)[row.rule], registry.places()[row.district]
    why = f"not {'acknowledged' if before == AlertState.OPEN else 'arrived'} in time"
    note(
        session,
        row,
        "escalate",
        before,
        at=now,
        who=CLOCK,
        content=message("escalate", row, rule, station, district),
        router=router,
        why=why,
    )
