"""Breaches become alerts: opened once, followed, ended; each change with its event and messages.

A breach belongs to the alert of the same rule and subject whose time it overlaps, whoever saw it
first: so both lanes make one alert, and corrected data move its beginning instead of raising
another. Every change is one transaction: the alert, its event, and what is to be delivered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alerts.lifecycle import moved
from alerts.message import message
from alerts.routing import LEVELS, Router
from alerts.rulebook import fingerprint
from alerts.windows import SHAPES
from registry import Registry
from registry.models import AlertEventRow, AlertRow, OutboxItemRow
from schemas import Interval
from schemas.alerts import AlertState, Breach, Outcome, Rule, Severity
from schemas.registry import Place, Station

EVALUATOR = "evaluator"
LATE = timedelta(hours=1)  # an alert that is certain only so long after its time came late
ONE_EVENT = timedelta(hours=2)  # what begins so close together, in a district, is one event
UNTOLD = ("suspect", "lapse", "revise", "note", "photo")
VOID = (Outcome.WITHDRAWN, Outcome.LAPSED)


@dataclass(frozen=True, slots=True)
class Case:
    """One rule at one subject: a sensor at its station, or a whole district."""

    rule: Rule
    subject: str
    district: Place
    sensor: str | None = None
    station: Station | None = None


class Recorder:
    """Writes what became of breaches.

    final: whoever judges has seen all data of the time; the fast lane has not, and so leaves it to
    the other to move an alert's beginning or to bring back what was withdrawn.
    """

    def __init__(self, registry: Registry, router: Router, *, final: bool) -> None:
        self._registry = registry
        self._router = router
        self._final = final

    def record(self, case: Case, breach: Breach, now: datetime) -> list[str]:
        """The moves that a breach made; none when all was known. Idempotent."""
        for _ in range(2):
            try:
                with self._registry.session.begin() as session:
                    return self._follow(session, case, breach, now)
            except IntegrityError:  # the other lane wrote it a moment ago: follow that
                continue
        return []

    def withdraw_others(
        self, case: Case, span: Interval, breaches: Iterable[Breach], now: datetime
    ) -> int:
        """Withdraw the alerts that began in a span, by now judged to have no such breach."""
        kept, withdrawn = list(breaches), 0
        with self._registry.session.begin() as session:
            for row in _overlapping(session, case, span.start, span.end):
                if row.started < span.start or any(meets(row, b) for b in kept):
                    continue
                if row.outcome in VOID:
                    continue
                row.ended = row.ended or row.started
                if row.state != AlertState.CLOSED:
                    row.outcome, row.closed = Outcome.WITHDRAWN, now
                    self._move(session, case, row, "withdraw", now)
                withdrawn += 1
        return withdrawn

    def _follow(self, session: Session, case: Case, breach: Breach, now: datetime) -> list[str]:
        row = _its_alert(_overlapping(session, case, breach.start, breach.end), breach)
        if row is None:
            return self._begin(session, case, breach, now)
        moves: list[str] = []
        if row.outcome in VOID:
            if not (self._final and breach.certain):
                return []
            row.outcome = row.closed = row.ended = None
            row.certain = now
            moves.append(self._move(session, case, row, "reappear", now))
        elif row.state == AlertState.PENDING and breach.certain:
            row.certain = row.opened = now
            moves.append(self._move(session, case, row, "open", now))
        graver = breach.severity != row.severity and breach.excess > row.excess
        self._renew(row, breach)
        if self._final and breach.start != row.started:
            row.started = breach.start
            moves.append(self._move(session, case, row, "revise", now))
        if graver and row.state != AlertState.CLOSED:
            moves.append(self._move(session, case, row, "graver", now))
        return moves + self._end(session, case, row, breach, now)

    def _begin(self, session: Session, case: Case, breach: Breach, now: datetime) -> list[str]:
        if not breach.certain and breach.end is not None:
            return []  # it has lapsed unseen
        row = _new(case, breach, now)
        row.incident = _incident(session, row)
        session.add(row)
        session.flush()
        moves = [self._move(session, case, row, "open" if breach.certain else "suspect", now)]
        return moves + self._end(session, case, row, breach, now)

    def _renew(self, row: AlertRow, breach: Breach) -> None:
        row.last = breach.last
        if (row.peak, row.peak_at, row.excess) != (breach.peak, breach.peak_at, breach.excess):
            row.peak, row.peak_at, row.excess = breach.peak, breach.peak_at, breach.excess
            row.limit_value, row.basis, row.severity = breach.limit, breach.basis, breach.severity

    def _end(
        self, session: Session, case: Case, row: AlertRow, breach: Breach, now: datetime
    ) -> list[str]:
        """The end of the breach, or that it goes on after all."""
        if breach.end == row.ended:
            return []
        if breach.end is None:
            row.ended = None
            return [self._move(session, case, row, "resume", now)]
        first = row.ended is None
        row.ended = breach.end
        if not first:
            return [self._move(session, case, row, "revise", now)]
        if row.state == AlertState.PENDING:
            row.outcome, row.closed = Outcome.LAPSED, now
            return [self._move(session, case, row, "lapse", now)]
        if case.rule.close == "recovery" and row.state in (
            AlertState.OPEN,
            AlertState.ACKNOWLEDGED,
        ):
            row.outcome, row.closed = Outcome.RECOVERED, now
            return [self._move(session, case, row, "recover_and_close", now)]
        return [self._move(session, case, row, "recover", now)]

    def _move(self, session: Session, case: Case, row: AlertRow, move: str, now: datetime) -> str:
        before = AlertState(row.state) if row.state else None
        row.state = moved(before, move)
        note(
            session,
            row,
            move,
            before,
            at=now,
            who=EVALUATOR,
            content=message(move, row, case.rule, case.station, case.district)
            if move not in UNTOLD
            else {"peak": row.peak, "last": row.last},
            router=self._router,
        )
        return move


def note(
    session: Session,
    row: AlertRow,
    move: str,
    before: AlertState | None,
    *,
    at: datetime,
    who: str,
    content: dict[str, object],
    router: Router,
    why: str = "",
) -> AlertEventRow:
    """Write an event, and put its message into the outbox of everybody who is to be told."""
    event = AlertEventRow(
        alert_id=row.id,
        at=at,
        who=who,
        move=move,
        before=before,
        after=row.state,
        why=why,
        detail=json.dumps(content, ensure_ascii=False),
    )
    session.add(event)
    session.flush()
    if move in UNTOLD:
        return event
    for recipient in router.recipients(session, row, move, at):
        session.add(
            OutboxItemRow(
                alert_id=row.id,
                event_id=event.id,
                recipient=recipient.name,
                channel=recipient.channels[0],
                channels=",".join(recipient.channels),
                address=json.dumps(recipient.address, ensure_ascii=False),
                key=f"alert-{row.id}-event-{event.id}",
                payload=event.detail,
                created=at,
                next_attempt=recipient.not_before or at,
            )
        )
    return event


def _overlapping(
    session: Session, case: Case, start: datetime, end: datetime | None
) -> list[AlertRow]:
    """Alerts of a rule and subject in whose time a breach falls, or that it touches; in order."""
    query = (
        select(AlertRow)
        .where(
            AlertRow.rule == case.rule.id,
            AlertRow.subject == case.subject,
            or_(AlertRow.ended.is_(None), AlertRow.ended > start, AlertRow.started == start),
        )
        .order_by(AlertRow.started)
    )
    if end is not None:
        query = query.where(AlertRow.started < end)
    return list(session.scalars(query))


def _its_alert(rows: list[AlertRow], breach: Breach) -> AlertRow | None:
    """Of the alerts in a breach's time, its own; one that is void only where it began just then."""
    valid = [row for row in rows if row.outcome not in VOID]
    void = [row for row in rows if row.outcome in VOID and row.started == breach.start]
    return next(iter([*valid, *void]), None)


