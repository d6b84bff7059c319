"""API tokens: a person's rights narrowed to some actions, until a day; shown once, kept hashed.

A token is `onenet_<id>_<secret>`, so that one that leaks can be recognised, and its line found.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from registry.audit import note
from registry.models import ApiTokenRow, PersonRow
from registry.people import account_of
from registry.permissions import permissions
from registry.registry import Registry
from schemas.people import Person, Unacceptable

LONGEST_DAYS = 366
USED_EVERY = timedelta(minutes=1)
_TOKEN = re.compile(r"onenet_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_PATTERN = re.compile(r"\*|[a-z]+\.(\*|[a-z]+)|\*\.[a-z]+")


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as its owner sees it afterwards; the secret is gone."""

    id: str
    name: str
    actions: tuple[str, ...]
    created: datetime
    expires: datetime
    last_used: datetime | None
    revoked: datetime | None

    def state(self, at: datetime) -> str:
        if self.revoked is not None:
            return "revoked"
        return "valid" if self.expires > at else "expired"


def make(
    registry: Registry,
    person_id: str,
    *,
    name: str,
    actions: Sequence[str],
    days: int,
    at: datetime,
    who: str,
) -> str:
    """A new token, which is returned and kept nowhere. Raises Unacceptable."""
    _check(name, actions, days)
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with registry.session.begin() as session:
        session.get_one(PersonRow, person_id)
        row = ApiTokenRow(
            id=token_id,
            person=person_id,
            name=name.strip(),
            hash=_hashed(secret),
            actions=list(dict.fromkeys(actions)),
            created=at,
            expires=at + timedelta(days=days),
        )
        session.add(row)
        note(
            session,
            at=at,
            who=who,
            action="token.make",
            subject=f"token:{token_id}",
            before=None,
            after={
                "person": person_id,
                "name": row.name,
                "actions": row.actions,
                "expires": row.expires,
            },
        )
    return f"onenet_{token_id}_{secret}"


def person_of(registry: Registry, text: str, *, at: datetime) -> Person | None:
    """Who comes with this token, narrowed to what it is for; None when it opens nothing."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        return None
    with registry.session() as session:
        found = session.execute(
            select(ApiTokenRow, PersonRow)
            .join(PersonRow, PersonRow.id == ApiTokenRow.person)
            .where(ApiTokenRow.id == match[1])
        ).one_or_none()
        if found is None:
            return None
        token, person = found
        if not hmac.compare_digest(token.hash, _hashed(match[2])):
            return None
        if token.revoked is not None or token.expires <= at or person.disabled is not None:
            return None
        narrowed = account_of(person).person.model_copy(update={"only": tuple(token.actions)})
        stale = token.last_used is None or at - token.last_used >= USED_EVERY
    if stale:
        with registry.session.begin() as session:
            session.execute(
                update(ApiTokenRow).where(ApiTokenRow.id == match[1]).values(last_used=at)
            )
    return narrowed


def tokens_of(registry: Registry, person_id: str) -> list[ApiToken]:
    """A person's tokens, the newest first."""
    with registry.session() as session:
        query = select(ApiTokenRow).where(ApiTokenRow.person == person_id)
        return [_record(row) for row in session.scalars(query.order_by(ApiTokenRow.created.desc()))]


def revoke(registry: Registry, person_id: str, token_id: str, *, at: datetime, who: str) -> bool:
    """Let nobody in with it any more; whether there was such a one."""
    with registry.session.begin() as session:
        row = session.get(ApiTokenRow, token_id)
        if row is None or row.person != person_id or row.revoked is not None:
            return False
        row.revoked = at
        note(
            session,
            at=at,
            who=who,
            action="token.revoke",
            subject=f"token:{token_id}",
            before={"revoked": None},
            after={"revoked": at, "person": person_id},
        )
        return True


def _check(name: str, actions: Sequence[str], days: int) -> None:
    if not 1 <= len(name.strip()) <= 64:
        raise Unacceptable(
            "token_name",
            field="name",
            value=name[:80],
            rule="1 to 64 characters",
            remedy="say what it is for",
        )
    for action in actions:
        if not _PATTERN.fullmatch(action) or ("*" not in action and action not in permissions()):
            raise Unacceptable(
                "token_actions",
                field="actions",
                value=action[:80],
                rule="an action such as alert.read, or *.read, alert.*, *",
                remedy="see registry/permissions.yaml",
            )
    if not actions:
        raise Unacceptable(
            "token_actions", field="actions", value="", rule="one at least", remedy="e.g. *.read"
        )
    if not 1 <= days <= LONGEST_DAYS:
        raise Unacceptable(
            "token_days",
            field="days",
            value=str(days),
            rule=f"1 to {LONGEST_DAYS}",
            remedy="make a new one when it has expired",
        )


def _hashed(secret: str) -> str:
    # 256 random bits: nothing to guess, so a plain hash will do, and it is asked at every request.
    return hashlib.sha256(secret.encode()).hexdigest()


def _record(row: ApiTokenRow) -> ApiToken:
    return ApiToken(
        row.id,
        row.name,
        tuple(row.actions),
        row.created,
        row.expires,
        row.last_used,
        row.revoked,
    )
