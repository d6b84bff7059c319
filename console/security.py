"""Who is asking and what they may: sessions, API tokens, `require(action)`, and CSRF tokens.

Every route names its action by `require`; a test sees that none is forgotten. Whoever has not
logged in has the role `public`, or none where the board is not public.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI, HTTPException, Request, Response

from console.access import Access
from registry import Registry
from registry.permissions import Forbidden, may, may_somewhere, permissions, refuse_unless_somewhere
from registry.second_factor import Vault
from registry.sessions import FULL, Visit, find_session
from registry.tokens import person_of
from schemas import Clock
from schemas.people import PUBLIC, Person

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
NOBODY = PUBLIC.model_copy(update={"roles": ()})
WITHOUT_ACTION = "any"


@dataclass(frozen=True, slots=True)
class Gate:
    """What is needed to know who is asking."""

    registry: Registry
    clock: Clock
    access: Access
    vault: Vault

    @property
    def session_cookie(self) -> str:
        return "__Host-onenet_session" if self.access.tls else "onenet_session"

    @property
    def csrf_cookie(self) -> str:
        return "__Host-onenet_csrf" if self.access.tls else "onenet_csrf"

    def set_cookie(self, response: Response, name: str, value: str) -> None:
        """For as long as the browser is open; when it ends is decided here and not there."""
        response.set_cookie(
            name, value, path="/", httponly=True, samesite="lax", secure=self.access.tls
        )

    def drop_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(
            name, path="/", httponly=True, samesite="lax", secure=self.access.tls
        )


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking. visit: the session, of any stage; None for API tokens and the public."""

    person: Person
    visit: Visit | None = None
    csrf: str = ""
    by_token: bool = False

    @property
    def known(self) -> bool:
        return self.person.id != PUBLIC.id

    def may(self, action: str) -> bool:
        """Whether to show a way there."""
        return may_somewhere(self.person, action)

    def may_at(self, action: str, **place: str | None) -> bool:
        """Whether this may be done at a place: district, subdistrict, enterprise."""
        return may(self.person, action, **place)


STRANGER = Visitor(PUBLIC)


class LoginNeeded(Exception):
    """Not for the public; it may be for who logs in."""


class PasswordMustChange(Exception):
    """The password was given by somebody else, so it is changed before anything else."""


def gate_of(app: FastAPI) -> Gate:
    gate: Gate = app.state.gate
    return gate


def visitor_of(request: Request) -> Visitor:
    """Who is asking. Raises HTTPException 401 for an API token that opens nothing."""
    found = getattr(request.state, "visitor", None)
    if found is None:
        found = request.state.visitor = _look_up(request)
    return found


def _look_up(request: Request) -> Visitor:
    gate = gate_of(request.app)
    now = gate.clock.now()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        person = person_of(gate.registry, token.strip(), at=now)
        if person is None:
            raise HTTPException(
                401,
                "the API token is unknown, expired or revoked; make a new one under /account",
                {"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        return Visitor(person, by_token=True)
    public = PUBLIC if gate.access.public_board else NOBODY
    cookie = request.cookies.get(gate.session_cookie)
    visit = (
        find_session(gate.registry, cookie, at=now, lifetimes=gate.access.lifetimes)
        if cookie
        else None
    )
    if visit is None:
        return Visitor(public, csrf=request.cookies.get(gate.csrf_cookie, ""))
    if visit.stage != FULL or visit.account is None:
        return Visitor(public, visit, visit.csrf)
    return Visitor(visit.account.person, visit, visit.csrf)


def identify(request: Request) -> None:
    """For every route: know who is asking before anything else, away from the event loop."""
    visitor_of(request)


async def check_csrf(request: Request) -> None:
    """For every route: a change that comes with a cookie brings the token of our own form, too.

    A form has it in the field `csrf`, other bodies in the header X-CSRF-Token. An API token is sent
    by no browser on its own, so it needs none.
    """
    visitor = visitor_of(request)
    if request.method in SAFE_METHODS or visitor.by_token:
        return
    if not visitor.csrf and request.url.path.startswith("/api/"):
        raise LoginNeeded
    given = request.headers.get(CSRF_HEADER, "")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not given and kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        field = (await request.form()).get(CSRF_FIELD)
        given = field if isinstance(field, str) else ""
    if not visitor.csrf or not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
        raise HTTPException(
            403, "csrf: the form is too old or not ours; load the page again and repeat"
        )


def require(action: str) -> Callable[[Request], Person]:
    """A dependency: the person who asks, who may do this somewhere. Where, the route asks itself.

    `person: Annotated[Person, Depends(require("sensor.read"))]`, or in `dependencies=[…]`.
    """
    permissions()[action]  # a name that is none fails at start, not at the first request

    def allowed(request: Request) -> Person:
        visitor = visitor_of(request)
        _settle_password(visitor)
        try:
            refuse_unless_somewhere(visitor.person, action)
        except Forbidden:
            if not visitor.known:
                raise LoginNeeded from None
            raise
        return visitor.person

    allowed.action = action  # type: ignore[attr-defined]
    return allowed


def require_login(request: Request) -> Person:
    """A dependency: somebody who has logged in with a cookie, whatever they may."""
    visitor = visitor_of(request)
    if not visitor.known or visitor.by_token:
        raise LoginNeeded
    return visitor.person


def anybody(request: Request) -> Person:
    """A dependency that says in so many words: this route is for everybody, board public or not."""
    return visitor_of(request).person


require_login.action = WITHOUT_ACTION  # type: ignore[attr-defined]
anybody.action = WITHOUT_ACTION  # type: ignore[attr-defined]


def _settle_password(visitor: Visitor) -> None:
    visit = visitor.visit
    if visitor.known and visit and visit.account and visit.account.must_change:
        raise PasswordMustChange


def new_csrf() -> str:
    return secrets.token_urlsafe(32)


def address_of(request: Request) -> str:
    """Where the request comes from; behind a proxy uvicorn has put the client's address there."""
    return request.client.host if request.client else ""


def safe_way(wanted: str | None) -> str:
    """Where to go after logging in: a path of this console and nothing else."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\", "/login")):
        return "/"
    return wanted if wanted.isprintable() and "\\" not in wanted else "/"
