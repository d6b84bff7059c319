"""Accounts of people whom an identity provider vouches for: made at their first log-in.

Roles and scopes come from the provider's claims at each log-in; what is given here by hand does not
last. An account with a password is never taken over by a name that a provider sends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from registry import people
from registry.models import PersonRow
from registry.registry import Registry
from schemas.people import PERSON_PATTERN, Person, Role

Rights = tuple[tuple[Role, ...], tuple[str, ...]]


class NotWelcome(Exception):
    """Vouched for, but not let in. code: `no_role`, `taken` or `disabled`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def rights_of(groups: Sequence[str], mapping: Mapping[str, Rights]) -> Rights:
    """Roles and scopes of all groups together, in the mapping's order."""
    found = [rights for group, rights in mapping.items() if group in groups]
    roles = dict.fromkeys(role for given, _ in found for role in given)
    scopes = dict.fromkeys(scope for _, given in found for scope in given)
    return tuple(roles), tuple(scopes)


def settle(
    registry: Registry,
    *,
    issuer: str,
    subject: str,
    login: str,
    name: str,
    rights: Rights,
    at: datetime,
) -> Person:
    """The account of somebody vouched for, made or brought up to date. Raises NotWelcome."""
    roles, scopes = rights
    if not roles or not scopes:
        raise NotWelcome("no_role")
    shown = name.strip()[:128] or login
    who = "system:single-sign-on"
    with registry.session() as session:
        row = session.scalar(
            select(PersonRow).where(PersonRow.issuer == issuer, PersonRow.subject == subject)
        )
    if row is None:
        person_id = login_name(login)
        if people.find(registry, person_id) is not None:
            raise NotWelcome("taken")
        person = Person(id=person_id, name=shown, roles=roles, scopes=scopes)
        people.add(registry, person, at=at, who=who, subject=(issuer, subject))
        return person
    if row.disabled is not None:
        raise NotWelcome("disabled")
    people.change(registry, row.id, at=at, who=who, name=shown, roles=roles, scopes=scopes)
    return Person(id=row.id, name=shown, roles=roles, scopes=scopes)


def login_name(text: str) -> str:
    """A name that an account may have, of what a provider sends."""
    plain = re.sub(r"[^a-z0-9._-]", "-", text.lower()).strip("-._")[:60]
    return plain if re.fullmatch(PERSON_PATTERN, plain) else f"u-{plain}"[:64]
