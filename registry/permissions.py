"""Who may do what: roles × actions from `permissions.yaml`, scopes from the person. Pure.

`may` asks about one place and refuses when in doubt; `may_somewhere` asks whether it is worth
showing a way there at all. A route asks the second, and the first as soon as it knows the record.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict

from schemas.people import PUBLIC, Located, Person, Role


class Permission(BaseModel):
    """One action: its name in both languages, who may do it, and whether scopes bound it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str
    en: str
    roles: frozenset[Role]
    scoped: bool = False

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


class Forbidden(Exception):
    """Somebody may not do this. Tells who, action, rule and remedy.

    kind: what is lacking, `role`, `scope`, or an API `token` for it.
    """

    def __init__(self, who: str, action: str, kind: str, rule: str, remedy: str) -> None:
        super().__init__(f"{who} may not {action}: {rule}; {remedy}")
        self.who = who
        self.kind = kind
        self.action = action
        self.rule = rule
        self.remedy = remedy


@cache
def permissions() -> dict[str, Permission]:
    """Every action. Raises pydantic's ValidationError for a table that is wrong."""
    text = resources.files("registry").joinpath("permissions.yaml").read_text("utf-8")
    return {name: Permission.model_validate(entry) for name, entry in yaml.safe_load(text).items()}


def may_somewhere(person: Person, action: str) -> bool:
    """Whether there is a place where the person may do this. Raises KeyError: unknown action."""
    permission = permissions()[action]
    if permission.roles.isdisjoint(person.roles):
        return False
    if not any(fnmatchcase(action, pattern) for pattern in person.only):
        return False
    return bool(person.scopes) or not permission.scoped


def may(
    person: Person,
    action: str,
    *,
    district: str | None = None,
    subdistrict: str | None = None,
    enterprise: str | None = None,
) -> bool:
    """Whether the person may do this at a place.

    Without a place a scoped action concerns the whole city and needs the scope `city`. Raises
    KeyError for an unknown action.
    """
    if not may_somewhere(person, action):
        return False
    place = Located(district, subdistrict, enterprise)
    return not permissions()[action].scoped or any(place.within(s) for s in person.scopes)


def refuse_unless_somewhere(person: Person, action: str) -> None:
    """Raise Forbidden when there is no place where the person may do this."""
    if not may_somewhere(person, action):
        raise _by_role(person, action)


def refuse_unless(
    person: Person,
    action: str,
    *,
    district: str | None = None,
    subdistrict: str | None = None,
    enterprise: str | None = None,
) -> None:
    """Raise Forbidden when the person may not do this at a place; see `may`."""
    refuse_unless_somewhere(person, action)
    if not may(person, action, district=district, subdistrict=subdistrict, enterprise=enterprise):
        where = ", ".join(filter(None, (district, subdistrict, enterprise))) or "the whole city"
        raise Forbidden(
            person.id,
            action,
            "scope",
            f"it concerns {where}, and the scopes are {', '.join(person.scopes)}",
            "ask somebody of that area, or an administrator for the scope",
        )


def _by_role(person: Person, action: str) -> Forbidden:
    roles = ", ".join(sorted(permissions()[action].roles - {Role.PUBLIC}))
    if may_somewhere(person.model_copy(update={"only": ("*",)}), action):
        rule = f"the API token is for {', '.join(person.only)}"
        return Forbidden(person.id, action, "token", rule, "make a token for this action")
    remedy = "log in" if person.id == PUBLIC.id else "ask an administrator for the role"
    rule = f"it needs one of the roles {roles}, and a scope"
    return Forbidden(person.id, action, "role", rule, remedy)
