"""What people do with alerts: the moves, what each needs, and who may make it.

Every move is one transaction: the alert, its event, the audit log, and what is to be delivered. A
move that is not possible, that lacks something, or that somebody may not make, changes nothing and
says why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.lifecycle import IllegalMove, moved
from alerts.message import message
from alerts.reading import alert_of
from alerts.record import LEVELS, UNTOLD, note
from alerts.routing import Router
from alerts.rulebook import rule_of
from registry import Registry, audit
from registry.models import AlertEventRow, AlertPhotoRow, AlertRow
from registry.permissions import refuse_unless
from schemas import StationId
from schemas.alerts import FINDINGS, LIVE_STATES, Alert, AlertState, Outcome
from schemas.people import Person

LONGEST_SNOOZE = timedelta(hours=24)
LONGEST_TEXT = 4000
LARGEST_PHOTO = 10 * 1024 * 1024
PHOTO_KINDS: Mapping[str, bytes] = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
}

# The action of `registry/permissions.yaml` that each move asks for.
ACTIONS = {
    "acknowledge": "alert.acknowledge",
    "dispatch": "alert.dispatch",
    "arrive": "alert.arrive",
    "close": "alert.close",
    "reopen": "alert.reopen",
    "merge": "alert.merge",
    "snooze": "alert.snooze",
    "hand_over": "alert.assign",
    "note": "alert.acknowledge",
    "photo": "alert.arrive",
}


class BadMove(ValueError):
    """A move lacks something, or has it wrong: names the field, the value, the rule, the remedy."""

    def __init__(self, field: str, value: object, rule: str, remedy: str) -> None:
        super().__init__(f"{field}={value!r}: {rule}; {remedy}")
        self.field = field
        self.rule = rule
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Move:
    """A move and what goes with it.

    why: reason or note. to: who is dispatched, or gets the alert. outcome, findings: of closing.
    until: of a snooze. into: the alert that this one is merged into. level: of a hand-over. seen:
    the newest event that the person saw; the same move again, by who saw no more, is done already.
    """

    name: str
    why: str = ""
    to: str = ""
    outcome: str = ""
    findings: str = ""
    until: datetime | None = None
    into: int | None = None
    level: str = ""
    seen: int | None = None


class NoSuchAlert(LookupError):
    """There is no alert of that number."""


def act(
    registry: Registry, number: int, move: Move, *, by: Person, at: datetime, router: Router
) -> Alert:
    """Make a move and return the alert as it is then.

    Raises NoSuchAlert, IllegalMove, BadMove, and registry.permissions.Forbidden.
    """
    with registry.session.begin() as session:
        row = _row(session, number)
        _refuse(row, move.name, by)
        if _is_repeat(session, row, move.name, by, move.seen):
            return alert_of(row)
        before = AlertState(row.state)
        after = moved(before, move.name)
        old = _told(row)
        _TAKE[move.name](session, row, move, at)
        row.state = after
        _write(registry, session, row, move, before, old, by, at, router)
        return alert_of(row)


def add_photo(
    registry: Registry, number: int, content: bytes, *, by: Person, at: datetime, router: Router
) -> Alert:
    """Keep a picture from the site, JPEG or PNG, 10 MiB at most; the same one only once.

    Raises as `act` does.
    """
    kind = next((k for k, head in PHOTO_KINDS.items() if content.startswith(head)), None)
    if kind is None:
        raise BadMove("photo", content[:8], "is a JPEG or PNG picture", "send the picture itself")
    if len(content) > LARGEST_PHOTO:
        raise BadMove("photo", len(content), "has 10 MiB at most", "take it at a lower resolution")
    digest = hashlib.sha256(content).hexdigest()
    with registry.session.begin() as session:
        row = _row(session, number)
        _refuse(row, "photo", by)
        before = AlertState(row.state)
        row.state = moved(before, "photo")
        same = (AlertPhotoRow.alert_id == row.id, AlertPhotoRow.sha256 == digest)
        if session.scalar(select(AlertPhotoRow.id).where(*same)) is not None:
            return alert_of(row)
        event = note(
            session,
            row,
            "photo",
            before,
            at=at,
            who=by.id,
            content={"sha256": digest, "bytes": len(content), "kind": kind},
            router=router,
        )
        photo = AlertPhotoRow(
            alert_id=row.id, event_id=event.id, kind=kind, sha256=digest, content=content
        )
        session.add(photo)
        audit.note(
            session,
            at=at,
            who=by.id,
            action="alert.photo",
            subject=f"alert:{row.id}",
            before=None,
            after={"sha256": digest, "bytes": len(content)},
        )
        return alert_of(row)


def _row(session: Session, number: int) -> AlertRow:
    row = session.get(AlertRow, number, with_for_update=True)
    if row is None:
        raise NoSuchAlert(f"there is no alert {number}")
    return row


def _refuse(row: AlertRow, move: str, by: Person) -> None:
    if move not in ACTIONS:
        raise IllegalMove(f"there is no move {move!r}; there are {', '.join(ACTIONS)}")
    refuse_unless(by, ACTIONS[move], district=row.district, subdistrict=row.subdistrict)


def _is_repeat(session: Session, row: AlertRow, move: str, by: Person, seen: int | None) -> bool:
    """Whether a form was sent twice."""
    if seen is None:
        return False
    later = select(AlertEventRow.id).where(
        AlertEventRow.alert_id == row.id,
        AlertEventRow.id > seen,
        AlertEventRow.who == by.id,
        AlertEventRow.move == move,
    )
    return session.scalar(later.limit(1)) is not None


def _write(
    registry: Registry,
    session: Session,
    row: AlertRow,
    move: Move,
    before: AlertState,
    old: dict[str, Any],
    by: Person,
    at: datetime,
    router: Router,
) -> None:
    rule = rule_of(registry, row)
    station = registry.stations().get(StationId(row.station)) if row.station else None
    content: dict[str, Any] = _told(row)
    if move.name not in UNTOLD:
        district = registry.places()[row.district]
        content = message(move.name, row, rule, station, district, move.why) | content
    note(
        session,
        row,
        move.name,
        before,
        at=at,
        who=by.id,
        content=content,
        router=router,
        why=move.why or move.findings,
    )
    audit.note(
        session,
        at=at,
        who=by.id,
        action=f"alert.{move.name}",
        subject=f"alert:{row.id}",
        before=old,
        after=_told(row),
        why=move.why or move.findings,
    )


def _told(row: AlertRow) -> dict[str, Any]:
    """What the audit log keeps of an alert."""
    return {
        "state": str(row.state),
        "outcome": row.outcome,
        "at_level": row.at_level,
        "assignee": row.assignee,
        "findings": row.findings,
        "snoozed_until": row.snoozed_until.isoformat() if row.snoozed_until else None,
        "merged_into": row.merged_into,
    }


# What each move takes, and what it does besides the change of state.


def _acknowledge(_s: Session, row: AlertRow, _move: Move, at: datetime) -> None:
    row.acknowledged = row.acknowledged or at
    row.snoozed_until = None


def _dispatch(_s: Session, row: AlertRow, move: Move, at: datetime) -> None:
    row.assignee = _text("to", move.to, "names who is sent", "give a person or a unit", 64)
    row.acknowledged = row.acknowledged or at
    row.dispatched = at
    row.level_since = at
    row.snoozed_until = None


def _arrive(_s: Session, row: AlertRow, _move: Move, at: datetime) -> None:
    row.arrived = at


def _close(_s: Session, row: AlertRow, move: Move, at: datetime) -> None:
    if move.outcome not in FINDINGS:
        raise BadMove("outcome", move.outcome, f"is one of {', '.join(FINDINGS)}", "choose one")
    row.findings = _text("findings", move.findings, "says what was found", "describe it")
    row.outcome, row.closed, row.snoozed_until = Outcome(move.outcome), at, None


def _reopen(_s: Session, row: AlertRow, move: Move, at: datetime) -> None:
    _text("why", move.why, "says why the alert is opened again", "give the reason")
    row.outcome = row.closed = row.merged_into = None
    row.acknowledged = row.dispatched = row.arrived = None
    row.level_since = at


def _merge(session: Session, row: AlertRow, move: Move, at: datetime) -> None:
    into = session.get(AlertRow, move.into) if move.into is not None else None
    remedy = "give the number of a live alert of the same district and parameter"
    if into is None or into.id == row.id:
        raise BadMove("into", move.into, "is another alert", remedy)
    if into.state not in LIVE_STATES:
        raise BadMove("into", move.into, f"is an alert that is not {into.state}", remedy)
    if (into.district, into.parameter) != (row.district, row.parameter):
        raise BadMove("into", move.into, "is of the same district and parameter", remedy)
    row.merged_into, row.outcome, row.closed = into.id, Outcome.MERGED, at
    row.incident = into.incident or into.id


def _snooze(_s: Session, row: AlertRow, move: Move, at: datetime) -> None:
    _text("why", move.why, "says why the alert may wait", "give the reason")
    if move.until is None or not at < move.until <= at + LONGEST_SNOOZE:
        raise BadMove(
            "until", move.until, "lies in the next 24 hours", "choose an earlier time, or close it"
        )
    row.snoozed_until = move.until


def _hand_over(_s: Session, row: AlertRow, move: Move, at: datetime) -> None:
    _text("why", move.why, "says why the alert is handed over", "give the reason")
    if move.level and move.level not in LEVELS:
        raise BadMove("level", move.level, f"is one of {', '.join(LEVELS)}", "choose one")
    if not move.level and not move.to:
        raise BadMove("level", "", "a level or a person gets the alert", "give `level` or `to`")
    if move.level:
        row.at_level, row.level_since = move.level, at
    row.assignee = move.to or None


def _note(_s: Session, _row: AlertRow, move: Move, _at: datetime) -> None:
    _text("why", move.why, "is the note", "write it")


_TAKE: dict[str, Callable[[Session, AlertRow, Move, datetime], None]] = {
    "acknowledge": _acknowledge,
    "dispatch": _dispatch,
    "arrive": _arrive,
    "close": _close,
    "reopen": _reopen,
    "merge": _merge,
    "snooze": _snooze,
    "hand_over": _hand_over,
    "note": _note,
}


def _text(field: str, value: str, rule: str, remedy: str, longest: int = LONGEST_TEXT) -> str:
    text = value.strip()
    if not text:
        raise BadMove(field, value, rule, remedy)
    if len(text) > longest:
        raise BadMove(field, f"{len(text)} characters", f"has {longest} at most", "shorten it")
    return text
