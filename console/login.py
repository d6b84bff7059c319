"""Logging in and out: password, second factor, single sign-on."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from console.oidc import Provider, SignOnFailed
from console.painter import Painter
from console.security import (
    Gate,
    Visitor,
    address_of,
    anybody,
    gate_of,
    new_csrf,
    safe_way,
    visitor_of,
)
from registry import logins, sessions
from registry.sign_on import NotWelcome, rights_of, settle
from schemas.people import Unacceptable

Text = Annotated[str, Form(max_length=200)]
SSO_BACK = "/login/sso/back"


def add_login(app: FastAPI, painter: Painter) -> None:
    """The pages of logging in and out."""
    router = APIRouter(dependencies=[Depends(anybody)], include_in_schema=False)
    _add_password(router, painter)
    _add_second_factor(router, painter)
    gate = gate_of(app)
    if gate.access.oidc is not None:
        home = gate.access.url.rstrip("/")
        _add_single_sign_on(router, painter, Provider(gate.access.oidc, home + SSO_BACK))
    app.include_router(router)


def start_session(
    request: Request,
    person_id: str | None,
    response: Response,
    *,
    stage: str = sessions.FULL,
    data: dict[str, str] | None = None,
) -> None:
    """A session under a new cookie, whatever the browser brought along; the old one ends."""
    gate, visit = gate_of(request.app), visitor_of(request).visit
    cookie = sessions.open_session(
        gate.registry,
        person_id,
        at=gate.clock.now(),
        lifetimes=gate.access.lifetimes,
        stage=stage,
        data=data,
        address=address_of(request),
        agent=request.headers.get("user-agent", ""),
        instead_of=None if visit is None else visit.id,
    )
    gate.set_cookie(response, gate.session_cookie, cookie)
    gate.drop_cookie(response, gate.csrf_cookie)


def _login_page(
    request: Request,
    painter: Painter,
    *,
    status: int = 200,
    way: str = "/",
    name: str = "",
    wrong: str = "",
    until: object = None,
) -> Response:
    gate, visitor = gate_of(request.app), visitor_of(request)
    csrf = visitor.csrf or new_csrf()
    request.state.visitor = replace(visitor, csrf=csrf)
    page = painter.page(
        request,
        "login.html",
        status=status,
        page="login",
        way=way,
        name=name,
        wrong=wrong,
        until=until,
        sso=gate.access.oidc is not None,
    )
    if visitor.csrf != csrf:
        gate.set_cookie(page, gate.csrf_cookie, csrf)
    return page


def _add_password(router: APIRouter, painter: Painter) -> None:
    @router.get("/login")
    def page(request: Request, next: str = "/") -> Response:
        if visitor_of(request).known:
            return RedirectResponse(safe_way(next), 303)
        return _login_page(request, painter, way=safe_way(next))

    @router.post("/login")
    def login(request: Request, name: Text = "", password: Text = "", next: Text = "/") -> Response:
        gate, way = gate_of(request.app), safe_way(next)
        now, address = gate.clock.now(), address_of(request)
        try:
            account = logins.check_password(
                gate.registry, name, password, address=address, at=now, limits=gate.access.limits
            )
        except logins.LoginRefused as refused:
            return _refused(request, painter, refused, way, name)
        if account.second_factor is not None:
            onward = RedirectResponse("/login/code", 303)
            start_session(
                request, account.person.id, onward, stage=sessions.SECOND, data={"next": way}
            )
            return onward
        return _let_in(request, account.person.id, "password", way)

    @router.post("/logout")
    def logout(request: Request) -> Response:
        gate, visitor = gate_of(request.app), visitor_of(request)
        away = RedirectResponse("/", 303)
        if visitor.visit is not None:
            sessions.end(gate.registry, visitor.visit.id)
            if visitor.known:
                logins.logged_out(gate.registry, visitor.person.id, at=gate.clock.now())
        gate.drop_cookie(away, gate.session_cookie)
        return away


def _refused(
    request: Request, painter: Painter, refused: logins.LoginRefused, way: str, name: str
) -> Response:
    if refused.until is None:
        return _login_page(request, painter, status=401, way=way, name=name, wrong="login_wrong")
    wrong, until = "login_locked", refused.until
    page = _login_page(request, painter, status=429, way=way, name=name, wrong=wrong, until=until)
    left = refused.until - gate_of(request.app).clock.now()
    page.headers["Retry-After"] = str(max(1, int(left.total_seconds())))
    return page


def _let_in(request: Request, person_id: str, how: str, way: str) -> Response:
    gate = gate_of(request.app)
    onward = RedirectResponse(way, 303)
    start_session(request, person_id, onward)
    logins.logged_in(
        gate.registry, person_id, how=how, address=address_of(request), at=gate.clock.now()
    )
    return onward


def _add_second_factor(router: APIRouter, painter: Painter) -> None:
    def on_the_way(request: Request) -> sessions.Visit | None:
        visit = visitor_of(request).visit
        return visit if visit is not None and visit.stage == sessions.SECOND else None

    @router.get("/login/code")
    def page(request: Request) -> Response:
        if on_the_way(request) is None:
            return RedirectResponse("/login", 303)
        return painter.page(request, "login_code.html", page="login", wrong="", until=None)

    @router.post("/login/code")
    def check(request: Request, code: Text = "") -> Response:
        gate, visit = gate_of(request.app), on_the_way(request)
        if visit is None or visit.account is None:
            return RedirectResponse("/login", 303)
        person_id = visit.account.person.id
        try:
            logins.check_second_factor(
                gate.registry,
                person_id,
                code,
                vault=gate.vault,
                address=address_of(request),
                at=gate.clock.now(),
                limits=gate.access.limits,
            )
        except logins.LoginRefused as refused:
            wrong = "code_wrong" if refused.until is None else "login_locked"
            return painter.page(
                request,
                "login_code.html",
                status=401 if refused.until is None else 429,
                page="login",
                wrong=wrong,
                until=refused.until,
            )
        return _let_in(request, person_id, "second factor", safe_way(visit.data.get("next")))


def _add_single_sign_on(router: APIRouter, painter: Painter, provider: Provider) -> None:
    @router.get("/login/sso")
    def begin(request: Request, next: str = "/") -> Response:
        try:
            attempt = provider.begin()
        except SignOnFailed:
            return _login_page(request, painter, status=502, way=safe_way(next), wrong="sso_away")
        onward = RedirectResponse(attempt.url, 303)
        kept = {"state": attempt.state, "nonce": attempt.nonce, "verifier": attempt.verifier}
        data = {**kept, "next": safe_way(next)}
        start_session(request, None, onward, stage=sessions.SSO, data=data)
        return onward

    @router.get(SSO_BACK)
    def back(request: Request, state: str = "", code: str = "") -> Response:
        gate, visit = gate_of(request.app), visitor_of(request).visit
        if visit is None or visit.stage != sessions.SSO:
            return RedirectResponse("/login", 303)
        if not code or not hmac.compare_digest(state.encode(), visit.data["state"].encode()):
            return _no_sign_on(request, painter, "sso_refused")
        try:
            person_id = _vouched(gate, provider, code, visit.data)
        except SignOnFailed:
            return _no_sign_on(request, painter, "sso_refused")
        except NotWelcome as error:
            return _no_sign_on(request, painter, f"sso_{error.code}")
        except Unacceptable as error:
            raise HTTPException(403, str(error)) from None
        return _let_in(request, person_id, "single sign-on", safe_way(visit.data["next"]))


def _vouched(gate: Gate, provider: Provider, code: str, kept: dict[str, str]) -> str:
    assert gate.access.oidc is not None  # noqa: S101 - else there is no such route
    now = gate.clock.now()
    found = provider.finish(code, nonce=kept["nonce"], verifier=kept["verifier"], at=now)
    person = settle(
        gate.registry,
        issuer=found.issuer,
        subject=found.subject,
        login=found.login,
        name=found.name,
        rights=rights_of(found.groups, gate.access.oidc.roles),
        at=now,
    )
    return person.id


def _no_sign_on(request: Request, painter: Painter, wrong: str) -> Response:
    gate, visit = gate_of(request.app), visitor_of(request).visit
    if visit is not None:
        sessions.end(gate.registry, visit.id)
        request.state.visitor = Visitor(visitor_of(request).person)
    logins.failed(
        gate.registry,
        logins.UNKNOWN,
        address_of(request),
        gate.clock.now(),
        f"single sign-on: {wrong}",
    )
    page = _login_page(request, painter, status=403, wrong=wrong)
    gate.drop_cookie(page, gate.session_cookie)
    return page
