"""Pages of the one network and their JSON: ranking, waters, calendar, facilities, targets."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, Response

from console.painter import Painter, language_of
from console.security import require
from console.sources import Sources
from console.tables import ranking_csv
from drawing.heat_map import heat_map
from network import views
from schemas import Level

DAYS_SHOWN = 126  # eighteen weeks
DAYS_AT_MOST = 400

Days = Annotated[int, Query(ge=7, le=DAYS_AT_MOST)]


def add_network_pages(app: FastAPI, sources: Sources, painter: Painter) -> None:
    """Add all of them to the application."""
    router = APIRouter(dependencies=[Depends(require("board.read"))])
    _add_ranking(router, sources, painter)
    _add_waters(router, sources, painter)
    _add_calendar(router, sources, painter)
    _add_records(router, sources, painter)
    app.include_router(router)


def _now(sources: Sources) -> dict[str, Any]:
    return {"store": sources.store, "registry": sources.registry, "now": sources.clock.now()}


def _add_ranking(router: APIRouter, sources: Sources, painter: Painter) -> None:
    @router.get("/ranking", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        return painter.page(
            request,
            "ranking.html",
            page="ranking",
            table=views.ranking(**_now(sources)),
            places=sources.registry.places(),
        )

    @router.get("/ranking.csv", include_in_schema=False)
    def table(request: Request) -> Response:
        found = views.ranking(**_now(sources))
        text = ranking_csv(found, sources.registry.places(), language_of(request))
        name = f"ranking-{found.air_on.isoformat()}.csv"
        return Response(
            text,
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @router.get("/api/ranking")
    def api() -> Any:
        """Districts and subdistricts by the air and sound of the last whole day."""
        return jsonable_encoder(views.ranking(**_now(sources)))


def _add_waters(router: APIRouter, sources: Sources, painter: Painter) -> None:
    def basin_of(basin_id: str) -> views.BasinView:
        found = views.basin_view(basin_id, **_now(sources))
        if found is None:
            raise HTTPException(404)
        return found

    def bay_of(bay_id: str) -> views.BayView:
        found = views.bay_view(bay_id, **_now(sources))
        if found is None:
            raise HTTPException(404)
        return found

    @router.get("/waters", response_class=HTMLResponse, include_in_schema=False)
    def waters(request: Request) -> HTMLResponse:
        places = sources.registry.places()
        kinds = {kind: [p for p in places.values() if p.kind == kind] for kind in ("basin", "bay")}
        return painter.page(
            request,
            "waters.html",
            page="waters",
            water=sources.board().water,
            basins=[basin_of(place.id) for place in kinds["basin"]],
            bays=[bay_of(place.id) for place in kinds["bay"]],
        )

    @router.get("/basins/{basin_id}", response_class=HTMLResponse, include_in_schema=False)
    def basin(request: Request, basin_id: str) -> HTMLResponse:
        return painter.page(request, "basin.html", page="waters", view=basin_of(basin_id))

    @router.get("/bays/{bay_id}", response_class=HTMLResponse, include_in_schema=False)
    def bay(request: Request, bay_id: str) -> HTMLResponse:
        return painter.page(request, "bay.html", page="waters", view=bay_of(bay_id))

    @router.get("/chiefs", response_class=HTMLResponse, include_in_schema=False)
    def chiefs(request: Request) -> HTMLResponse:
        view = views.chiefs_view(**_now(sources))
        return painter.page(request, "chiefs.html", page="waters", view=view)

    @router.get("/api/chiefs")
    def chiefs_api() -> Any:
        """River chiefs: the sections and outfalls that they answer for, against the targets."""
        return jsonable_encoder(views.chiefs_view(**_now(sources)))

    @router.get("/api/basins/{basin_id}")
    def basin_api(basin_id: str) -> Any:
        """One basin: sections from the headwater to the sea, outfalls, the bay."""
        return jsonable_encoder(basin_of(basin_id))

    @router.get("/api/bays/{bay_id}")
    def bay_api(bay_id: str) -> Any:
        """One bay: its class, its stations, the rivers that drain into it."""
        return jsonable_encoder(bay_of(bay_id))


def _add_calendar(router: APIRouter, sources: Sources, painter: Painter) -> None:
    def view(parameter: str, district: str, days: int) -> views.CalendarView:
        places = sources.registry.places()
        if parameter not in views.CHOICES:
            raise HTTPException(422, f"parameter: one of {', '.join(views.CHOICES)}")
        if district and (district not in places or places[district].kind != "district"):
            raise HTTPException(404)
        level, subject = (Level.DISTRICT, district) if district else (Level.CITY, "city")
        return views.calendar_view(
            parameter,
            level,
            subject,
            store=sources.store,
            now=sources.clock.now(),
            count=days,
        )

    @router.get("/calendar", response_class=HTMLResponse, include_in_schema=False)
    def page(
        request: Request, parameter: str = "aqi", district: str = "", days: Days = DAYS_SHOWN
    ) -> HTMLResponse:
        found = view(parameter, district, days)
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

    @router.get("/api/calendar")
    def api(parameter: str = "aqi", district: str = "", days: Days = DAYS_SHOWN) -> Any:
        """Daily index, or daily value of one pollutant, of the city or a district."""
        return jsonable_encoder(view(parameter, district, days))


def _add_records(router: APIRouter, sources: Sources, painter: Painter) -> None:
    @router.get("/facilities", response_class=HTMLResponse, include_in_schema=False)
    def facilities(request: Request) -> HTMLResponse:
        return painter.page(
            request,
            "facilities.html",
            page="facilities",
            lines=views.facilities(**_now(sources)),
            places=sources.registry.places(),
            enterprises=sources.registry.enterprises(),
        )

    @router.get("/targets", response_class=HTMLResponse, include_in_schema=False)
    def targets(request: Request) -> HTMLResponse:
        return painter.page(
            request,
            "targets.html",
            page="targets",
            view=views.targets(**_now(sources)),
            places=sources.registry.places(),
        )

    @router.get("/api/facilities")
    def facilities_api() -> Any:
        """High-noise facilities with the record of their conduct."""
        return jsonable_encoder(views.facilities(**_now(sources)))

    @router.get("/api/targets")
    def targets_api() -> Any:
        """Progress towards the targets of the city's plan."""
        return jsonable_encoder(views.targets(**_now(sources)))
