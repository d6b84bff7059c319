"""Pages of what laboratories found, and their JSON: soil risk, groundwater, plots over time."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, JSONResponse, Response

from console import soil_tables
from console.painter import Painter, language_of
from console.security import require
from console.sources import Sources
from network import views
from registry.samples import find_samples
from schemas.land_use import land_uses
from schemas.samples import SampleMedium


def add_soil_pages(app: FastAPI, sources: Sources, painter: Painter) -> None:
    """Add all of them to the application."""
    router = APIRouter(dependencies=[Depends(require("board.read"))])
    _add_soil(router, sources, painter)
    _add_plots(router, sources, painter)
    app.include_router(router)


MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "no such district"}}


def _check_district(sources: Sources, district: str) -> None:
    places = sources.registry.places()
    if district and (district not in places or places[district].kind != "district"):
        raise HTTPException(404)


def _add_soil(router: APIRouter, sources: Sources, painter: Painter) -> None:
    def soil_of(district: str, land_use: str) -> views.SoilView:
        _check_district(sources, district)
        if land_use and land_use not in land_uses():
            raise HTTPException(422, f"land_use: one of {', '.join(land_uses())}")
        registry, now = sources.registry, sources.clock.now()
        return views.soil_view(registry=registry, now=now, district=district, land_use=land_use)

    def groundwater_of(district: str) -> views.GroundwaterView:
        _check_district(sources, district)
        registry, now = sources.registry, sources.clock.now()
        return views.groundwater_view(registry=registry, now=now, district=district)

    @router.get("/soil", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request, district: str = "", land_use: str = "") -> HTMLResponse:
        soil = soil_of(district, land_use)
        return painter.page(
            request,
            "soil.html",
            page="soil",
            soil=soil,
            groundwater=groundwater_of(district),
            markers=soil_tables.plot_markers(soil.plots),
            names=soil_tables.determinand_names,
            land_uses=land_uses(),
            places=sources.registry.places(),
            chosen={"district": district, "land_use": land_use},
        )

    @router.get("/soil.csv", include_in_schema=False)
    def table(request: Request, district: str = "", land_use: str = "") -> Response:
        soil = soil_of(district, land_use)
        return Response(
            soil_tables.soil_csv(soil, sources.registry.places(), language_of(request)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="soil-{soil.on}.csv"'},
        )

    @router.get("/api/soil", response_description="The plots, the worst first.", responses=MISSING)
    def soil(district: str = "", land_use: str = "") -> Response:
        """Soil risk of the city or a district: each plot by its newest samples."""
        return JSONResponse(jsonable_encoder(soil_of(district, land_use)))

    @router.get(
        "/api/groundwater", response_description="The wells, the poorest first.", responses=MISSING
    )
    def groundwater(district: str = "") -> Response:
        """Groundwater of the city or a district: each well by its newest samples."""
        return JSONResponse(jsonable_encoder(groundwater_of(district)))


def _add_plots(router: APIRouter, sources: Sources, painter: Painter) -> None:
    @router.get("/plots/{station_id}", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request, station_id: str) -> HTMLResponse:
        view = views.plot_view(station_id, registry=sources.registry, now=sources.clock.now())
        if view is None:
            raise HTTPException(404)
        shown = view.samples[: soil_tables.SAMPLES_SHOWN]
        return painter.page(
            request,
            "plot.html",
            page="soil",
            view=view,
            shown=shown,
            charts=soil_tables.charts_of(view, sources.clock),
            rows=soil_tables.result_rows(shown),
            names=soil_tables.determinand_names,
            depth_of=soil_tables.depth_of,
            has_sensors=any(s.station == station_id for s in sources.registry.sensors().values()),
            places=sources.registry.places(),
            enterprises=sources.registry.enterprises(),
        )

    @router.get("/api/samples", response_description="The samples, the newest first.")
    def samples(
        station: str = "",
        medium: SampleMedium | None = None,
        since: date | None = None,
        until: date | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        """Samples with their verdicts and what they said before they were corrected.

        Values are text, with the digits of the laboratory; without one, it lies below `limit`.
        """
        found = find_samples(
            sources.registry,
            stations=[station] if station else None,
            medium=medium,
            since=since,
            until=until,
            limit=limit,
        )
        stations = {str(key): one for key, one in sources.registry.stations().items()}
        judged = views.judged_samples(found, stations, registry=sources.registry)
        return JSONResponse(jsonable_encoder(judged))
