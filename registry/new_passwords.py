"""New passwords for old: one's own, and the one that an administrator gives."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete

from registry import passwords
from registry.audit import note
from registry.models import SessionRow
from registry.people import forget_second_factor, row_of, shut
from registry.registry import Registry
from schemas.people import Unacceptable


def reset(
    registry: Registry,
    person_id: str,
    *,
    at: datetime,
    who: str,
    second_factor: bool = False,
    password: str | None = None,
    must_change: bool = True,
) -> str:
    """Give a new password, generated if none is given; sessions end and tokens are revoked.

    second_factor: take that off, too. Returns the password, which is kept nowhere.
    """
    made = password or passwords.generate()
    hashed = passwords.hash_password(made)
    with registry.session.begin() as session:
        row = row_of(session, person_id)
        row.password_hash, row.password_changed, row.must_change = hashed, at, must_change
        if second_factor:
            forget_second_factor(row)
        shut(session, person_id, at)
        after = {"password": True, "must_change": must_change, "second_factor": not second_factor}
        note(
            session,
            at=at,
            who=who,
            action="person.reset",
            subject=f"person:{person_id}",
            before=None,
            after=after,
        )
    return made


def change_password(
    registry: Registry, person_id: str, *, old: str, new: str, at: datetime
) -> None:
    """One's own new password; every session of the person ends. Raises Unacceptable."""
    if not is_present(registry, person_id, old):
        raise Unacceptable(
            "password_old",
            field="old password",
            value="",
            rule="it is not the present one",
            remedy="ask an administrator to reset it if it is forgotten",
        )
    if old == new:
        raise Unacceptable(
            "password_same", field="password", value="", rule="not the old one", remedy="a new one"
        )
    with registry.session() as session:
        row = row_of(session, person_id)
    passwords.check_rules(new, names=(row.id, row.name))
    fresh = passwords.hash_password(new)
    with registry.session.begin() as session:
        row = row_of(session, person_id)
        row.password_hash, row.password_changed, row.must_change = fresh, at, False
        session.execute(delete(SessionRow).where(SessionRow.person == person_id))
        note(
            session,
            at=at,
            who=person_id,
            action="account.password",
            subject=f"person:{person_id}",
            before=None,
            after={"password": True},
        )


def is_present(registry: Registry, person_id: str, password: str) -> bool:
    """Whether this is the person's password: asked again before something grave."""
    with registry.session() as session:
        hashed = row_of(session, person_id).password_hash
    return passwords.fits(password, hashed)
