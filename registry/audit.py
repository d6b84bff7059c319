"""The audit log: who changed what, when, before and after; append-only and hash-chained.

An entry is written in the transaction of the change that it tells of: both are kept or neither.
Each entry's hash covers its content and the hash of the entry before, so an entry that is altered,
removed or put elsewhere breaks the chain there. Whoever can rewrite the whole table can rewrite the
chain too: keep the head (`onenet audit verify` prints it) elsewhere, and hold the log against it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import Select, insert, select, update
from sqlalchemy.orm import Session

from registry.models import AuditHeadRow, AuditRow
from registry.registry import Registry

# A field of these names is told as changed but never with its value.
SECRET_FIELDS = frozenset(
    {"password", "password_hash", "secret", "totp_secret", "token", "hash", "recovery"}
)
NOT_KEPT = "(not kept)"
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. before, after: the fields concerned, None where there was nothing."""

    number: int
    at: datetime
    who: str
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    why: str
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the log is not what was written. kind: altered, removed, replaced or added."""

    number: int
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry: its number and hash stand for the whole log up to it."""

    number: int
    hash: str


def note(
    session: Session,
    *,
    at: datetime,
    who: str,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    why: str = "",
) -> None:
    """Write one entry in the caller's transaction.

    who: a person's id, or `system:…`. action: as in `permissions.yaml`, or the name of an event.
    subject: `alert:7`, `sensor:noise-01`. Call it after the changes themselves: from here until
    the transaction ends, every other writer of the log waits. Raises ValueError: time without zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"audit: time without zone: {at}")
    session.flush()
    session.execute(update(AuditHeadRow).values(number=AuditHeadRow.number + 1))
    number, previous = session.execute(select(AuditHeadRow.number, AuditHeadRow.hash)).one()
    content = {
        "number": number,
        "at": at.astimezone(UTC),
        "who": _plain(who)[:128],
        "action": action,
        "subject": _plain(subject),
        "before": _as_json(before),
        "after": _as_json(after),
        "why": _plain(why),
        "previous": previous,
    }
    digest = _digest(content)
    session.execute(insert(AuditRow).values(**content, hash=digest))
    session.execute(update(AuditHeadRow).values(hash=digest))


def head(registry: Registry) -> Head:
    with registry.session() as session:
        number, digest = session.execute(select(AuditHeadRow.number, AuditHeadRow.hash)).one()
        return Head(number, digest)


def verify(registry: Registry, *, expected: Head | None = None) -> list[Break]:
    """Every place where the log is broken, in order; empty when it is whole.

    expected: a head that was kept elsewhere; the log must still hold that very entry.
    """
    with registry.session() as session:
        return list(_breaks(session, expected))


def _breaks(session: Session, expected: Head | None) -> Iterator[Break]:
    # The head first: what is written while we read lies beyond it.
    newest, newest_hash = session.execute(select(AuditHeadRow.number, AuditHeadRow.hash)).one()
    last, last_hash = 0, ""
    query = select(AuditRow).where(AuditRow.number <= newest).order_by(AuditRow.number)
    for row in session.scalars(query.execution_options(yield_per=BATCH)):
        if row.number > last + 1:
            yield _removed(last + 1, row.number - 1)
        elif row.previous != last_hash:
            yield Break(
                row.number, "replaced", f"entry {row.number} does not follow what is now before it"
            )
        if row.hash != _digest(_content(row)):
            yield Break(row.number, "altered", f"entry {row.number} is not what was written")
        if expected and row.number == expected.number and row.hash != expected.hash:
            yield Break(
                row.number, "replaced", f"entry {row.number} is not the one of the kept head"
            )
        last, last_hash = row.number, row.hash
    if last < newest:
        yield _removed(last + 1, newest)
    elif last_hash != newest_hash:
        yield Break(last, "replaced", f"entry {last} is not the one that the head tells of")
    if expected and expected.number > newest:
        yield _removed(newest + 1, expected.number)
    beyond = select(AuditRow.number).where(
        AuditRow.number > select(AuditHeadRow.number).scalar_subquery()
    )
    for number in session.scalars(beyond.order_by(AuditRow.number)):
        yield Break(number, "added", f"entry {number} lies beyond the head")


def _removed(first: int, last: int) -> Break:
    what = f"entry {first}" if first == last else f"entries {first} to {last}"
    return Break(first, "removed", f"{what} removed")


def entries(
    registry: Registry,
    *,
    who: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = 200,
    offset: int = 0,
) -> Iterator[Entry]:
    """Entries, the newest first. who and subject: a part of them; action: one, or `alert.*`."""
    query = select(AuditRow).order_by(AuditRow.number.desc()).limit(limit).offset(offset)
    with registry.session() as session:
        chosen = _filtered(query, who, action, subject, since, until)
        for row in session.scalars(chosen.execution_options(yield_per=BATCH)):
            yield _entry(row)


def actions(registry: Registry) -> list[str]:
    """Every action that the log tells of."""
    with registry.session() as session:
        return list(session.scalars(select(AuditRow.action).distinct().order_by(AuditRow.action)))


def _filtered(
    query: Select[Any],
    who: str | None,
    action: str | None,
    subject: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Select[Any]:
    if who:
        query = query.where(AuditRow.who.contains(who, autoescape=True))
    if action and action.endswith("*"):
        query = query.where(AuditRow.action.startswith(action[:-1], autoescape=True))
    elif action:
        query = query.where(AuditRow.action == action)
    if subject:
        query = query.where(AuditRow.subject.contains(subject, autoescape=True))
    if since:
        query = query.where(AuditRow.at >= since)
    if until:
        query = query.where(AuditRow.at < until)
    return query


def as_line(entry: Entry) -> dict[str, Any]:
    """An entry as the export has it."""
    return {
        "number": entry.number,
        "at": entry.at.isoformat(),
        "who": entry.who,
        "action": entry.action,
        "subject": entry.subject,
        "before": entry.before,
        "after": entry.after,
        "why": entry.why,
        "hash": entry.hash,
    }


def _entry(row: AuditRow) -> Entry:
    return Entry(
        row.number,
        row.at,
        row.who,
        row.action,
        row.subject,
        _parsed(row.before),
        _parsed(row.after),
        row.why,
        row.hash,
    )


def _parsed(text: str | None) -> dict[str, Any] | None:
    """What was noted; a text that somebody has broken is shown as it is."""
    if text is None:
        return None
    try:
        loaded = json.loads(text, parse_constant=str)  # NaN is no JSON
    except ValueError:
        return {"?": text}
    return loaded if isinstance(loaded, dict) else {"?": text}


def _content(row: AuditRow) -> dict[str, Any]:
    columns = (column.key for column in AuditRow.__table__.columns if column.key != "hash")
    return {key: getattr(row, key) for key in columns}


def _digest(content: Mapping[str, Any]) -> str:
    told = {**content, "at": content["at"].astimezone(UTC).isoformat(timespec="microseconds")}
    return hashlib.sha256(_canonical(told).encode("ascii")).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=to_jsonable_python)


def _as_json(fields: Mapping[str, Any] | None) -> str | None:
    if fields is None:
        return None
    told = {
        str(key): NOT_KEPT if key in SECRET_FIELDS and value else value
        for key, value in fields.items()
    }
    return _canonical(told)


def _plain(text: str) -> str:
    """Text that every database takes: no NUL, no half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")
