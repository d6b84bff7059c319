"""What went wrong, told to people as a page and to programs as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from console.painter import Painter, language_of
from console.rate_limit import TooMany
from console.security import (
    SAFE_METHODS,
    STRANGER,
    LoginNeeded,
    PasswordMustChange,
    Visitor,
    visitor_of,
)
from console.sensorthings import PREFIX, READ_ONLY
from console.sensorthings import told as sensorthings_error
from drawing import LANGUAGES, words
from registry.permissions import Forbidden, permissions
from registry.problems import Problem, Refused
from registry.trouble import explain
from schemas.people import Role, Unacceptable
from storage import StoreUnavailable

log = structlog.get_logger()
KEYS = {404: "not_found", 413: "too_large", 429: "too_many"}


def for_programs(request: Request) -> bool:
    """Whether the answer is read by a program."""
    return request.url.path.startswith(("/api/", PREFIX)) or request.headers.get(
        "authorization", ""
    ).lower().startswith("bearer ")


def for_browsers(request: Request) -> bool:
    """Whether a person waits for the answer, whatever the address is: a form's download, say."""
    return "text/html" in request.headers.get("accept", "")


def problems_told(problems: Iterable[Problem]) -> list[dict[str, str]]:
    """Problems of an entry for programs, in both languages."""
    return [
        {
            "field": problem.field,
            "code": problem.code,
            "value": problem.value,
            "zh": problem.text("zh"),
            "en": problem.text("en"),
        }
        for problem in problems
    ]


def for_program(
    request: Request,
    status: int,
    why: str,
    *,
    headers: dict[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> JSONResponse:
    """An error as JSON; where a standard says how an error looks, as the standard says."""
    if request.url.path.startswith(PREFIX):
        why = READ_ONLY if status == 405 else why
        return JSONResponse(sensorthings_error(status, why), status, headers)
    return JSONResponse({"error": why, **(more or {})}, status, headers)


def add_error_pages(app: FastAPI, painter: Painter) -> None:
    """Answers for everything that a route may raise."""

    def answer(request: Request, status: int, key: str, detail: str = "") -> Response:
        if for_programs(request):
            return for_program(request, status, detail or key)
        with suppress(HTTPException):
            visitor_of(request)  # for the navigation; where there is no route nobody has asked yet
        return painter.page(request, "error.html", status=status, key=key, detail=detail, page="")

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> Response:
        detail = "" if error.detail in ("Not Found",) else str(error.detail)
        key = KEYS.get(error.status_code, "bad_request")
        if detail.startswith("csrf:") and not for_programs(request):
            key, detail = "form_too_old", ""
        response = answer(request, error.status_code, key, detail)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    def wrong_input(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return answer(request, 422, "bad_request", f"{where}: {first['msg']}")

    @app.exception_handler(Unacceptable)
    def unacceptable(request: Request, error: Unacceptable) -> Response:
        return answer(request, 422, "bad_request", str(error))

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        if for_browsers(request):
            return painter.page(
                request, "refused.html", status=400, page="", problems=error.problems
            )
        told = problems_told(error.problems)
        return JSONResponse({"error": str(error), "problems": told}, 400)

    @app.exception_handler(TooMany)
    def too_many(request: Request, error: TooMany) -> Response:
        told = {
            language: words("console").translator(language)("too_fast_wait", wait=error.wait_s)
            for language in LANGUAGES
        }
        headers = {"Retry-After": str(error.wait_s)}
        if for_browsers(request):
            detail = told[language_of(request)]
            page = painter.page(
                request, "error.html", status=429, key="too_fast", detail=detail, page=""
            )
            page.headers.update(headers)
            return page
        more = {**told, "retry_after_s": error.wait_s}
        return for_program(request, 429, f"{told['en']} {told['zh']}", headers=headers, more=more)

    @app.exception_handler(StoreUnavailable)
    def store_away(request: Request, _error: StoreUnavailable) -> Response:
        return answer(request, 503, "trouble")

    @app.exception_handler(SQLAlchemyError)
    def registry_away(request: Request, error: SQLAlchemyError) -> Response:
        if (told := explain(error)) is None:
            raise error
        log.error("the registry does not answer", error=told)
        request.state.visitor = STRANGER  # whoever it is, the page must not ask the registry
        return answer(request, 503, "trouble")

    _add_refusals(app, painter)


def _add_refusals(app: FastAPI, painter: Painter) -> None:
    @app.exception_handler(LoginNeeded)
    def login_needed(request: Request, _error: LoginNeeded) -> Response:
        if for_programs(request):
            return for_program(
                request,
                401,
                "log in, or send an API token: Authorization: Bearer …",
                headers={"WWW-Authenticate": "Bearer"},
            )
        way = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = f"?next={quote(way)}" if request.method in SAFE_METHODS else ""
        return RedirectResponse(f"/login{back}", 303)

    @app.exception_handler(PasswordMustChange)
    def password_first(request: Request, _error: PasswordMustChange) -> Response:
        if for_programs(request):
            return for_program(request, 403, "change your password first, under /account")
        return RedirectResponse("/account", 303)

    @app.exception_handler(Forbidden)
    def forbidden(request: Request, error: Forbidden) -> Response:
        if for_programs(request):
            told = {"who": error.who, "action": error.action, "rule": error.rule}
            return for_program(request, 403, str(error), more={**told, "remedy": error.remedy})
        permission = permissions()[error.action]
        visitor: Visitor = visitor_of(request)
        return painter.page(
            request,
            "forbidden.html",
            status=403,
            page="",
            kind=error.kind,
            permission=permission,
            roles=[role for role in Role if role in permission.roles and role != Role.PUBLIC],
            scopes=visitor.person.scopes,
        )
