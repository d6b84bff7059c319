"""The views as JSON, each with its schema, and as CSV where somebody would open it in a sheet.

The schemas are those of the read models themselves: what a field means is said there, once.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from console import tables
from console.painter import language_of
from console.security import require
from console.sources import Sources
from network import views
from network.views.water import WaterView
from schemas import Level

DAYS_SHOWN = 126  # eighteen weeks
DAYS_AT_MOST = 400

Days = Annotated[int, Query(ge=7, le=DAYS_AT_MOST)]


def add_network_api(app: FastAPI, sources: Sources) -> None:
    """Add the JSON and CSV of the views to the application."""
    router = APIRouter(dependencies=[Depends(require("board.read"))])
    _add_ranking(router, sources)
    _add_waters(router, sources)
    _add_calendar(router, sources)
    _add_records(router, sources)
    app.include_router(router)
    describe_answers(app)


# What each answer is. The fields are explained by the read models' own texts.
ANSWERS: dict[str, Any] = {
    "/api/board": views.CityBoard,
    "/api/ranking": views.Ranking,
    "/api/city-air": views.CityAir,
    "/api/waters": WaterView,
    "/api/basins/{basin_id}": views.BasinView,
    "/api/bays/{bay_id}": views.BayView,
    "/api/chiefs": views.Chiefs,
    "/api/calendar": views.CalendarView,
    "/api/soil": views.SoilView,
    "/api/groundwater": views.GroundwaterView,
    "/api/samples": tuple[views.JudgedSample, ...],
    "/api/facilities": tuple[views.Facility, ...],
    "/api/facilities/{station_id}": views.FacilityRecord,
    "/api/owners": views.OwnersView,
    "/api/targets": views.Targets,
}


class _AsWritten(GenerateJsonSchema):
    """Decimals are written as numbers; pydantic's own way is a string."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:  # noqa: ARG002
        return {"type": "number"}


def describe_answers(app: FastAPI) -> None:
    """Put the schemas of `ANSWERS` into the application's OpenAPI description."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        whole: dict[str, Any] = described()
        schemas, defined = TypeAdapter.json_schemas(
            [(path, "serialization", TypeAdapter(model)) for path, model in ANSWERS.items()],
            ref_template="#/components/schemas/{model}",
            schema_generator=_AsWritten,
        )
        whole.setdefault("components", {}).setdefault("schemas", {}).update(defined["$defs"])
        for (path, _), schema in schemas.items():
            answer = whole["paths"][path]["get"]["responses"]["200"]
            answer["content"]["application/json"]["schema"] = schema
        return whole

    app.openapi = openapi  # type: ignore[method-assign]


def _missing(what: str) -> dict[int | str, dict[str, Any]]:
    return {404: {"description": f"no such {what}"}}


def now_of(sources: Sources) -> dict[str, Any]:
    """What every view is made of."""
    return {"store": sources.store, "registry": sources.registry, "now": sources.clock.now()}


def basin_of(sources: Sources, basin_id: str) -> views.BasinView:
    """A basin. Raises HTTPException 404 when there is none."""
    found = views.basin_view(basin_id, **now_of(sources))
    if found is None:
        raise HTTPException(404)
    return found


def bay_of(sources: Sources, bay_id: str) -> views.BayView:
    """A bay. Raises HTTPException 404 when there is none."""
    found = views.bay_view(bay_id, **now_of(sources))
    if found is None:
        raise HTTPException(404)
    return found


def facility_of(sources: Sources, station_id: str) -> views.FacilityRecord:
    """A facility's record. Raises HTTPException 404 when there is none."""
    found = views.facility_record(station_id, **now_of(sources))
    if found is None:
        raise HTTPException(404)
    return found


def calendar_of(sources: Sources, parameter: str, district: str, days: int) -> views.CalendarView:
    """A calendar. Raises HTTPException 422 for an unknown parameter, 404 for a district."""
    places = sources.registry.places()
    if parameter not in views.CHOICES:
        raise HTTPException(422, f"parameter: one of {', '.join(views.CHOICES)}")
    if district and (district not in places or places[district].kind != "district"):
        raise HTTPException(404)
    level, subject = (Level.DISTRICT, district) if district else (Level.CITY, "city")
    now = sources.clock.now()
    return views.calendar_view(parameter, level, subject, store=sources.store, now=now, count=days)


def _json(view: Any) -> JSONResponse:
    return JSONResponse(jsonable_encoder(view))


