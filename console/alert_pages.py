"""Pages of alerts for those who act on them: the inbox, one alert with its next moves, photos.

A move is made by `alerts.act`, which refuses what is not possible or not allowed; the page comes
back with the reason, and the alert as it is. Live parts come by server-sent events.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    Form,
    HTTPException,
    Path,
    Query,
    Request,
    UploadFile,
)
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

import alerts as alerting
from alerts import BadMove, IllegalMove, Move, NoSuchAlert, Router
from alerts.moves import LARGEST_PHOTO
from console.alert_inbox import FARTHEST, PAGE, Asked, Filters, choices, inbox, settled
from console.alert_view import alert_chart, alert_page
from console.live import live
from console.painter import Painter, language_of
from console.security import require, safe_way, visitor_of
from console.sources import Sources
from registry.permissions import Forbidden, refuse_unless
from schemas import CITY_TIME
from schemas.alerts import Alert, AlertState
from schemas.people import Person
from storage import StoreUnavailable

Visiting = Annotated[Person, Depends(require("alert.read"))]
# Whoever makes any move may acknowledge; the move itself then asks for its own action, and where.
Moving = Annotated[Person, Depends(require("alert.acknowledge"))]
OnSite = Annotated[Person, Depends(require("alert.arrive"))]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Line = Annotated[str, Form(max_length=128)]
Text = Annotated[str, Form(max_length=8000)]
Seen = Annotated[int | None, Form(ge=0, le=2**31 - 1)]


def add_alert_pages(app: FastAPI, sources: Sources, painter: Painter, router: Router) -> None:
    """All of them. router: whom a move is told to."""
    pages = APIRouter(include_in_schema=False)
    _add_inbox(pages, sources, painter)
    _add_one(pages, sources, painter)
    _add_moves(pages, sources, painter, router)
    app.include_router(pages)


def find_alert(sources: Sources, number: int) -> Alert:
    """Raises HTTPException 404."""
    found = alerting.alert(sources.registry, number)
    if found is None:
        raise HTTPException(404)
    return found


def _add_inbox(pages: APIRouter, sources: Sources, painter: Painter) -> None:
    @pages.get("/alerts")
    def page(
        request: Request,
        person: Visiting,
        asked: Asked,
        offset: Annotated[int, Query(ge=0, le=FARTHEST)] = 0,
    ) -> HTMLResponse:
        chosen = settled(asked, person)
        content = _inbox(sources, chosen, person, offset)
        return painter.page(
            request,
            "alerts.html",
            page="alerts",
            states=list(AlertState),
            offset=offset,
            step=PAGE,
            **choices(sources.registry, person),
            **content,
        )

    @pages.get("/alerts/events")
    async def events(request: Request, person: Visiting, asked: Asked) -> StreamingResponse:
        chosen, language = settled(asked, person), language_of(request)
        visitor = visitor_of(request)

        def made() -> dict[str, Any]:
            """The list, and which red alerts nobody has acknowledged."""
            content = _inbox(sources, chosen, person, 0)
            return {
                "list": painter.paint("_inbox.html", language, visitor=visitor, **content),
                "reds": [[a.id, _title(sources, a, language)] for a in content["inbox"].reds()],
            }

        return live(request, "inbox", made)


def _inbox(sources: Sources, chosen: Filters, person: Person, offset: int) -> dict[str, Any]:
    now = sources.clock.now()
    found = inbox(sources.registry, chosen, person, now, offset)
    return {"inbox": found, "chosen": chosen, "now": now}


def _title(sources: Sources, alert: Alert, language: str) -> str:
    """What a notification says: the words of the alert's own first message."""
    for event in alerting.alert_events(sources.registry, alert.id):
        if f"title_{language}" in event.detail:
            return str(event.detail[f"title_{language}"])
    return f"{alert.rule} {alert.subject}"


