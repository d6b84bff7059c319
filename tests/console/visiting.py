"""Visitors of a console under test: made, logged in, and their forms filled."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from console.security import Gate
from registry import Registry, people, sessions
from schemas.people import Person, Role

PASSWORD = "four green rivers run"
# Hashed once for all tests: a hash takes as long as a log-in should.
HASHED = (
    "$argon2id$v=19$m=65536,t=3,p=4$SQCDbySYTmw4yv3CLaZR2w"
    "$LhugqMswrESsRbDFNHl7VfnPrmCFGr3QqBMLrsYCqqI"
)
EVERY_ROLE = tuple(role for role in Role if role != Role.PUBLIC)


def admit(
    registry: Registry,
    person_id: str,
    *roles: Role,
    scopes: Iterable[str] = ("city",),
    name: str = "",
) -> Person:
    """An account with the password of all tests; one that is there already is left as it is."""
    person = Person(id=person_id, name=name or person_id, roles=roles, scopes=tuple(scopes))
    if people.find(registry, person_id) is None:
        people.add_hashed(
            registry, person, at=datetime.now(UTC), who="cli:test", hashed=HASHED, must_change=False
        )
    return person


def client_of(app: FastAPI, person_id: str, **options: Any) -> TestClient:
    """A browser in which somebody is logged in."""
    gate: Gate = app.state.gate
    cookie = sessions.open_session(
        gate.registry, person_id, at=gate.clock.now(), lifetimes=gate.access.lifetimes
    )
    client = TestClient(app, **options)
    client.cookies.set(gate.session_cookie, cookie)
    return client


def client_with(app: FastAPI, *roles: Role, scopes: Iterable[str] = ("city",)) -> TestClient:
    """A browser in which somebody of these roles is logged in; without a role, of every role."""
    given = roles or EVERY_ROLE
    places = tuple(scopes)
    name = "-".join(["v", *given, *places]).replace(":", ".")[:64]
    admit(app.state.gate.registry, name, *given, scopes=places)
    return client_of(app, name)


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None, "no form on this page"
    return found.group(1)


def send(client: TestClient, path: str, *, form_of: str, **fields: Any) -> Response:
    """Fill a form of the page `form_of` and send it, as a browser does; redirects not followed."""
    token = csrf_of(client.get(form_of).text)
    return client.post(path, data={"csrf": token, **fields}, follow_redirects=False)


def log_in(client: TestClient, name: str, password: str = PASSWORD, *, way: str = "/") -> Response:
    return send(client, "/login", form_of="/login", name=name, password=password, next=way)
