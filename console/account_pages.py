"""My account: password, second factor, sessions, API tokens; and who I am for programs."""

from __future__ import annotations

from typing import Annotated, Any

import segno
from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from console.login import start_session
from console.painter import Painter
from console.security import (
    Visitor,
    anybody,
    gate_of,
    require,
    require_login,
    visitor_of,
)
from registry import new_passwords, people, second_factor, sessions, tokens, totp
from registry.passwords import LONGEST, SHORTEST
from registry.permissions import permissions
from schemas.people import Person, Unacceptable

Text = Annotated[str, Form(max_length=200)]
Me = Annotated[Person, Depends(require_login)]
ISSUER = "One Network"
TOKEN_CHOICES = ("*.read", "alert.*", "sensor.*", "*")


def add_account_pages(app: FastAPI, painter: Painter) -> None:
    """All of them; whoever has logged in may see and change what is their own."""
    router = APIRouter(dependencies=[Depends(require_login)], include_in_schema=False)
    _add_overview(router, painter)
    _add_second_factor(router, painter)
    _add_tokens(router, painter)
    app.include_router(router)
    _add_me(app)


def _page(
    request: Request, painter: Painter, *, status: int = 200, wrong: str = "", **more: Any
) -> Response:
    gate, visitor = gate_of(request.app), visitor_of(request)
    now, person_id = gate.clock.now(), visitor.person.id
    content: dict[str, Any] = {
        "account": people.find(gate.registry, person_id),
        "sessions": sessions.sessions_of(
            gate.registry, person_id, at=now, lifetimes=gate.access.lifetimes
        ),
        "tokens": tokens.tokens_of(gate.registry, person_id),
        "token_choices": TOKEN_CHOICES,
        "now": now,
        "shortest": SHORTEST,
        "longest": LONGEST,
        "second_possible": gate.vault.usable,
        "wrong": wrong,
        "done": request.query_params.get("done", ""),
        "made": "",
        "recovery": [],
        "enrol": None,
    }
    secret = second_factor.pending(gate.registry, person_id, vault=gate.vault)
    if secret is not None:
        content["enrol"] = _enrolment(secret, person_id)
    return painter.page(request, "account.html", status=status, page="account", **content | more)


def _enrolment(secret: str, person_id: str) -> dict[str, str]:
    """What an authenticator app needs, as a picture and as text."""
    drawn = segno.make(totp.address(secret, account=person_id, issuer=ISSUER), error="m")
    spaced = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    return {"qr": drawn.svg_data_uri(scale=5, border=3, light="#fff"), "secret": spaced}


def _done(what: str) -> Response:
    return RedirectResponse(f"/account?done={what}", 303)


def _add_overview(router: APIRouter, painter: Painter) -> None:
    @router.get("/account")
    def account(request: Request) -> Response:
        return _page(request, painter)

    @router.post("/account/password")
    def password(
        request: Request, me: Me, old: Text = "", new: Text = "", again: Text = ""
    ) -> Response:
        gate = gate_of(request.app)
        if new != again:
            return _page(request, painter, status=422, wrong="password_again")
        try:
            new_passwords.change_password(
                gate.registry, me.id, old=old, new=new, at=gate.clock.now()
            )
        except Unacceptable as error:
            return _page(request, painter, status=422, wrong=error.code)
        done = _done("password")
        start_session(request, me.id, done)
        return done

    @router.post("/account/sessions/end")
    def end_session(request: Request, me: Me, session: Text = "") -> Response:
        gate = gate_of(request.app)
        if not sessions.end_one_of(gate.registry, me.id, session, at=gate.clock.now()):
            raise HTTPException(404)
        return _done("session")


def _add_second_factor(router: APIRouter, painter: Painter) -> None:
    @router.post("/account/second-factor")
    def begin(request: Request, me: Me) -> Response:
        gate = gate_of(request.app)
        try:
            second_factor.begin(gate.registry, me.id, vault=gate.vault)
        except Unacceptable as error:
            return _page(request, painter, status=422, wrong=error.code)
        return RedirectResponse("/account#second-factor", 303)

    @router.post("/account/second-factor/confirm")
    def confirm(request: Request, me: Me, code: Text = "") -> Response:
        gate = gate_of(request.app)
        try:
            codes = second_factor.confirm(
                gate.registry, me.id, code, vault=gate.vault, at=gate.clock.now()
            )
        except Unacceptable as error:
            return _page(request, painter, status=422, wrong=error.code)
        return _page(request, painter, recovery=codes)

    @router.post("/account/second-factor/remove")
    def remove(request: Request, me: Me, password: Text = "") -> Response:
        gate = gate_of(request.app)
        if not new_passwords.is_present(gate.registry, me.id, password):
            return _page(request, painter, status=422, wrong="password_old")
        second_factor.remove(gate.registry, me.id, at=gate.clock.now())
        return _done("second_factor")


def _add_tokens(router: APIRouter, painter: Painter) -> None:
    may_have = [Depends(require("token.manage"))]

    @router.post("/account/tokens", dependencies=may_have)
    def make(
        request: Request,
        me: Me,
        name: Text = "",
        actions: Annotated[list[str] | None, Form(max_length=20)] = None,
        days: Annotated[int, Form()] = 90,
    ) -> Response:
        gate = gate_of(request.app)
        try:
            made = tokens.make(
                gate.registry,
                me.id,
                name=name,
                actions=actions or (),
                days=days,
                at=gate.clock.now(),
                who=me.id,
            )
        except Unacceptable as error:
            return _page(request, painter, status=422, wrong=error.code)
        return _page(request, painter, made=made)

    @router.post("/account/tokens/revoke", dependencies=may_have)
    def revoke(request: Request, me: Me, token: Text = "") -> Response:
        gate = gate_of(request.app)
        if not tokens.revoke(gate.registry, me.id, token, at=gate.clock.now(), who=me.id):
            raise HTTPException(404)
        return _done("token")


def _add_me(app: FastAPI) -> None:
    @app.get("/api/me", dependencies=[Depends(anybody)])
    def me(request: Request) -> Any:
        """Who is asking and what they may do somewhere; without a log-in, the public."""
        visitor: Visitor = visitor_of(request)
        return {
            "id": visitor.person.id,
            "name": visitor.person.name,
            "roles": visitor.person.roles,
            "scopes": visitor.person.scopes,
            "may": {action: visitor.may(action) for action in permissions()},
        }

    @app.get("/api/me/may/{action}", dependencies=[Depends(anybody)])
    def may(
        request: Request,
        action: str,
        district: str | None = None,
        subdistrict: str | None = None,
        enterprise: str | None = None,
    ) -> Any:
        """Whether the one who asks may do this at a place; without a place, in the whole city."""
        if action not in permissions():
            raise HTTPException(404, f"action: one of {', '.join(permissions())}")
        allowed = visitor_of(request).may_at(
            action, district=district, subdistrict=subdistrict, enterprise=enterprise
        )
        return {"action": action, "may": allowed}