def _add_one(pages: APIRouter, sources: Sources, painter: Painter) -> None:
    @pages.get("/alerts/{number}")
    def page(request: Request, number: Number, person: Visiting) -> HTMLResponse:
        return show(request, sources, painter, number, person)

    @pages.get("/alerts/{number}/photos/{photo}")
    def picture(
        number: Number,
        photo: Number,
        person: Annotated[Person, Depends(require("evidence.read"))],
    ) -> Response:
        alert = find_alert(sources, number)
        place = {"district": alert.district, "subdistrict": alert.subdistrict}
        refuse_unless(person, "evidence.read", **place)
        found = alerting.photo(sources.registry, number, photo)
        if found is None:
            raise HTTPException(404)
        headers = {"Cache-Control": "private, max-age=86400", "ETag": f'"{found.sha256}"'}
        return Response(found.content, media_type=found.kind, headers=headers)


def show(
    request: Request,
    sources: Sources,
    painter: Painter,
    number: int,
    person: Person,
    *,
    status: int = 200,
    wrong: dict[str, str] | None = None,
    filled: dict[str, str] | None = None,
) -> HTMLResponse:
    """The page of an alert. wrong: why a move was refused; filled: what had been typed."""
    now = sources.clock.now()
    view = alert_page(sources.registry, find_alert(sources, number), person, now)
    try:
        chart = alert_chart(sources.registry, sources.store, view.line, now)
    except StoreUnavailable:
        chart = None
    return painter.page(
        request,
        "alert.html",
        status=status,
        page="alerts",
        view=view,
        chart=chart,
        now=now,
        wrong=wrong,
        filled=filled or {"move": ""},
        places=sources.registry.places(),
    )


def _add_moves(pages: APIRouter, sources: Sources, painter: Painter, router: Router) -> None:
    def refused(request: Request, number: int, person: Person, error: Exception) -> HTMLResponse:
        status, wrong = told(error)
        return show(request, sources, painter, number, person, status=status, wrong=wrong)

    @pages.post("/alerts/{number}/moves")
    def move(
        request: Request,
        number: Number,
        person: Moving,
        move: Line = "",
        why: Text = "",
        to: Line = "",
        to_other: Line = "",
        outcome: Line = "",
        findings: Text = "",
        until: Line = "",
        into: Line = "",
        level: Line = "",
        seen: Seen = None,
        back: Line = "",
    ) -> Response:
        filled = {"move": move, "why": why, "findings": findings, "outcome": outcome, "to": to}
        try:
            wanted = Move(
                move,
                why=_plain(why),
                to=_plain(to_other).strip() or _plain(to),
                outcome=outcome,
                findings=_plain(findings),
                until=_moment(until),
                into=int(into) if into.isdecimal() and len(into) < 10 else None,
                level=level,
                seen=seen,
            )
            at = sources.clock.now()
            alerting.act(sources.registry, number, wanted, by=person, at=at, router=router)
        except NoSuchAlert:
            raise HTTPException(404) from None
        except (IllegalMove, BadMove, Forbidden) as error:
            status, wrong = told(error)
            return show(
                request,
                sources,
                painter,
                number,
                person,
                status=status,
                wrong=wrong,
                filled=filled,
            )
        return RedirectResponse(safe_way(back) if back else f"/alerts/{number}", 303)

    @pages.post("/alerts/{number}/photos")
    def photo(
        request: Request, number: Number, person: OnSite, photo: UploadFile | None = None
    ) -> Response:
        content = photo.file.read(LARGEST_PHOTO + 1) if photo is not None else b""
        try:
            at = sources.clock.now()
            alerting.add_photo(sources.registry, number, content, by=person, at=at, router=router)
        except NoSuchAlert:
            raise HTTPException(404) from None
        except (IllegalMove, BadMove, Forbidden) as error:
            return refused(request, number, person, error)
        return RedirectResponse(f"/alerts/{number}#photos", 303)


def told(error: Exception) -> tuple[int, dict[str, str]]:
    """Status and reason of a refused move."""
    if isinstance(error, BadMove):
        return 422, {"kind": "bad", "field": error.field, "error": str(error)}
    if isinstance(error, Forbidden):
        return 403, {"kind": "forbidden", "field": "", "error": str(error)}
    return 409, {"kind": "illegal", "field": "", "error": str(error)}


def _moment(text: str) -> datetime | None:
    """What a browser's field of date and time sends, in the city's time. Raises BadMove."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadMove("until", text, "is a time as 2026-11-24T20:00", "choose it again") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=CITY_TIME)


def _plain(text: str) -> str:
    """No database takes NUL."""
    return text.replace("\0", "")
