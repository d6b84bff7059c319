"""Roles × actions × scopes, as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from registry.permissions import (
    Forbidden,
    may,
    may_somewhere,
    permissions,
    refuse_unless,
    refuse_unless_somewhere,
)
from schemas.people import PUBLIC, Person, Role


def person(*roles: Role, scopes: tuple[str, ...] = ("city",)) -> Person:
    return Person(id="li.na", name="李娜", roles=roles, scopes=scopes)


@given(st.sampled_from(sorted(permissions())), st.sets(st.sampled_from(Role)))
def test_a_person_may_what_one_of_the_roles_may(action: str, roles: set[Role]) -> None:
    together = may(person(*roles), action)
    assert together == any(may(person(role), action) for role in roles)


@given(st.sampled_from(sorted(permissions())))
def test_without_a_role_nothing_may_be_done(action: str) -> None:
    assert not may(person(), action)


@given(st.sampled_from(sorted(permissions())))
def test_the_public_may_only_look(action: str) -> None:
    assert may(PUBLIC, action) == (action in {"board.read", "alert.read"})


SCOPES = {
    ("city",): {"futian": True, "nanshan": True, "futian/shatou": True, "enterprise": True},
    ("district:futian",): {"futian": True, "nanshan": False, "futian/shatou": True},
    ("subdistrict:shatou",): {"futian": False, "futian/shatou": True, "nanshan": False},
    ("enterprise:plant-1",): {"futian": False, "enterprise": True},
    ("district:nanshan", "subdistrict:shatou"): {"nanshan": True, "futian/shatou": True},
    (): {"futian": False, "futian/shatou": False, "enterprise": False},
}
PLACES: dict[str, dict[str, str]] = {
    "futian": {"district": "futian"},
    "nanshan": {"district": "nanshan"},
    "futian/shatou": {"district": "futian", "subdistrict": "shatou"},
    "enterprise": {"district": "baoan", "enterprise": "plant-1"},
}


@pytest.mark.parametrize(
    ("scopes", "place", "expected"),
    [(scopes, place, yes) for scopes, cells in SCOPES.items() for place, yes in cells.items()],
)
def test_a_scope_bounds_where(scopes: tuple[str, ...], place: str, expected: bool) -> None:
    officer = person(Role.ENFORCEMENT, scopes=scopes)
    assert may(officer, "alert.dispatch", **PLACES[place]) is expected


def test_without_a_place_a_scoped_action_concerns_the_whole_city() -> None:
    officer = person(Role.ENFORCEMENT, scopes=("district:futian",))
    assert may_somewhere(officer, "alert.close")
    assert not may(officer, "alert.close")
    assert may(officer, "report.make"), "not bounded by scopes"


def test_a_refusal_names_who_action_rule_and_remedy() -> None:
    with pytest.raises(Forbidden) as told:
        refuse_unless_somewhere(person(Role.TECHNICIAN), "alert.close")
    assert (told.value.who, told.value.action) == ("li.na", "alert.close")
    assert "enforcement, operator" in told.value.rule
    assert "administrator" in told.value.remedy
    with pytest.raises(Forbidden, match="log in"):
        refuse_unless_somewhere(PUBLIC, "alert.close")
    officer = person(Role.ENFORCEMENT, scopes=("district:futian",))
    refuse_unless(officer, "alert.close", district="futian")
    with pytest.raises(Forbidden, match=r"nanshan.*district:futian"):
        refuse_unless(officer, "alert.close", district="nanshan")


def test_an_unknown_action_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        may(person(Role.ADMINISTRATOR), "everything")


@pytest.mark.parametrize("scope", ["district", "district:", "country:cn", "city:x", "district:A"])
def test_a_scope_that_is_none_is_refused(scope: str) -> None:
    with pytest.raises(ValidationError, match="scopes"):
        person(Role.OPERATOR, scopes=(scope,))


@pytest.mark.parametrize("name", ["", "A", "1abc", "a b", "a" * 65, "system:x", "<b>"])
def test_a_login_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="id"):
        Person(id=name, name="x")


def test_every_action_is_named_in_both_languages() -> None:
    for action, permission in permissions().items():
        assert permission.name("zh") != permission.name("en"), action
        assert permission.roles, action
