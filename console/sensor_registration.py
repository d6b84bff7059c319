"""Registering sensors by form and by table: for a technician on a pavement, and for an office.

A registered sensor is given its credentials at once; they are in the answer and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    File,
    Form,
    HTTPException,
    Request,
    Response,
    UploadFile,
)
from sqlalchemy.exc import IntegrityError

from console.device_broker import DeviceBroker
from console.painter import Painter
from console.pictures import as_jpeg, credentials_code, read_codes
from console.security import require, visitor_of
from console.sensor_access import Text, place_of
from console.sheets import as_xlsx, read_sheet
from console.sources import Sources
from console.tables import as_csv
from registry.accounts import BrokerUnavailable
from registry.bulk import Plan, carry_out, exported, plan_import
from registry.credentials import Issued, issue
from registry.devices import Registered, add_photo, known_now, register
from registry.entries import COLUMNS, Entry, read_entry
from registry.permissions import refuse_unless
from registry.problems import Problem, Refused
from schemas.models import sensor_models
from schemas.people import Person

Registrar = Annotated[Person, Depends(require("sensor.register"))]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN_ROWS = 500


def add_sensor_registration(
    app: FastAPI, sources: Sources, painter: Painter, broker: DeviceBroker
) -> None:
    router = APIRouter(include_in_schema=False)
    _add_form(router, sources, painter, broker)
    _add_tables(router, sources, painter)
    app.include_router(router)


def register_by(
    sources: Sources, person: Person, raw: Mapping[str, str]
) -> tuple[Registered, Entry]:
    """Register what somebody entered, where they may. Raises Refused, Forbidden."""
    known = known_now(sources.registry, sources.clock.now())
    entry, problems = read_entry(raw, known)
    if entry is None:
        raise Refused(problems)
    refuse_unless(person, "sensor.register", **place_of(known.stations[entry.station]))
    try:
        made = register(sources.registry, [entry], by=person.id, at=sources.clock.now())
    except IntegrityError:  # somebody typed the same label a moment ago
        taken = Problem("serial_taken", "serial", entry.serial, {"owner": "?"})
        raise Refused([taken]) from None
    return made[0], entry


def issued_page(
    request: Request,
    painter: Painter,
    broker: DeviceBroker,
    issued: Issued | None,
    **content: Any,
) -> Response:
    """Credentials, this once. issued None: the broker could not be asked."""
    code = credentials_code(issued, broker.host, broker.port, broker.tls) if issued else ""
    response = painter.page(
        request,
        "sensor_credentials.html",
        page="sensors",
        issued=issued,
        code=code,
        broker=broker,
        **{"remarks": (), "rotated": False, **content},
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _add_form(router: APIRouter, sources: Sources, painter: Painter, broker: DeviceBroker) -> None:
    def form(
        request: Request, filled: Mapping[str, str], problems: tuple[Problem, ...] = ()
    ) -> Response:
        person = visitor_of(request).person
        visitor = visitor_of(request)
        stations = [
            station
            for station in sources.registry.stations().values()
            if visitor.may_at("sensor.register", **place_of(station))
        ]
        return painter.page(
            request,
            "sensor_new.html",
            status=422 if problems else 200,
            page="sensors",
            models=sensor_models(),
            stations=stations,
            places=sources.registry.places(),
            filled=filled,
            problems=problems,
            person=person,
        )

    @router.post("/sensors/scan")
    def scan(_: Registrar, photo: Annotated[UploadFile, File()]) -> Any:
        """What the label in a picture says, for browsers that cannot read codes themselves."""
        try:
            return {"codes": read_codes(photo.file.read())}
        except Refused as error:
            raise HTTPException(422, "; ".join(p.text("en") for p in error.problems)) from None

    @router.get("/sensors/new")
    def page(request: Request, _: Registrar) -> Response:
        asked = {name: request.query_params.get(name, "") for name in COLUMNS}
        return form(request, asked)

    @router.post("/sensors/new")
    def add(
        request: Request,
        person: Registrar,
        serial: Text = "",
        model: Text = "",
        station: Text = "",
        lon: Text = "",
        lat: Text = "",
        zone: Text = "",
        firmware: Text = "",
        note: Text = "",
        cadence_s: Text = "",
        parameters: Annotated[list[str] | None, Form(max_length=64)] = None,
        photo: Annotated[UploadFile | None, File()] = None,
    ) -> Response:
        raw = {
            "serial": serial,
            "model": model,
            "station": station,
            "lon": lon,
            "lat": lat,
            "zone": zone,
            "firmware": firmware,
            "note": note,
            "cadence_s": cadence_s,
            "parameters": " ".join(parameters or ()),
        }
        now = sources.clock.now()
        try:
            content = photo.file.read() if photo is not None and photo.filename else b""
            picture = as_jpeg(content) if content else None
            made, _entry = register_by(sources, person, raw)
        except Refused as error:
            return form(request, raw, error.problems)
        if picture is not None:
            add_photo(sources.registry, made.sensor, picture, by=person.id, at=now)
        try:
            accounts = broker.accounts
            (issued,) = issue(sources.registry, accounts, [made.sensor], by=person.id, at=now)
        except BrokerUnavailable:
            return issued_page(
                request, painter, broker, None, sensor=made.sensor, remarks=made.remarks
            )
        return issued_page(
            request, painter, broker, issued, sensor=made.sensor, remarks=made.remarks
        )


def _add_tables(router: APIRouter, sources: Sources, painter: Painter) -> None:
    def shown(
        request: Request, plan: Plan | None, problems: tuple[Problem, ...] = (), done: int = 0
    ) -> Response:
        return painter.page(
            request,
            "sensors_import.html",
            status=422 if problems or (plan is not None and plan.bad_rows) else 200,
            page="sensors",
            plan=plan,
            problems=problems,
            done=done,
            columns=COLUMNS,
            most=SHOWN_ROWS,
        )

    @router.get("/sensors/import")
    def page(request: Request, _: Registrar) -> Response:
        return shown(request, None)

    @router.post("/sensors/import")
    def take(
        request: Request,
        person: Registrar,
        write: Annotated[str, Form(max_length=5)] = "",
        table: Annotated[UploadFile | None, File()] = None,
    ) -> Response:
        now = sources.clock.now()
        try:
            plan = plan_import(
                sources.registry, *read_sheet(table.file.read() if table else b""), now
            )
        except Refused as error:
            return shown(request, None, error.problems)
        stations = sources.registry.stations()
        for entry in plan.entries:
            refuse_unless(person, "sensor.register", **place_of(stations[entry.station]))
        if plan.bad_rows or not write:
            return shown(request, plan)
        try:
            made = carry_out(sources.registry, plan, by=person.id, at=now)
        except Refused as error:
            return shown(request, plan, error.problems)
        return shown(request, plan, done=len(made))

    @router.get("/sensors/export.{form}", dependencies=[Depends(require("sensor.read"))])
    def table(form: str) -> Response:
        rows = exported(sources.registry, sources.registry.sensors().values())
        csv = form != "xlsx"
        content = as_csv(COLUMNS, rows).encode() if csv else as_xlsx(COLUMNS, rows)
        return Response(
            content,
            media_type="text/csv; charset=utf-8" if csv else XLSX,
            headers={
                "Content-Disposition": f'attachment; filename="sensors.{"csv" if csv else "xlsx"}"'
            },
        )
