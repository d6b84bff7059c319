"""People: who somebody is, what they do (roles) and where they may do it (scopes).

What a role allows is data (`registry/permissions.yaml`); how somebody proves who they are is the
registry's business and never part of this record.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.ids import ID_PATTERN

PERSON_PATTERN = r"^[a-z][a-z0-9._-]{1,63}$"
SCOPE_PATTERN = rf"^(city|(district|subdistrict|enterprise):{ID_PATTERN[1:-1]})$"

PersonId = Annotated[str, StringConstraints(pattern=PERSON_PATTERN)]
Scope = Annotated[str, StringConstraints(pattern=SCOPE_PATTERN)]


class Role(StrEnum):
    TECHNICIAN = "technician"
    OPERATOR = "operator"
    ENFORCEMENT = "enforcement"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    PUBLIC = "public"


class Person(BaseModel):
    """Somebody known to the network. `id` is what they log in with and what the audit log says.

    roles and scopes are independent: each role holds in each scope. No scope means nowhere. only:
    patterns of actions; somebody who comes with an API token may do no more than it says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: PersonId
    name: str = Field(min_length=1, max_length=128)
    roles: tuple[Role, ...] = ()
    scopes: tuple[Scope, ...] = ()
    only: tuple[str, ...] = ("*",)


class Unacceptable(ValueError):
    """What somebody has given cannot be taken: field, value, rule and remedy.

    code: by which the console finds the same in the visitor's language.
    """

    def __init__(self, code: str, *, field: str, value: str, rule: str, remedy: str) -> None:
        shown = f" {value!r}" if value else ""
        super().__init__(f"{field}{shown}: {rule}; {remedy}")
        self.code = code
        self.field = field
        self.value = value
        self.rule = rule
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Located:
    """Where something stands, as far as scopes ask."""

    district: str | None = None
    subdistrict: str | None = None
    enterprise: str | None = None

    def within(self, scope: str) -> bool:
        kind, _, place = scope.partition(":")
        return kind == "city" or (place != "" and getattr(self, kind) == place)


PUBLIC = Person(id="public", name="public", roles=(Role.PUBLIC,), scopes=("city",))
"""Anybody who has not logged in."""
