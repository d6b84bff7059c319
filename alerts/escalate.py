"""Time that passes: alerts that nobody acts on climb their route's ladder."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.lifecycle import moved
from alerts.message import message
from alerts.record import note
from alerts.routing import Router, routes
from alerts.rulebook import rule_of
from registry import Registry
from registry.models import AlertRow
from schemas import StationId
from schemas.alerts import Alert, AlertState, Severity

CLOCK = "clock"

Step = Literal["acknowledge", "arrive"]
NEXT_STEP: dict[AlertState, Step] = {
    AlertState.OPEN: "acknowledge",
    AlertState.DISPATCHED: "arrive",
}


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


def is_overdue(alert: AlertRow | Alert, now: datetime) -> bool:
    """Whether an alert should climb now."""
    at = climbs_at(alert)
    return at is not None and now > at


def climbs_at(alert: AlertRow | Alert) -> datetime | None:
    """When an alert goes up a level if nobody acts; None where it does not, or has gone as far."""
    route = routes()[alert.route]
    if alert.at_level == route.ladder[-1] or alert.at_level not in route.ladder:
        return None
    step = NEXT_STEP.get(AlertState(alert.state))
    if step is None:
        return None
    due = alert.level_since + allowed(alert, step)
    return due if alert.snoozed_until is None else max(due, alert.snoozed_until)


def allowed(alert: AlertRow | Alert, step: Step) -> timedelta:
    """How long the route allows an alert's grade until it is acknowledged, or somebody arrives."""
    within = routes()[alert.route].within_min[Severity(alert.severity)]
    return timedelta(minutes=within.acknowledge if step == "acknowledge" else within.arrive)


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
    rule, district = rule_of(registry, row), registry.places()[row.district]
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
