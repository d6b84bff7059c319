"""The bulletins: which there are, to be read or taken away; made when asked for and not yet there.

Everybody reads those that are kept. Making one takes seconds of a core, so it is for who may make
reports, and one is made at a time. A year that still runs is another tomorrow and is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

import bulletin
from bulletin import Bulletin
from bulletin import Request as File
from console.painter import Painter
from console.security import require, visitor_of
from console.sources import Sources
from drawing import PdfUnavailable
from network.assessments import city_date
from network.periods import month_of
from network.views import month_reported
from schemas.clock import DAY

Made = TypeVar("Made")
MAKE = "report.make"
MONTHS_SHOWN = 12
# A document that is all there is to it: its own styles, no script, nothing fetched.
CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
MEDIA_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}


@dataclass(frozen=True, slots=True)
class Line:
    """One span of an area. kept: its files, with the moment at which each was made.

    can_make: whether it can be made now from the data.
    """

    span: str
    kept: dict[File, datetime]
    can_make: bool


class Shelf:
    """The folder of bulletins, and the making of those that are not in it. None = no folder."""

    def __init__(self, sources: Sources, folder: Path | None) -> None:
        self._sources = sources
        self._folder = folder
        self._making = Lock()

    def lines(self, area: str) -> list[Line]:
        """The running year, the last months that are over, and whatever else is kept."""
        now = self._sources.clock.now()
        kept = [] if self._folder is None else list(bulletin.there(self._folder))
        makeable = [f"{city_date(now).year}", *_months(now)]
        names = dict.fromkeys([*makeable, *sorted({f.span for f in kept}, reverse=True)])
        return [Line(name, self._dated(kept, name, area), name in makeable) for name in names]

    def _dated(self, kept: Collection[File], span: str, area: str) -> dict[File, datetime]:
        if self._folder is None:
            return {}
        own = [file for file in kept if (file.span, file.area) == (span, area)]
        return {file: _made_at(bulletin.path_of(self._folder, file)) for file in own}

    def read(self, file: File) -> bytes | None:
        """A file that is kept."""
        if self._folder is None:
            return None
        try:
            return bulletin.path_of(self._folder, file).read_bytes()
        except FileNotFoundError:
            return None

    def make(self, file: File) -> bytes:
        """One file, which is kept from now on. Raises ValueError, StoreUnavailable, OSError."""
        with self._making:
            made = self._compiled(file.span, file.area)
            content = bulletin.render(made, file.language, file.format)
            if self._folder is not None and made.span.kind != "year_to_date":
                bulletin.put(bulletin.path_of(self._folder, file), content)
            return content

    def make_all(self, span: str, area: str) -> None:
        """All files of a span and area, instead of those that are there. Raises as `make`."""
        if self._folder is not None:
            with self._making:
                bulletin.write(self._compiled(span, area), self._folder)

    def _compiled(self, span: str, area: str) -> Bulletin:
        registry, now = self._sources.registry, self._sources.clock.now()
        return bulletin.compile_bulletin(
            bulletin.area_of(area, registry),
            bulletin.span_of(span, now),
            store=self._sources.store,
            registry=registry,
            made=now,
        )


def _made_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _months(now: datetime) -> Iterator[str]:
    """The last months that are over, the newest first."""
    day, found = city_date(now), 0
    while found < MONTHS_SHOWN:
        month = month_of(day)
        try:
            month_reported(day, now)
        except ValueError:
            pass
        else:
            found += 1
            yield f"{month.first:%Y-%m}"
        day = month.first - DAY


def add_bulletin_pages(
    app: FastAPI, sources: Sources, painter: Painter, folder: Path | None
) -> None:
    """Add them to the application. folder: where bulletins are kept; None = nowhere."""
    router = APIRouter()
    shelf = Shelf(sources, folder)

    @router.get(
        "/bulletins",
        response_class=HTMLResponse,
        include_in_schema=False,
        dependencies=[Depends(require("board.read"))],
    )
    def listed(request: Request, area: str = "city") -> HTMLResponse:
        every = {each.id: each for each in bulletin.areas(sources.registry)}
        if area not in every:
            raise HTTPException(404)
        return painter.page(
            request,
            "bulletins.html",
            page="bulletins",
            areas=every.values(),
            chosen=area,
            lines=shelf.lines(area),
            languages=bulletin.LANGUAGES,
            formats=bulletin.FORMATS,
            file=File,
            may_make=visitor_of(request).may(MAKE),
            may_keep=folder is not None,
        )

    @router.get(
        "/bulletins/{span}/{name}",
        include_in_schema=False,
        dependencies=[Depends(require("board.read"))],
    )
    def one(request: Request, span: str, name: str) -> Response:
        file = bulletin.request_of(span, name)
        if file is None:
            raise HTTPException(404)
        content = shelf.read(file)
        if content is None:
            if not visitor_of(request).may(MAKE):
                raise HTTPException(404, f"{span}/{name}: not made yet")
            content = _or_told(lambda: shelf.make(file))
        how = "attachment" if file.format == "pdf" else "inline"
        return Response(
            content,
            media_type=MEDIA_TYPES[file.format],
            headers={
                "Content-Security-Policy": CONTENT_POLICY,
                "Content-Disposition": f'{how}; filename="{span}-{name}"',
            },
        )

    @router.post("/bulletins", include_in_schema=False, dependencies=[Depends(require(MAKE))])
    def again(span: Annotated[str, Form()], area: Annotated[str, Form()]) -> Response:
        _or_told(lambda: shelf.make_all(span, area))
        return RedirectResponse(f"/bulletins?area={area}", 303)

    app.include_router(router)


def _or_told(make: Callable[[], Made]) -> Made:
    """What is made, or the error as the visitor is told it."""
    try:
        return make()
    except ValueError as error:
        raise HTTPException(404, str(error)) from error
    except PdfUnavailable as error:
        raise HTTPException(503, str(error)) from error
