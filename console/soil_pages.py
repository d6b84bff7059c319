"""Pages of what laboratories found, and their JSON: soil risk, groundwater, plots over time."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, Response

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


def _add_soil(router: APIRouter, sources: Sources, painter: Painter) -> None:
    def of(district: str, land_use: str) -> tuple[views.SoilView, views.GroundwaterView]:
        places = sources.registry.places()
        if district and (district not in places or places[district].kind != "district"):
            raise HTTPException(404)
        if land_use and land_use not in land_uses():
            raise HTTPException(422, f"land_use: one of {', '.join(land_uses())}")
        registry, now = sources.registry, sources.clock.now()
        return (
            views.soil_view(registry=registry, now=now, district=district, land_use=land_use),
            views.groundwater_view(registry=registry, now=now, district=district),
        )

    @router.get("/soil", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request, district: str = "", land_use: str = "") -> HTMLResponse:
        soil, groundwater = of(district, land_use)
        return painter.page(
            request,
            "soil.html",
            page="soil",
            soil=soil,
            groundwater=groundwater,
            markers=soil_tables.plot_markers(soil.plots),
            names=soil_tables.determinand_names,
            land_uses=land_uses(),
            places=sources.registry.places(),
            chosen={"district": district, "land_use": land_use},
        )

    @router.get("/soil.csv", include_in_schema=False)
    def table(request: Request, district: str = "", land_use: str = "") -> Response:
        soil, _ = of(district, land_use)
        return Response(
            soil_tables.soil_csv(soil, sources.registry.places(), language_of(request)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="soil-{soil.on}.csv"'},
        )

    @router.get("/api/soil")
    def api(district: str = "", land_use: str = "") -> Any:
        """Plots and wells of the city or a district, by their newest samples."""
        soil, groundwater = of(district, land_use)
        return jsonable_encoder({"soil": soil, "groundwater": groundwater})


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

    @router.get("/api/samples")
    def api(
        station: str = "",
        medium: SampleMedium | None = None,
        since: date | None = None,
        until: date | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Any:
        """Samples with their verdicts and earlier revisions, the newest first.

        Values are text, with the digits of the laboratory; null with a `limit` is below detection.
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
        return jsonable_encoder(views.judged_samples(found, stations, registry=sources.registry))
