"""Roles × actions, cell by cell through HTTP; and no route that forgot to name its action.

What a role may is written down here a second time, by hand: a slip in `permissions.yaml` that gives
somebody too much differs from this table and is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from console import create_app
from console.access import Access
from console.security import WITHOUT_ACTION
from registry.permissions import permissions
from schemas.people import Role
from tests.console.conftest import City
from tests.console.visiting import client_with, csrf_of

NOBODY = "nobody"
WHO = (NOBODY, "technician", "operator", "enforcement", "administrator", "auditor")

#                     nobody technician operator enforcement administrator auditor
TABLE = """
board.read            yes    yes        yes      yes         yes           yes
alert.read            yes    yes        yes      yes         yes           yes
alert.acknowledge     -      -          yes      yes         -             -
alert.dispatch        -      -          yes      yes         -             -
alert.arrive          -      -          -        yes         -             -
alert.close           -      -          yes      yes         -             -
alert.reopen          -      -          yes      yes         -             -
alert.merge           -      -          yes      -           -             -
alert.snooze          -      -          yes      -           -             -
alert.escalate        -      -          yes      yes         -             -
alert.assign          -      -          yes      yes         -             -
evidence.read         -      -          yes      yes         -             yes
rule.edit             -      -          -        -           yes           -
sensor.read           -      yes        yes      yes         yes           yes
sensor.register       -      yes        -        -           yes           -
sensor.commission     -      yes        -        -           yes           -
sensor.calibrate      -      yes        -        -           yes           -
sensor.retire         -      yes        -        -           yes           -
sensor.maintain       -      yes        -        -           yes           -
sensor.command        -      yes        yes      -           yes           -
credential.rotate     -      yes        -        -           yes           -
credential.revoke     -      yes        yes      -           yes           -
deadletter.read       -      yes        yes      -           yes           yes
deadletter.replay     -      -          yes      -           yes           -
sample.import         -      yes        yes      -           -             -
report.make           -      -          yes      yes         -             yes
person.manage         -      -          -        -           yes           -
token.manage          -      yes        yes      yes         yes           yes
audit.read            -      -          -        -           yes           yes
audit.export          -      -          -        -           -             yes
setting.edit          -      -          -        -           yes           -
"""
EXPECTED = {
    (action, who): cell == "yes"
    for action, *cells in (line.split() for line in TABLE.strip().splitlines())
    for who, cell in zip(WHO, cells, strict=True)
}


@pytest.fixture(scope="module")
def app(city: City) -> FastAPI:
    return create_app(store_url=city.store_url, registry_url=city.registry_url)


@pytest.fixture(scope="module")
def clients(app: FastAPI) -> Iterator[dict[str, TestClient]]:
    made = {
        who: TestClient(app, follow_redirects=False)
        if who == NOBODY
        else client_with(app, Role(who))
        for who in WHO
    }
    for client in made.values():
        client.follow_redirects = False
    yield made
    for client in made.values():
        client.close()


def test_every_action_has_its_row() -> None:
    assert {action for action, _ in EXPECTED} == set(permissions())


@pytest.mark.parametrize(("action", "who"), EXPECTED, ids=lambda value: str(value))
def test_a_role_may_what_the_table_says(
    clients: dict[str, TestClient], action: str, who: str
) -> None:
    answer = clients[who].get(f"/api/me/may/{action}")
    assert answer.status_code == 200
    assert answer.json()["may"] is EXPECTED[action, who]
    assert clients[who].get("/api/me").json()["may"][action] is EXPECTED[action, who]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", False),
        ("?district=futian", True),
        ("?district=nanshan", False),
        ("?district=futian&subdistrict=futian-shatou", True),
        ("?enterprise=futian", False),
    ],
)
def test_a_scope_bounds_where_through_http(app: FastAPI, query: str, expected: bool) -> None:
    officer = client_with(app, Role.ENFORCEMENT, scopes=["district:futian"])
    assert officer.get(f"/api/me/may/alert.close{query}").json()["may"] is expected


# Routes


def action_of(route: APIRoute) -> str | None:
    """The action that a route names, by its own dependencies and those of its router."""
    found = None
    waiting = list(route.dependant.dependencies)
    while waiting:
        dependant = waiting.pop()
        waiting.extend(dependant.dependencies)
        action = getattr(dependant.call, "action", None)
        if action is not None and (found is None or found == WITHOUT_ACTION):
            found = action
    return found


OPEN_TO_ALL = {
    "/healthz",
    "/login",
    "/login/code",
    "/logout",
    "/api/me",
    "/api/me/may/{action}",
}
ONLY_LOGGED_IN = re.compile(r"/account(/.*)?")


def routes(app: FastAPI) -> list[tuple[str, APIRoute]]:
    return [
        (method, route)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]


def test_no_route_forgets_to_name_its_action(app: FastAPI) -> None:
    for method, route in routes(app):
        action = action_of(route)
        assert action is not None, f"{method} {route.path} names no action: anybody gets in"
        if action == WITHOUT_ACTION:
            open_to_all = route.path in OPEN_TO_ALL
            assert open_to_all or ONLY_LOGGED_IN.fullmatch(route.path), route.path


@pytest.mark.parametrize("who", WHO)
def test_each_route_lets_in_whom_the_table_says_and_nobody_else(
    app: FastAPI, clients: dict[str, TestClient], who: str
) -> None:
    client = clients[who]
    token = csrf_of(client.get("/login" if who == NOBODY else "/account").text)
    for method, route in routes(app):
        action = action_of(route)
        if action in (None, WITHOUT_ACTION) or route.path.endswith("/events"):
            continue
        path = re.sub(r"\{[^}]+\}", "1", route.path)
        answer = client.request(method, path, headers={"X-CSRF-Token": token})
        refused = answer.status_code in (401, 403) or (
            answer.status_code == 303 and answer.headers["location"].startswith("/login")
        )
        assert refused is not EXPECTED[action, who], (
            f"{who}: {method} {route.path} ({action}): {answer.status_code}"
        )


def test_what_is_ones_own_needs_a_log_in(app: FastAPI, clients: dict[str, TestClient]) -> None:
    own = [(m, r.path) for m, r in routes(app) if ONLY_LOGGED_IN.fullmatch(r.path)]
    assert len(own) > 5
    token = csrf_of(clients[NOBODY].get("/login").text)
    for method, path in own:
        answer = clients[NOBODY].request(method, path, headers={"X-CSRF-Token": token})
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/login")
    assert clients["technician"].get("/account").status_code == 200


def test_the_city_can_be_closed_to_the_public(city: City) -> None:
    app = create_app(
        store_url=city.store_url, registry_url=city.registry_url, access=Access(public_board=False)
    )
    stranger = TestClient(app, follow_redirects=False)
    for path in ("/", "/ranking", "/alerts", "/stations/st-noise-dongmen"):
        answer = stranger.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"] == f"/login?next={path}"
    for path in ("/api/board", "/api/alerts"):
        answer = stranger.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
    assert stranger.get("/healthz").status_code == 200
    assert "/ranking" not in stranger.get("/login").text, "no way is shown that leads nowhere"
    assert client_with(app, Role.OPERATOR).get("/").status_code == 200


def test_the_navigation_shows_only_where_one_may_go(clients: dict[str, TestClient]) -> None:
    shown = {
        who: set(
            re.findall(r'<a [^>]*href="(/[a-z]*)"', client.get("/targets").text.split("<nav>")[1])
        )
        for who, client in clients.items()
    }
    assert "/sensors" not in shown[NOBODY]
    assert {"/", "/ranking", "/alerts", "/login"} <= shown[NOBODY]
    assert "/sensors" in shown["technician"]
    assert "/audit" not in shown["technician"]
    assert {"/people", "/audit"} <= shown["administrator"]
    assert "/people" not in shown["auditor"]


def test_a_refusal_tells_people_and_programs_why(app: FastAPI) -> None:
    technician = client_with(app, Role.TECHNICIAN)
    page = technician.get("/audit?lang=en")
    assert page.status_code == 403
    assert "may not see the audit log" in page.text
    assert "Auditor" in page.text
    told = technician.get("/api/audit").json()
    assert told["action"] == "audit.read"
    assert "administrator, auditor" in told["rule"]
    assert told["remedy"]


def test_serial_numbers_are_not_for_the_public(clients: dict[str, TestClient]) -> None:
    path = "/api/stations/st-noise-dongmen"
    assert "serial" not in clients[NOBODY].get(path).json()["sensors"][0]
    serial = clients["technician"].get(path).json()["sensors"][0]["serial"]
    assert serial not in clients[NOBODY].get("/stations/st-noise-dongmen").text
    assert serial in clients["technician"].get("/stations/st-noise-dongmen").text
