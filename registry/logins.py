"""Logging in: password, second factor, and what slows down guessing.

A failure is counted before the password is looked at, so that many guesses at once do not slip
through, and is taken back when it was right. Unknown names are counted, and cost the same time, as
known ones: nothing here tells which accounts exist. Every outcome is in the audit log.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from registry import passwords
from registry.audit import note
from registry.models import AuditRow, LoginFailureRow, PersonRow
from registry.people import Account, account_of
from registry.registry import Registry
from registry.second_factor import Vault, take_code
from schemas.people import PERSON_PATTERN

# A name that is no account is not kept in the log: people type passwords into the wrong field.
UNKNOWN = "(unknown)"


@dataclass(frozen=True, slots=True)
class Limits:
    """So many failures within `window` lock an account or an address for `lock`."""

    account: int = 5
    address: int = 20
    window: timedelta = timedelta(minutes=15)
    lock: timedelta = timedelta(minutes=15)


class LoginRefused(Exception):
    """Not let in: what was given is wrong, or it is locked and may be tried again at `until`."""

    def __init__(self, until: datetime | None = None) -> None:
        super().__init__("name or password is wrong" if until is None else f"locked until {until}")
        self.until = until


def check_password(
    registry: Registry,
    name: str,
    password: str,
    *,
    address: str,
    at: datetime,
    limits: Limits | None = None,
) -> Account:
    """The account that name and password open. Raises LoginRefused."""
    name = name.strip().casefold()
    if not re.fullmatch(PERSON_PATTERN, name):
        name = UNKNOWN
    keys = _keys(name, address)
    _count(registry, keys, at, limits or Limits())
    with registry.session() as session:
        row = session.get(PersonRow, name)
        hashed = None if row is None or row.disabled else row.password_hash
    if not passwords.fits(password, hashed) or row is None or hashed is None:
        failed(registry, UNKNOWN if row is None else name, address, at, "password")
        raise LoginRefused
    with registry.session.begin() as session:
        _take_back(session, keys, through=row.totp_since is None)
        if passwords.outdated(hashed):
            session.execute(
                update(PersonRow)
                .where(PersonRow.id == name)
                .values(password_hash=passwords.hash_password(password))
            )
    return account_of(row)


def check_second_factor(
    registry: Registry,
    person_id: str,
    given: str,
    *,
    vault: Vault,
    address: str,
    at: datetime,
    limits: Limits | None = None,
) -> None:
    """A code of the authenticator app, or a recovery code. Raises LoginRefused."""
    keys = _keys(person_id, address)
    _count(registry, keys, at, limits or Limits())
    with registry.session.begin() as session:
        right = take_code(session, person_id, given, vault=vault, at=at)
        if right:
            _take_back(session, keys, through=True)
    if not right:
        failed(registry, person_id, address, at, "second factor")
        raise LoginRefused


def logged_in(registry: Registry, person_id: str, *, how: str, address: str, at: datetime) -> None:
    """Tell the audit log. how: password, second factor, single sign-on."""
    with registry.session.begin() as session:
        note(
            session,
            at=at,
            who=person_id,
            action="login",
            subject=f"person:{person_id}",
            before=None,
            after={"how": how, "address": address},
        )


def logged_out(registry: Registry, person_id: str, *, at: datetime) -> None:
    with registry.session.begin() as session:
        note(
            session,
            at=at,
            who=person_id,
            action="logout",
            subject=f"person:{person_id}",
            before=None,
            after=None,
        )


def failed(registry: Registry, known: str, address: str, at: datetime, what: str) -> None:
    with registry.session.begin() as session:
        note(
            session,
            at=at,
            who="anonymous",
            action="login.failed",
            subject=f"person:{known}",
            before=None,
            after={"what": what, "address": address},
        )


def failed_since(registry: Registry, since: datetime) -> tuple[int, int]:
    """How many log-ins of people have failed since then, and from how many addresses."""
    query = select(AuditRow.after).where(AuditRow.at >= since, AuditRow.action == "login.failed")
    with registry.session() as session:
        told = [json.loads(after or "{}") for after in session.scalars(query)]
    return len(told), len({about.get("address") for about in told})


def _keys(name: str, address: str) -> tuple[str, str]:
    return f"account:{name}"[:128], f"address:{_network(address)}"[:128]


def _network(address: str) -> str:
    """An address; of IPv6 the network, for everybody has 2⁶⁴ addresses there."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _count(registry: Registry, keys: tuple[str, str], at: datetime, limits: Limits) -> None:
    """One more attempt, committed at once. Raises LoginRefused where there were too many."""
    locks = []
    with registry.session.begin() as session:
        session.execute(
            delete(LoginFailureRow).where(
                LoginFailureRow.last < at - limits.window,
                func.coalesce(LoginFailureRow.locked_until, at) <= at,
            )
        )
        for key, most in zip(keys, (limits.account, limits.address), strict=True):
            until, fresh = _count_one(session, key, most, at, limits)
            if until is not None:
                locks.append(until)
            if fresh:
                subject, after = _subject_of(session, key), {"until": until}
                note(
                    session,
                    at=at,
                    who="anonymous",
                    action="login.locked",
                    subject=subject,
                    before=None,
                    after=after,
                )
    if locks:
        raise LoginRefused(max(locks))


def _count_one(
    session: Session, key: str, most: int, at: datetime, limits: Limits
) -> tuple[datetime | None, bool]:
    """Count; the moment until which this key is locked, or None; and whether it was locked now."""
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insert = dialect.insert(LoginFailureRow).values(key=key, failures=1, since=at, last=at)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["key"], set_={"failures": LoginFailureRow.failures + 1, "last": at}
        )
    )
    row = session.get_one(LoginFailureRow, key)
    if row.locked_until is not None and row.locked_until > at:
        return row.locked_until, False
    if row.since < at - limits.window or row.locked_until is not None:
        row.failures, row.since, row.locked_until = 1, at, None
    elif row.failures > most:
        row.locked_until = at + limits.lock
        return row.locked_until, True
    return None, False


def _subject_of(session: Session, key: str) -> str:
    kind, _, name = key.partition(":")
    if kind == "address":
        return key
    return f"person:{name if session.get(PersonRow, name) is not None else UNKNOWN}"


def _take_back(session: Session, keys: tuple[str, str], *, through: bool) -> None:
    """It was right, so this attempt is no failure. through: nothing more is asked for.

    Only then the account's failures are forgotten: who has the password would otherwise have as
    many guesses at the second factor as there is patience.
    """
    if through:
        session.execute(delete(LoginFailureRow).where(LoginFailureRow.key == keys[0]))
    session.execute(
        update(LoginFailureRow)
        .where(LoginFailureRow.key.in_(keys), LoginFailureRow.failures > 0)
        .values(failures=LoginFailureRow.failures - 1)
    )
