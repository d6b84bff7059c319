"""How alerts are dealt with and who gives rise to them again: a page, its table, and the JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, Response

import alerts as alerting
from alerts import Wanted, rules_ever
from console.alert_inbox import Name
from console.painter import Painter, language_of
from console.security import require
from console.sources import Sources
from console.tables import as_csv
from drawing import words
from network.views import Enforcement, enforcement

MAKE = [Depends(require("report.make"))]
SPANS = (7, 30, 90, 365)
MOST = 100_000
Days = Annotated[int, Query(ge=1, le=3660)]


def add_enforcement_pages(app: FastAPI, sources: Sources, painter: Painter) -> None:
    @app.get("/enforcement", dependencies=MAKE, include_in_schema=False)
    def page(request: Request, days: Days = 30, district: Name = "") -> HTMLResponse:
        places = sources.registry.places()
        return painter.page(
            request,
            "enforcement.html",
            page="enforcement",
            view=_view(sources, days, district),
            days=days,
            district=district,
            spans=SPANS,
            places=places,
            rules=rules_ever(sources.registry),
        )

    @app.get("/enforcement.csv", dependencies=MAKE, include_in_schema=False)
    def table(request: Request, days: Days = 30, district: Name = "") -> Response:
        language = language_of(request)
        text = enforcement_csv(_view(sources, days, district), language)
        headers = {"Content-Disposition": 'attachment; filename="enforcement.csv"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    @app.get("/api/enforcement", dependencies=MAKE, tags=["alerts"])
    def api(days: Days = 30, district: Name = "") -> Any:
        """Counts, times of service in seconds, share of false alarms, and repeat offenders."""
        view = _view(sources, days, district)
        told = jsonable_encoder(asdict(view), custom_encoder={timedelta: _seconds})
        for offender, row in zip(view.offenders, told["offenders"], strict=True):
            row["alerts"] = [alert.id for alert in offender.alerts]
            row["stations"] = [station.id for station in offender.stations]
            row["enterprise"] = offender.enterprise.id if offender.enterprise else None
        return told


def _view(sources: Sources, days: int, district: str) -> Enforcement:
    now = sources.clock.now()
    wanted = Wanted(since=now - timedelta(days=days), district=district or None)
    return enforcement(
        alerting.find(sources.registry, wanted, limit=MOST),
        stations={str(s.id): s for s in sources.registry.stations().values()},
        enterprises=sources.registry.enterprises(),
        now=now,
    )


def enforcement_csv(view: Enforcement, language: str) -> str:
    """Every breakdown below the other; minutes, percent."""
    t = words("console").translator(language)
    names = ("by", "key", "alerts", "open_alerts", "found", "false_share")
    steps = [
        t(f"time_to_{step}") + f" {part}"
        for step in ("acknowledge", "arrive", "close")
        for part in (t("median_min"), t("p90_min"))
    ]
    return as_csv([*(t(f"column_{name}") for name in names), *steps], _rows(view))


def _rows(view: Enforcement) -> Iterator[list[object]]:
    for by, rows in [("all", (view.total,)), *view.tables.items()]:
        for row in rows:
            times = [_minutes(at) for step in row.steps for at in (step.median, step.p90)]
            yield [by, row.key, row.alerts, row.open, row.found, row.false_share, *times]


def _minutes(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds() / 60, 1)


def _seconds(length: timedelta) -> float:
    return length.total_seconds()
