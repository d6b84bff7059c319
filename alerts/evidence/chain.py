"""Bundles in the registry: frozen, one after the other, each naming the one before it.

The chain cannot fork, for no two rows may name the same predecessor: of two writers at once the
second makes its manifest again. The SHA-256 of each bundle is in the audit log, too, which is a
chain of its own; so a row that is altered, removed or added is found even at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import exists, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alerts.evidence.bundle import bundle, manifest_of, sha256
from alerts.evidence.gather import gather
from alerts.evidence.messages import messages_of
from alerts.evidence.parts import parts_of_facts
from alerts.evidence.verify import parts_of, verify
from registry import Registry, audit
from registry.models import AlertEventRow, AlertRow, AuditRow, EvidenceRow
from schemas.alerts import FINDINGS, LIVE_STATES, AlertState
from storage import Store, StoreUnavailable
from storage.raw import RawArchive, RawMessage, raw_archive

ACTION = "evidence.freeze"
ITSELF = "system:evidence"
AT_ONCE = 5  # bundles, some 2 s each; the others a minute later
TRIES = 20  # a bundle that others were faster than so often is a bug


@dataclass(frozen=True, slots=True)
class Evidence:
    """A bundle that was frozen. sha256: of its file."""

    id: int
    alert: int
    made: datetime
    who: str
    sha256: str
    previous: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """A place where the chain is not what was written. kind: altered, removed, added."""

    number: int
    kind: str
    what: str


class NoSuchEvidence(LookupError, ValueError):
    """There is no bundle of that number."""


def freeze(
    number: int,
    *,
    registry: Registry,
    store: Store,
    at: datetime,
    by: str,
    raw: RawArchive | None = None,
) -> Evidence:
    """Freeze what is known of an alert now into a new bundle; earlier ones stay.

    raw: the archive of messages, else the one of ONENET_RAW_ARCHIVE. Raises NoSuchAlert,
    StoreUnavailable.
    """
    at = at.astimezone(UTC)
    facts = gather(
        number,
        registry=registry,
        store=store,
        raw=raw or raw_archive(),
        kept=_kept_messages(registry, number),
        at=at,
        by=by,
    )
    parts, gaps = parts_of_facts(facts)
    for _ in range(TRIES):
        previous = _newest(registry)
        manifest = manifest_of(parts, alert=number, made=at, by=by, previous=previous, gaps=gaps)
        content = bundle(parts, manifest)
        try:
            return _append(registry, number, at, by, previous, content)
        except IntegrityError:  # somebody else's is behind that one now
            continue
    raise RuntimeError(f"evidence of alert {number} could not be appended after {TRIES} tries")


def freeze_due(
    registry: Registry,
    store: Store,
    now: datetime,
    *,
    raw_days: int = 7,
    raw: RawArchive | None = None,
) -> list[Evidence]:
    """Freeze what was closed with a finding, or changed after that, since its newest bundle.

    Alerts that still wait for people are frozen once before the archive of messages forgets their
    beginning; a later bundle takes the messages over. Raises StoreUnavailable, and at the end
    whatever else kept some from being frozen: one of them does not hold up the others.
    """
    forgotten = now - timedelta(days=raw_days) + timedelta(days=1)
    made: list[Evidence] = []
    failed: list[Exception] = []
    for number in _due(registry, forgotten):
        try:
            made.append(freeze(number, registry=registry, store=store, at=now, by=ITSELF, raw=raw))
        except StoreUnavailable:
            raise
        except Exception as error:
            error.add_note(f"evidence of alert {number}")
            failed.append(error)
    if failed:
        raise ExceptionGroup(f"{len(failed)} alerts could not be frozen", failed)
    return made


def _due(registry: Registry, forgotten: datetime) -> list[int]:
    changed = select(func.max(AlertEventRow.at)).where(AlertEventRow.alert_id == AlertRow.id)
    newer = exists().where(
        EvidenceRow.alert_id == AlertRow.id, EvidenceRow.made >= changed.scalar_subquery()
    )
    closed = (AlertRow.state == AlertState.CLOSED) & AlertRow.outcome.in_(list(FINDINGS)) & ~newer
    waiting = AlertRow.state.in_(list(LIVE_STATES)) & (AlertRow.started < forgotten)
    any_bundle = exists().where(EvidenceRow.alert_id == AlertRow.id)
    query = select(AlertRow.id).where(or_(closed, waiting & ~any_bundle))
    with registry.session() as session:
        return list(session.scalars(query.order_by(AlertRow.started).limit(AT_ONCE)))


def evidence_of(registry: Registry, number: int | None = None) -> list[Evidence]:
    """The bundles of an alert, or of all, the oldest first."""
    query = select(*_COLUMNS).order_by(EvidenceRow.id)
    if number is not None:
        query = query.where(EvidenceRow.alert_id == number)
    with registry.session() as session:
        return [Evidence(*row) for row in session.execute(query)]


def evidence(registry: Registry, evidence_id: int) -> tuple[Evidence, bytes]:
    """A bundle and its file. Raises NoSuchEvidence."""
    query = select(*_COLUMNS, EvidenceRow.content).where(EvidenceRow.id == evidence_id)
    with registry.session() as session:
        row = session.execute(query).one_or_none()
    if row is None:
        raise NoSuchEvidence(f"there is no evidence {evidence_id}; see `onenet evidence list`")
    return Evidence(*row[:-1]), row[-1]


def known(registry: Registry, digest: str) -> Evidence | None:
    """The bundle whose file has this SHA-256, if this registry froze it."""
    query = select(*_COLUMNS).where(EvidenceRow.sha256 == digest)
    with registry.session() as session:
        row = session.execute(query).one_or_none()
        return None if row is None else Evidence(*row)


def verify_chain(registry: Registry) -> Iterator[ChainBreak]:
    """Every place where the chain is broken, in order; nothing when it is whole."""
    with registry.session() as session:
        told = _told(session)
        numbers = list(session.scalars(select(EvidenceRow.id).order_by(EvidenceRow.id)))
        before = ""
        for number in numbers:
            row = session.get_one(EvidenceRow, number)
            yield from _breaks(row, before, told.pop(row.sha256, None))
            before = row.sha256
            session.expunge(row)  # a bundle is large: one at a time
        for digest, number in told.items():
            what = f"the bundle with SHA-256 {digest}, of audit entry {number}, is not there"
            yield ChainBreak(number, "removed", what)


def _told(session: Session) -> dict[str, int]:
    """SHA-256 of every bundle that the audit log tells of, with the number of its entry."""
    query = select(AuditRow.number, AuditRow.after).where(AuditRow.action == ACTION)
    found = {}
    for number, after in session.execute(query):
        with suppress(ValueError, KeyError, TypeError):  # broken: `audit verify` says where
            found[str(json.loads(after or "")["sha256"])] = number
    return found


def _breaks(row: EvidenceRow, before: str, told: int | None) -> Iterator[ChainBreak]:
    if sha256(row.content) != row.sha256:
        faults = "; ".join(map(str, verify(row.content).faults)) or "another bundle lies there"
        yield ChainBreak(row.id, "altered", f"evidence {row.id} is not what was frozen: {faults}")
        return
    if row.previous != before:
        what = f"evidence {row.id} does not follow what is now before it"
        yield ChainBreak(row.id, "removed", what)
    checked = verify(row.content)
    stated = {key: checked.manifest.get(key) for key in ("alert", "made", "by", "previous")}
    kept = {
        "alert": row.alert_id,
        "made": row.made.isoformat(),
        "by": row.who,
        "previous": row.previous,
    }
    if checked.faults or stated != kept:
        what = f"evidence {row.id}: the row says {kept}, its manifest {stated}"
        yield ChainBreak(row.id, "altered", what)
    if told is None:
        yield ChainBreak(row.id, "added", f"no entry of the audit log tells of evidence {row.id}")


_COLUMNS = (
    EvidenceRow.id,
    EvidenceRow.alert_id,
    EvidenceRow.made,
    EvidenceRow.who,
    EvidenceRow.sha256,
    EvidenceRow.previous,
    func.length(EvidenceRow.content),
)


def _newest(registry: Registry) -> str:
    query = select(EvidenceRow.sha256).order_by(EvidenceRow.id.desc()).limit(1)
    with registry.session() as session:
        return session.scalar(query) or ""


def _append(
    registry: Registry, number: int, at: datetime, by: str, previous: str, content: bytes
) -> Evidence:
    digest = sha256(content)
    values = {
        "alert_id": number,
        "made": at,
        "who": by,
        "sha256": digest,
        "previous": previous,
        "content": content,
    }
    with registry.session.begin() as session:
        added = session.scalar(insert(EvidenceRow).values(**values).returning(EvidenceRow.id))
        audit.note(
            session,
            at=at,
            who=by,
            action=ACTION,
            subject=f"alert:{number}",
            before=None,
            after={"evidence": added, "sha256": digest, "previous": previous},
        )
    return Evidence(added or 0, number, at, by, digest, previous, len(content))


def _kept_messages(registry: Registry, number: int) -> list[RawMessage]:
    """Of the newest bundle, which has taken over those of the ones before."""
    query = (
        select(EvidenceRow.content)
        .where(EvidenceRow.alert_id == number)
        .order_by(EvidenceRow.id.desc())
        .limit(1)
    )
    with registry.session() as session:
        content = session.scalar(query)
    return [] if content is None else messages_of(parts_of(content))
