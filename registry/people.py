"""Accounts: made, changed, disabled; each change in the audit log, in the same transaction.

Logging in is `registry/logins.py`. Who calls says who does it (`who`) and when (`at`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from registry import passwords
from registry.audit import note
from registry.models import ApiTokenRow, PersonRow, PlaceRow, SessionRow
from registry.models.places import EnterpriseRow
from registry.registry import Registry
from schemas.people import Person, Role, Unacceptable

FIRST_ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Account:
    """A person with the state of the account. second_factor: since when one is asked for."""

    person: Person
    created: datetime
    disabled: datetime | None
    has_password: bool
    password_changed: datetime | None
    must_change: bool
    second_factor: datetime | None
    recovery_codes: int
    issuer: str | None


def people(registry: Registry) -> list[Account]:
    """All accounts, disabled ones too, in order of id."""
    with registry.session() as session:
        return [
            account_of(row) for row in session.scalars(select(PersonRow).order_by(PersonRow.id))
        ]


def find(registry: Registry, person_id: str) -> Account | None:
    with registry.session() as session:
        row = session.get(PersonRow, person_id)
        return None if row is None else account_of(row)


def person_of_input(
    person_id: str, name: str, roles: Iterable[str], scopes: Iterable[str]
) -> Person:
    """A person of what somebody typed. Raises Unacceptable naming the field."""
    try:
        return Person(
            id=person_id,
            name=name.strip(),
            roles=tuple(dict.fromkeys(Role(role) for role in roles if role != Role.PUBLIC)),
            scopes=tuple(dict.fromkeys(scopes)),
        )
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        raise _unacceptable(field, str(error.errors()[0]["input"])) from None
    except ValueError as error:
        raise _unacceptable("roles", str(error).split("'")[1]) from None


_RULES = {
    "id": ("2 to 64 of a-z 0-9 . _ -, beginning with a letter", "e.g. li.na"),
    "name": ("1 to 128 characters", "the name that colleagues know"),
    "roles": (f"some of {', '.join(role for role in Role if role != Role.PUBLIC)}", "choose one"),
    "scopes": (
        "city, district:<id>, subdistrict:<id> or enterprise:<id>, which the registry knows",
        "see the registry's places",
    ),
}


def _unacceptable(field: str, value: str) -> Unacceptable:
    rule, remedy = _RULES[field]
    return Unacceptable(f"person_{field}", field=field, value=value[:80], rule=rule, remedy=remedy)


def add(
    registry: Registry,
    person: Person,
    *,
    at: datetime,
    who: str,
    password: str | None = None,
    must_change: bool = False,
    subject: tuple[str, str] | None = None,
) -> None:
    """Make an account. subject: issuer and subject of single sign-on. Raises Unacceptable."""
    if password is not None:
        passwords.check_rules(password, names=(person.id, person.name))
    hashed = None if password is None else passwords.hash_password(password)
    add_hashed(
        registry, person, at=at, who=who, hashed=hashed, must_change=must_change, subject=subject
    )


def add_hashed(
    registry: Registry,
    person: Person,
    *,
    at: datetime,
    who: str,
    hashed: str | None,
    must_change: bool,
    subject: tuple[str, str] | None = None,
) -> None:
    """Make an account of a password that is hashed already. Raises Unacceptable."""
    issuer, sub = subject or (None, None)
    with registry.session.begin() as session:
        if session.get(PersonRow, person.id) is not None:
            raise Unacceptable(
                "person_taken",
                field="id",
                value=person.id,
                rule="each account has a name of its own, disabled ones too",
                remedy="choose another",
            )
        _check_scopes(session, person.scopes)
        session.add(
            PersonRow(
                id=person.id,
                name=person.name,
                roles=list(person.roles),
                scopes=list(person.scopes),
                created=at,
                password_hash=hashed,
                password_changed=at if hashed else None,
                must_change=must_change,
                totp_step=0,
                recovery=[],
                issuer=issuer,
                subject=sub,
            )
        )
        after = {**_told(person), "single_sign_on": issuer is not None}
        note(
            session,
            at=at,
            who=who,
            action="person.add",
            subject=f"person:{person.id}",
            before=None,
            after=after,
        )


def first_administrator(registry: Registry, *, at: datetime, hashed: str, who: str) -> bool:
    """Make the first account where there is none yet; whether it was made."""
    with registry.session() as session:
        if session.scalar(select(PersonRow.id).limit(1)) is not None:
            return False
    person = Person(
        id=FIRST_ADMINISTRATOR,
        name="Administrator",
        roles=(Role.ADMINISTRATOR,),
        scopes=("city",),
    )
    add_hashed(registry, person, at=at, who=who, hashed=hashed, must_change=True)
    return True


def change(
    registry: Registry,
    person_id: str,
    *,
    at: datetime,
    who: str,
    name: str,
    roles: Iterable[str],
    scopes: Iterable[str],
    why: str = "",
) -> None:
    """Change name, roles and scopes. Raises Unacceptable, and KeyError for an unknown account."""
    wanted = person_of_input(person_id, name, roles, scopes)
    with registry.session.begin() as session:
        row = row_of(session, person_id)
        before = account_of(row).person
        if before == wanted:
            return
        if Role.ADMINISTRATOR not in wanted.roles:
            _check_not_last(session, row)
        _check_scopes(session, wanted.scopes)
        row.name, row.roles, row.scopes = wanted.name, list(wanted.roles), list(wanted.scopes)
        note(
            session,
            at=at,
            who=who,
            action="person.change",
            subject=f"person:{person_id}",
            before=_told(before),
            after=_told(wanted),
            why=why,
        )


def disable(registry: Registry, person_id: str, *, at: datetime, who: str, why: str = "") -> None:
    """Let nobody in by this account any more; sessions end and tokens are revoked."""
    with registry.session.begin() as session:
        row = row_of(session, person_id)
        if row.disabled is not None:
            return
        _check_not_last(session, row)
        row.disabled = at
        shut(session, person_id, at)
        note(
            session,
            at=at,
            who=who,
            action="person.disable",
            subject=f"person:{person_id}",
            before={"disabled": None},
            after={"disabled": at},
            why=why,
        )


def enable(registry: Registry, person_id: str, *, at: datetime, who: str, why: str = "") -> None:
    with registry.session.begin() as session:
        row = row_of(session, person_id)
        if row.disabled is None:
            return
        before, row.disabled = row.disabled, None
        note(
            session,
            at=at,
            who=who,
            action="person.enable",
            subject=f"person:{person_id}",
            before={"disabled": before},
            after={"disabled": None},
            why=why,
        )


def shut(session: Session, person_id: str, at: datetime) -> None:
    """End the sessions and revoke the tokens of somebody. The caller commits."""
    session.execute(delete(SessionRow).where(SessionRow.person == person_id))
    session.execute(
        update(ApiTokenRow)
        .where(ApiTokenRow.person == person_id, ApiTokenRow.revoked.is_(None))
        .values(revoked=at)
    )


def forget_second_factor(row: PersonRow) -> None:
    row.totp_secret, row.totp_since, row.recovery = None, None, []


def account_of(row: PersonRow) -> Account:
    return Account(
        person=Person(
            id=row.id,
            name=row.name,
            roles=tuple(Role(role) for role in row.roles),
            scopes=tuple(row.scopes),
        ),
        created=row.created,
        disabled=row.disabled,
        has_password=row.password_hash is not None,
        password_changed=row.password_changed,
        must_change=row.must_change,
        second_factor=row.totp_since,
        recovery_codes=len(row.recovery),
        issuer=row.issuer,
    )


def _told(person: Person) -> dict[str, Any]:
    return {"name": person.name, "roles": list(person.roles), "scopes": list(person.scopes)}


def row_of(session: Session, person_id: str) -> PersonRow:
    row = session.get(PersonRow, person_id)
    if row is None:
        raise KeyError(person_id)
    return row


def _check_not_last(session: Session, row: PersonRow) -> None:
    """An installation without an administrator could only be mended on its database."""
    if Role.ADMINISTRATOR not in row.roles or row.disabled is not None:
        return
    for other in session.scalars(select(PersonRow).where(PersonRow.id != row.id)):
        if Role.ADMINISTRATOR in other.roles and other.disabled is None:
            return
    raise Unacceptable(
        "person_last",
        field="roles",
        value=row.id,
        rule="one administrator at least stays",
        remedy="make another administrator first",
    )


def _check_scopes(session: Session, scopes: Iterable[str]) -> None:
    for scope in scopes:
        kind, _, place = scope.partition(":")
        if kind == "city":
            continue
        if kind == "enterprise":
            known = session.get(EnterpriseRow, place) is not None
        else:
            found = session.get(PlaceRow, place)
            known = found is not None and found.kind == kind
        if not known:
            raise _unacceptable("scopes", scope)
