"""The audit log for administrators and auditors: found by who, what, when; taken away as a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import Response, StreamingResponse

from console.painter import Painter
from console.security import gate_of, require
from drawing.cells import BOM, safe_text
from registry import audit
from schemas import CITY_TIME

PAGE = 50
FARTHEST = 1_000_000
COLUMNS = ("number", "at", "who", "action", "subject", "before", "after", "why", "hash")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the log is asked for; days in the city's time, `until` included."""

    who: str = ""
    action: str = ""
    subject: str = ""
    since: date | None = None
    until: date | None = None

    def bounds(self) -> dict[str, Any]:
        """As `audit.entries` takes them."""
        return {
            "who": self.who,
            "action": self.action,
            "subject": self.subject,
            "since": _midnight(self.since),
            "until": _midnight(self.until + timedelta(days=1)) if self.until else None,
        }

    def query(self) -> str:
        return urlencode({key: value for key, value in asdict(self).items() if value})


def wanted(
    who: Annotated[str, Query(max_length=128)] = "",
    action: Annotated[str, Query(max_length=64)] = "",
    subject: Annotated[str, Query(max_length=128)] = "",
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
) -> Wanted:
    """A dependency: the filters of the page, of which an empty field is none."""
    return Wanted(
        _plain(who), _plain(action), _plain(subject), _day(since, "since"), _day(until, "until")
    )


Filters = Annotated[Wanted, Depends(wanted)]


def add_audit_pages(app: FastAPI, painter: Painter) -> None:
    read, export = [Depends(require("audit.read"))], [Depends(require("audit.export"))]

    @app.get("/audit", dependencies=read, include_in_schema=False)
    def page(
        request: Request,
        filters: Filters,
        offset: Annotated[int, Query(ge=0, le=FARTHEST)] = 0,
        verify: bool = False,
    ) -> Response:
        registry = gate_of(app).registry
        found = list(audit.entries(registry, **filters.bounds(), limit=PAGE + 1, offset=offset))
        return painter.page(
            request,
            "audit.html",
            page="audit",
            entries=found[:PAGE],
            more=len(found) > PAGE,
            offset=offset,
            step=PAGE,
            filters=filters,
            actions=audit.actions(registry),
            head=audit.head(registry),
            breaks=audit.verify(registry) if verify else None,
        )

    @app.get("/audit.csv", dependencies=export, include_in_schema=False)
    def table(filters: Filters) -> Response:
        return _file(_rows(_entries(app, filters)), "text/csv; charset=utf-8", "csv")

    @app.get("/audit.jsonl", dependencies=export, include_in_schema=False)
    def lines(filters: Filters) -> Response:
        texts = (_json(audit.as_line(entry)) + "\n" for entry in _entries(app, filters))
        return _file(texts, "application/jsonl", "jsonl")

    @app.get("/api/audit", dependencies=read)
    def api(
        filters: Filters,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=FARTHEST)] = 0,
    ) -> Any:
        """Entries of the audit log, the newest first."""
        found = audit.entries(gate_of(app).registry, **filters.bounds(), limit=limit, offset=offset)
        return [audit.as_line(entry) for entry in found]

    @app.get("/api/audit/verify", dependencies=read)
    def verify() -> Any:
        """Whether the log is whole: its head, and every place where it is broken."""
        registry = gate_of(app).registry
        breaks = [asdict(found) for found in audit.verify(registry)]
        return {"head": asdict(audit.head(registry)), "breaks": breaks}


def _entries(app: FastAPI, filters: Wanted) -> Iterator[audit.Entry]:
    return audit.entries(gate_of(app).registry, **filters.bounds(), limit=None)


def _rows(found: Iterator[audit.Entry]) -> Iterator[str]:
    yield BOM + _row(COLUMNS)
    for entry in found:
        line = audit.as_line(entry)
        line |= {key: _json(line[key]) if line[key] else "" for key in ("before", "after")}
        yield _row([line[column] for column in COLUMNS])


def _row(cells: Any) -> str:
    target = io.StringIO()
    csv.writer(target).writerow(safe_text(c) if isinstance(c, str) else c for c in cells)
    return target.getvalue()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _file(content: Iterator[str], kind: str, ending: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="audit.{ending}"'}
    return StreamingResponse(content, media_type=kind, headers=headers)


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= 2100:
        raise HTTPException(422, f"{field} {text!r}: a day as 2026-11-24, from 2000 to 2100")
    return day


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), CITY_TIME)


def _plain(text: str) -> str:
    """No database takes NUL, and no entry holds it."""
    return text.replace("\0", "")
