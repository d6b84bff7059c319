"""Pages of the one network: ranking, waters, chiefs, calendar, facilities, targets."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse

from console.network_api import (
    DAYS_SHOWN,
    Days,
    add_network_api,
    basin_of,
    bay_of,
    calendar_of,
    facility_of,
    now_of,
)
from console.pages import alert_lines, facility_columns
from console.painter import Painter
from console.security import require
from console.sources import Sources
from drawing.heat_map import heat_map
from network import views

ALERTS_SHOWN = 50


def add_network_pages(app: FastAPI, sources: Sources, painter: Painter) -> None:
    """Add all of them to the application, and their JSON and CSV."""
    router = APIRouter(dependencies=[Depends(require("board.read"))])
    _add_ranking(router, sources, painter)
    _add_waters(router, sources, painter)
    _add_calendar(router, sources, painter)
    _add_records(router, sources, painter)
    app.include_router(router)
    add_network_api(app, sources)


def _add_ranking(router: APIRouter, sources: Sources, painter: Painter) -> None:
    @router.get("/ranking", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        return painter.page(
            request,
            "ranking.html",
            page="ranking",
            table=views.ranking(**now_of(sources)),
            places=sources.registry.places(),
        )

    @router.get("/city-air", response_class=HTMLResponse, include_in_schema=False)
    def points(request: Request) -> HTMLResponse:
        return painter.page(
            request,
            "city_air.html",
            page="board",
            view=views.city_air(**now_of(sources)),
            places=sources.registry.places(),
        )


def _add_waters(router: APIRouter, sources: Sources, painter: Painter) -> None:
    @router.get("/waters", response_class=HTMLResponse, include_in_schema=False)
    def waters(request: Request) -> HTMLResponse:
        places = sources.registry.places()
        kinds = {kind: [p for p in places.values() if p.kind == kind] for kind in ("basin", "bay")}
        return painter.page(
            request,
            "waters.html",
            page="waters",
            water=sources.board().water,
            basins=[basin_of(sources, place.id) for place in kinds["basin"]],
            bays=[bay_of(sources, place.id) for place in kinds["bay"]],
        )

    @router.get("/basins/{basin_id}", response_class=HTMLResponse, include_in_schema=False)
    def basin(request: Request, basin_id: str) -> HTMLResponse:
        return painter.page(request, "basin.html", page="waters", view=basin_of(sources, basin_id))

    @router.get("/bays/{bay_id}", response_class=HTMLResponse, include_in_schema=False)
    def bay(request: Request, bay_id: str) -> HTMLResponse:
        return painter.page(request, "bay.html", page="waters", view=bay_of(sources, bay_id))

    @router.get("/chiefs", response_class=HTMLResponse, include_in_schema=False)
    def chiefs(request: Request) -> HTMLResponse:
        view = views.chiefs_view(**now_of(sources))
        return painter.page(request, "chiefs.html", page="waters", view=view)


def _add_calendar(router: APIRouter, sources: Sources, painter: Painter) -> None:
    @router.get("/calendar", response_class=HTMLResponse, include_in_schema=False)
    def page(
        request: Request, parameter: str = "aqi", district: str = "", days: Days = DAYS_SHOWN
    ) -> HTMLResponse:
        found = calendar_of(sources, parameter, district, days)
        return painter.page(
            request,
            "calendar.html",
            page="calendar",
            view=found,
            heat=heat_map(found.days),
            choices=views.CHOICES,
            places=sources.registry.places(),
            chosen={"parameter": parameter, "district": district},
        )


def _add_records(router: APIRouter, sources: Sources, painter: Painter) -> None:
    @router.get("/facilities", response_class=HTMLResponse, include_in_schema=False)
    def facilities(request: Request) -> HTMLResponse:
        return painter.page(
            request,
            "facilities.html",
            page="facilities",
            lines=views.facilities(**now_of(sources)),
            places=sources.registry.places(),
            enterprises=sources.registry.enterprises(),
        )

    @router.get("/facilities/{station_id}", response_class=HTMLResponse, include_in_schema=False)
    def facility(request: Request, station_id: str) -> HTMLResponse:
        record = facility_of(sources, station_id)
        return painter.page(
            request,
            "facility.html",
            page="facilities",
            record=record,
            rules=views.credit_rules(),
            bars=facility_columns(record),
            lines=alert_lines(list(record.alerts[:ALERTS_SHOWN]), sources.registry),
            places=sources.registry.places(),
            enterprises=sources.registry.enterprises(),
        )

    @router.get("/owners", response_class=HTMLResponse, include_in_schema=False)
    def owners(request: Request) -> HTMLResponse:
        return painter.page(
            request,
            "owners.html",
            page="facilities",
            view=views.owners_view(**now_of(sources)),
            places=sources.registry.places(),
            stations=sources.registry.stations(),
        )

    @router.get("/targets", response_class=HTMLResponse, include_in_schema=False)
    def targets(request: Request) -> HTMLResponse:
        return painter.page(
            request,
            "targets.html",
            page="targets",
            view=views.targets(**now_of(sources)),
            places=sources.registry.places(),
        )