def _csv(text: str, name: str) -> Response:
    return Response(
        text,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _add_ranking(router: APIRouter, sources: Sources) -> None:
    @router.get("/api/ranking", response_description="The league table.")
    def ranking() -> Response:
        """Districts and subdistricts by the air and sound of the last whole day."""
        return _json(views.ranking(**now_of(sources)))

    @router.get("/ranking.csv", include_in_schema=False)
    def ranking_csv(request: Request) -> Response:
        found = views.ranking(**now_of(sources))
        text = tables.ranking_csv(found, sources.registry.places(), language_of(request))
        return _csv(text, f"ranking-{found.air_on.isoformat()}")

    @router.get("/api/city-air", response_description="The points, and the stations beside them.")
    def city_air() -> Response:
        """Which stations make the city's air, and what all of them measured on the last day."""
        return _json(views.city_air(**now_of(sources)))


def _add_waters(router: APIRouter, sources: Sources) -> None:
    @router.get("/api/waters", response_description="All river sections and bays.")
    def waters() -> Response:
        """River sections by class, on target or not, and bays, of the last whole day."""
        return _json(sources.board().water)

    @router.get("/waters.csv", include_in_schema=False)
    def waters_csv(request: Request) -> Response:
        found, registry = sources.board().water, sources.registry
        stations = {str(key): station for key, station in registry.stations().items()}
        text = tables.waters_csv(found, stations, registry.places(), language_of(request))
        return _csv(text, f"waters-{found.on.isoformat()}")

    @router.get(
        "/api/basins/{basin_id}",
        response_description="One basin.",
        responses=_missing("basin"),
    )
    def basin(basin_id: str) -> Response:
        """One basin: sections from the headwater to the sea, outfalls, the bay."""
        return _json(basin_of(sources, basin_id))

    @router.get(
        "/api/bays/{bay_id}",
        response_description="One bay.",
        responses=_missing("bay"),
    )
    def bay(bay_id: str) -> Response:
        """One bay: its class, its stations, the rivers that drain into it."""
        return _json(bay_of(sources, bay_id))

    @router.get("/api/chiefs", response_description="All chiefs, of the city first.")
    def chiefs() -> Response:
        """River chiefs: the sections and outfalls that they answer for, against the targets."""
        return _json(views.chiefs_view(**now_of(sources)))


def _add_calendar(router: APIRouter, sources: Sources) -> None:
    @router.get(
        "/api/calendar",
        response_description="The days, in order.",
        responses=_missing("district"),
    )
    def calendar(parameter: str = "aqi", district: str = "", days: Days = DAYS_SHOWN) -> Response:
        """Daily index, or daily value of one pollutant, of the city or a district."""
        return _json(calendar_of(sources, parameter, district, days))

    @router.get("/calendar.csv", include_in_schema=False)
    def calendar_csv(
        request: Request, parameter: str = "aqi", district: str = "", days: Days = DAYS_SHOWN
    ) -> Response:
        found = calendar_of(sources, parameter, district, days)
        text = tables.calendar_csv(found, language_of(request))
        return _csv(text, f"calendar-{parameter}-{found.subject}")


def _add_records(router: APIRouter, sources: Sources) -> None:
    @router.get("/api/facilities", response_description="All facilities, the loudest first.")
    def facilities() -> Response:
        """High-noise facilities with the record of their conduct."""
        return _json(views.facilities(**now_of(sources)))

    @router.get("/facilities.csv", include_in_schema=False)
    def facilities_csv(request: Request) -> Response:
        text = tables.facilities_csv(
            views.facilities(**now_of(sources)),
            sources.registry.places(),
            sources.registry.enterprises(),
            language_of(request),
        )
        return _csv(text, f"facilities-{sources.clock.now():%Y-%m-%d}")

    @router.get(
        "/api/facilities/{station_id}",
        response_description="Its hours, days and alerts, and the credit they come to.",
        responses=_missing("facility"),
    )
    def facility(station_id: str) -> Response:
        """One high-noise facility with its noise credit and how it came about."""
        return _json(facility_of(sources, station_id))

    @router.get("/api/owners", response_description="Areas where both measure a parameter.")
    def owners() -> Response:
        """What enterprises measure themselves beside what the government measures around them."""
        return _json(views.owners_view(**now_of(sources)))

    @router.get("/api/targets", response_description="The targets and where the city stands.")
    def targets() -> Response:
        """Progress towards the targets of the city's plan."""
        return _json(views.targets(**now_of(sources)))