def meets(row: AlertRow, breach: Breach) -> bool:
    """Whether a breach falls in an alert's time."""
    begins = row.ended is None or breach.start < row.ended or breach.start == row.started
    return begins and (breach.end is None or row.started < breach.end)


def _new(case: Case, breach: Breach, now: datetime) -> AlertRow:
    station = case.station
    subdistrict = station.subdistrict if station is not None else None
    return AlertRow(
        rule=case.rule.id,
        rule_hash=fingerprint(case.rule),
        kind=case.rule.kind,
        subject=case.subject,
        sensor=case.sensor,
        station=station.id if station is not None else None,
        district=case.district.id,
        subdistrict=subdistrict,
        medium=case.rule.medium,
        parameter=case.rule.parameter,
        severity=breach.severity,
        state="",
        route=case.rule.route,
        started=breach.start,
        limit_value=breach.limit,
        basis=breach.basis,
        peak=breach.peak,
        peak_at=breach.peak_at,
        excess=breach.excess,
        last=breach.last,
        opened=now,
        certain=now if breach.certain else None,
        at_level=LEVELS[0] if subdistrict else LEVELS[1],
        level_since=now,
        late=now - breach.start > LATE + _needed(case.rule),
        findings="",
    )


def breach_of(row: AlertRow) -> Breach:
    """The breach that an alert follows, as if it went on."""
    return Breach(
        rule=row.rule,
        subject=row.subject,
        start=row.started,
        end=None,
        certain=row.certain is not None,
        peak=row.peak,
        peak_at=row.peak_at,
        last=row.last,
        limit=row.limit_value,
        excess=row.excess,
        basis=row.basis,
        severity=Severity(row.severity),
    )


def _needed(rule: Rule) -> timedelta:
    """How long after a breach begins it can be certain at the earliest."""
    length = SHAPES[rule.window].length if rule.window in SHAPES else timedelta(0)
    return max(length, timedelta(minutes=rule.hold_min))


def _incident(session: Session, row: AlertRow) -> int | None:
    """The first alert of the event that a new one belongs to: district, parameter, time."""
    found = session.scalar(
        select(AlertRow)
        .where(
            AlertRow.district == row.district,
            AlertRow.parameter == row.parameter,
            AlertRow.route == row.route,
            AlertRow.state != AlertState.CLOSED,
            AlertRow.started >= row.started - ONE_EVENT,
            AlertRow.started <= row.started + ONE_EVENT,
        )
        .order_by(AlertRow.id)
        .limit(1)
    )
    return None if found is None else found.incident or found.id
