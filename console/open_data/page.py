"""The page of open data: what is published, forms to choose from, how to read it, the terms."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from console.open_data.choice import DAYS_AT_MOST, OBSERVED_DAYS_AT_MOST, ROWS_AT_MOST
from console.open_data.columns import tables
from console.open_data.published import LEVELS, LISTS, Published
from console.open_data.terms import terms
from console.painter import Painter
from console.sources import Sources
from network.assessments import city_date
from schemas import Medium, catalogue, indices
from schemas.clock import DAY

PREFILLED = 7 * DAY


def add_page(router: APIRouter, sources: Sources, painter: Painter) -> None:
    @router.get("/open-data", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        today = city_date(sources.clock.now())
        known = Published.of(sources.registry)
        return painter.page(
            request,
            "open_data.html",
            page="open_data",
            terms=terms(),
            tables=tables(),
            lists=LISTS,
            levels=LEVELS,
            media=list(Medium),
            districts=known.districts(),
            stations=list(known.stations.values()),
            measured=list(catalogue()),
            indices=indices().values(),
            periods=DAYS_AT_MOST,
            observed_days=OBSERVED_DAYS_AT_MOST,
            rows=ROWS_AT_MOST,
            first=today - PREFILLED,
            yesterday=today - DAY,
        )
