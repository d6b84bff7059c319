"""Sessions of the console: kept in the database, so that a restart logs nobody out.

The cookie is a random text; only its hash is kept. A session ends when it was idle for too long, at
its absolute end, at log-out, and when the account's password changes or the account is disabled.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from registry.audit import note
from registry.models import PersonRow, SessionRow
from registry.people import Account, account_of
from registry.registry import Registry

FULL, SECOND, SSO = "full", "second", "sso"
SEEN_EVERY = timedelta(minutes=1)  # a page a second must not be a write a second


@dataclass(frozen=True, slots=True)
class Lifetimes:
    idle: timedelta = timedelta(hours=2)
    absolute: timedelta = timedelta(hours=12)
    on_the_way: timedelta = timedelta(minutes=10)  # to the second factor, or to single sign-on


@dataclass(frozen=True, slots=True)
class Visit:
    """One session as pages see it. account: None on the way to single sign-on."""

    id: str
    account: Account | None
    stage: str
    csrf: str
    data: dict[str, str]
    created: datetime
    seen: datetime
    ends: datetime
    address: str
    agent: str


def open_session(
    registry: Registry,
    person_id: str | None,
    *,
    at: datetime,
    lifetimes: Lifetimes,
    stage: str = FULL,
    data: dict[str, str] | None = None,
    address: str = "",
    agent: str = "",
    instead_of: str | None = None,
) -> str:
    """A new session under a new cookie, which is returned. instead_of: a session that ends here."""
    cookie = secrets.token_urlsafe(32)
    life = lifetimes.absolute if stage == FULL else lifetimes.on_the_way
    with registry.session.begin() as session:
        session.execute(delete(SessionRow).where(SessionRow.ends <= at))
        if instead_of is not None:
            session.execute(delete(SessionRow).where(SessionRow.id == instead_of))
        session.add(
            SessionRow(
                id=key_of(cookie),
                person=person_id,
                stage=stage,
                csrf=secrets.token_urlsafe(32),
                data=data or {},
                created=at,
                seen=at,
                ends=at + life,
                address=address[:64],
                agent=agent[:200],
            )
        )
    return cookie


def find_session(
    registry: Registry, cookie: str, *, at: datetime, lifetimes: Lifetimes
) -> Visit | None:
    """The session of a cookie, unless it has ended or its account was disabled."""
    with registry.session() as session:
        found = session.execute(
            select(SessionRow, PersonRow)
            .outerjoin(PersonRow, PersonRow.id == SessionRow.person)
            .where(SessionRow.id == key_of(cookie))
        ).one_or_none()
        if found is None:
            return None
        row, person = found
        if row.ends <= at or row.seen + lifetimes.idle <= at:
            return None
        if person is not None and person.disabled is not None:
            return None
        visit = _visit(row, None if person is None else account_of(person))
    if at - visit.seen >= SEEN_EVERY:
        with registry.session.begin() as session:
            session.execute(update(SessionRow).where(SessionRow.id == visit.id).values(seen=at))
    return visit


def sessions_of(
    registry: Registry, person_id: str, *, at: datetime, lifetimes: Lifetimes
) -> list[Visit]:
    """Where somebody is logged in now, the latest first."""
    with registry.session() as session:
        query = select(SessionRow).where(
            SessionRow.person == person_id,
            SessionRow.stage == FULL,
            SessionRow.ends > at,
            SessionRow.seen > at - lifetimes.idle,
        )
        return [
            _visit(row, None) for row in session.scalars(query.order_by(SessionRow.seen.desc()))
        ]


def end(registry: Registry, session_id: str) -> None:
    with registry.session.begin() as session:
        session.execute(delete(SessionRow).where(SessionRow.id == session_id))


def end_one_of(registry: Registry, person_id: str, session_id: str, *, at: datetime) -> bool:
    """End one session of one's own; whether there was such a one."""
    with registry.session.begin() as session:
        ended = session.execute(
            delete(SessionRow).where(SessionRow.id == session_id, SessionRow.person == person_id)
        )
        if not getattr(ended, "rowcount", 0):
            return False
        note(
            session,
            at=at,
            who=person_id,
            action="account.session_end",
            subject=f"person:{person_id}",
            before=None,
            after=None,
        )
        return True


def key_of(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()


def _visit(row: SessionRow, account: Account | None) -> Visit:
    return Visit(
        row.id,
        account,
        row.stage,
        row.csrf,
        dict(row.data),
        row.created,
        row.seen,
        row.ends,
        row.address,
        row.agent,
    )
