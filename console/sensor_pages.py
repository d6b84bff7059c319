"""One sensor: its page and history, its commissioning, its credentials, and what is done to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from console.device_broker import DeviceBroker
from console.painter import Painter, language_of
from console.pictures import label_code
from console.security import require, visitor_of
from console.sensor_registration import issued_page, place_of
from console.sources import Sources
from network.commissioning import checks, look, ready
from registry.accounts import BrokerUnavailable
from registry.calibrations import calibrate, calibrations
from registry.commands import order, orders, send_commands
from registry.contacts import contact
from registry.credentials import credentials, issue, resume, revoke, suspend
from registry.devices import commission, commissionings, device, exchange, move, photo, retire
from registry.life import history
from registry.maintenance import begin_maintenance, end_maintenance, maintenance_windows
from registry.permissions import refuse_unless
from registry.problems import Problem, Refused
from registry.work_orders import work_orders
from schemas import CITY_TIME, SensorId, StationId
from schemas.models import sensor_models
from schemas.people import Person
from schemas.registry import Sensor, Station

Text = Annotated[str, Form(max_length=600)]
MAINTENANCE_SHOWN = timedelta(days=90)


def add_sensor_pages(
    app: FastAPI, sources: Sources, painter: Painter, broker: DeviceBroker
) -> None:
    router = APIRouter(include_in_schema=False)
    _add_views(router, sources, painter)
    _add_commissioning(router, sources, painter)
    _add_credentials(router, sources, painter, broker)
    _add_steps(router, sources, broker, _page(sources, painter))
    app.include_router(router)


def sensor_of(sources: Sources, sensor_id: str) -> tuple[Sensor, Station]:
    """Raises HTTPException 404."""
    sensor = sources.registry.sensors().get(SensorId(sensor_id))
    if sensor is None:
        raise HTTPException(404)
    return sensor, sources.registry.stations()[sensor.station]


def allow(sources: Sources, person: Person, action: str, sensor_id: str) -> Sensor:
    """The sensor, where the person may do this to it. Raises HTTPException 404, Forbidden."""
    sensor, station = sensor_of(sources, sensor_id)
    refuse_unless(person, action, **place_of(station))
    return sensor


Page = Callable[..., Response]


def _page(sources: Sources, painter: Painter) -> Page:
    def page(
        request: Request, sensor_id: str, problems: tuple[Problem, ...] = (), **more: Any
    ) -> Response:
        sensor, station = sensor_of(sources, sensor_id)
        registry, now = sources.registry, sources.clock.now()
        visitor = visitor_of(request)
        windows = maintenance_windows(registry, now - MAINTENANCE_SHOWN, sensor=sensor_id)
        where = place_of(station)
        return painter.page(
            request,
            "sensor.html",
            status=422 if problems else 200,
            page="sensors",
            sensor=sensor,
            station=station,
            about=device(registry, sensor_id),
            contact=contact(registry, sensor_id),
            model=sensor_models().get(sensor.model),
            history=history(registry, sensor_id, limit=50),
            calibrations=calibrations(registry, sensor_id, limit=20),
            windows=list(reversed(windows.get(sensor.id, []))),
            commissionings=commissionings(registry, sensor_id),
            accounts=credentials(registry, sensor_id),
            orders=orders(registry, sensor_id, now, limit=10),
            work=work_orders(registry, sensor=sensor_id),
            pictured=photo(registry, sensor_id) is not None,
            stations=[s for s in registry.stations().values() if s.medium == sensor.medium],
            places=registry.places(),
            problems=problems,
            now=now,
            may=lambda action: visitor.may_at(action, **where),
            **{"told": "", **more},
        )

    return page


def _add_views(router: APIRouter, sources: Sources, painter: Painter) -> None:
    page, reader = _page(sources, painter), [Depends(require("sensor.read"))]

    @router.get("/sensors/{sensor_id}", dependencies=reader)
    def one(request: Request, sensor_id: str) -> Response:
        return page(request, sensor_id)

    @router.get("/sensors/{sensor_id}/photo", dependencies=reader)
    def picture(sensor_id: str) -> Response:
        found = photo(sources.registry, sensor_id)
        if found is None:
            raise HTTPException(404)
        return Response(found, media_type="image/jpeg")

    @router.get("/sensors/{sensor_id}/label", dependencies=reader)
    def label(request: Request, sensor_id: str) -> Response:
        sensor, station = sensor_of(sources, sensor_id)
        return painter.page(
            request,
            "sensor_label.html",
            page="sensors",
            sensor=sensor,
            station=station,
            model=sensor_models().get(sensor.model),
            code=label_code(sensor),
        )


def _add_commissioning(router: APIRouter, sources: Sources, painter: Painter) -> None:
    def content(sensor_id: str) -> dict[str, Any]:
        seen = look(
            sensor_id, store=sources.store, registry=sources.registry, now=sources.clock.now()
        )
        if seen is None:
            raise HTTPException(404)
        found = checks(seen)
        return {"seen": seen, "checks": found, "ready": ready(found), "sensor": seen.sensor}

    @router.get("/sensors/{sensor_id}/commissioning")
    def page(
        request: Request,
        sensor_id: str,
        _: Annotated[Person, Depends(require("sensor.commission"))],
    ) -> Response:
        _sensor, station = sensor_of(sources, sensor_id)
        signed = commissionings(sources.registry, sensor_id)
        return painter.page(
            request,
            "commissioning.html",
            page="sensors",
            station=station,
            signed=signed,
            may=visitor_of(request).may_at("sensor.commission", **place_of(station)),
            **content(sensor_id),
        )

    @router.get("/sensors/{sensor_id}/checks")
    def fragment(
        request: Request,
        sensor_id: str,
        _: Annotated[Person, Depends(require("sensor.commission"))],
    ) -> Response:
        return HTMLResponse(
            painter.paint("_checks.html", language_of(request), **content(sensor_id))
        )

    @router.post("/sensors/{sensor_id}/commissioning")
    def sign(
        request: Request,
        sensor_id: str,
        person: Annotated[Person, Depends(require("sensor.commission"))],
        note: Text = "",
    ) -> Response:
        allow(sources, person, "sensor.commission", sensor_id)
        found = content(sensor_id)
        if not found["ready"]:
            return page(request, sensor_id, person)
        commission(
            sources.registry,
            sensor_id,
            checks=[check.kept() for check in found["checks"]],
            by=person.id,
            at=sources.clock.now(),
            remark=note.strip(),
        )
        return RedirectResponse(f"/sensors/{sensor_id}/commissioning", 303)


def _add_credentials(
    router: APIRouter, sources: Sources, painter: Painter, broker: DeviceBroker
) -> None:
    page = _page(sources, painter)

    @router.post("/sensors/{sensor_id}/credentials")
    def rotate(
        request: Request,
        sensor_id: str,
        person: Annotated[Person, Depends(require("credential.rotate"))],
        overlap_h: Annotated[float, Form(ge=0, le=720)] = 24,
    ) -> Response:
        sensor = allow(sources, person, "credential.rotate", sensor_id)
        try:
            (issued,) = issue(
                sources.registry,
                broker.accounts,
                [sensor.id],
                by=person.id,
                at=sources.clock.now(),
                overlap=timedelta(hours=overlap_h),
            )
        except Refused as error:
            return page(request, sensor_id, error.problems)
        except BrokerUnavailable:
            return issued_page(request, painter, broker, None, sensor=sensor.id)
        return issued_page(request, painter, broker, issued, sensor=sensor.id, rotated=True)

    @router.post("/sensors/{sensor_id}/credentials/{step}")
    def end(
        request: Request,
        sensor_id: str,
        step: str,
        person: Annotated[Person, Depends(require("credential.revoke"))],
        why: Text = "",
    ) -> Response:
        allow(sources, person, "credential.revoke", sensor_id)
        steps: dict[str, Callable[..., bool]] = {
            "revoke": revoke,
            "suspend": suspend,
            "resume": resume,
        }
        if step not in steps:
            raise HTTPException(404)
        done = steps[step](
            sources.registry,
            broker.accounts,
            sensor_id,
            by=person.id,
            at=sources.clock.now(),
            why=why.strip(),
        )
        return page(request, sensor_id, told="cut_off" if done else "cut_off_later")


def _add_steps(router: APIRouter, sources: Sources, broker: DeviceBroker, page: Page) -> None:
    def step(
        request: Request, person: Person, action: str, sensor_id: str, do: Callable[[], object]
    ) -> Response:
        """Do something to a sensor and go back to its page, where a mistake is shown."""
        allow(sources, person, action, sensor_id)
        try:
            do()
        except Refused as error:
            return page(request, sensor_id, error.problems)
        return RedirectResponse(f"/sensors/{sensor_id}", 303)

    @router.post("/sensors/{sensor_id}/calibrations")
    def check(
        request: Request,
        sensor_id: str,
        person: Annotated[Person, Depends(require("sensor.calibrate"))],
        parameter: Text = "",
        kind: Annotated[str, Form(pattern="^(zero|span)$")] = "span",
        reference: Text = "",
        found: Text = "",
        left: Text = "",
        standard: Text = "",
        note: Text = "",
    ) -> Response:
        return step(
            request,
            person,
            "sensor.calibrate",
            sensor_id,
            lambda: calibrate(
                sources.registry,
                sensor_id,
                parameter=parameter,
                kind=kind,
                reference=_number("reference", reference),
                found=_number("found", found),
                left=_number("left", left) if left.strip() else None,
                standard=standard.strip()[:128],
                note=note.strip(),
                by=person.id,
                at=sources.clock.now(),
            ),
        )

    @router.post("/sensors/{sensor_id}/maintenance")
    def maintain(
        request: Request,
        sensor_id: str,
        person: Annotated[Person, Depends(require("sensor.maintain"))],
        start: Text = "",
        end: Text = "",
        reason: Text = "",
    ) -> Response:
        now = sources.clock.now()
        return step(
            request,
            person,
            "sensor.maintain",
            sensor_id,
            lambda: begin_maintenance(
                sources.registry,
                sensor_id,
                start=_moment("start", start) or now,
                end=_moment("end", end),
                reason=reason.strip(),
                by=person.id,
                at=now,
            ),
        )

    @router.post("/sensors/{sensor_id}/maintenance/end")
    def maintained(
        request: Request,
        sensor_id: str,
        person: Annotated[Person, Depends(require("sensor.maintain"))],
    ) -> Response:
        now = sources.clock.now()
        return step(
            request,
            person,
            "sensor.maintain",
            sensor_id,
            lambda: end_maintenance(sources.registry, sensor_id, by=person.id, at=now),
        )

    @router.post("/sensors/{sensor_id}/exchange")
    def exchanged(
        request: Request,
        sensor_id: str,
        person: Annotated[Person, Depends(require("sensor.maintain"))],
        part: Text = "",
        serial: Text = "",
        firmware: Annotated[str, Form(max_length=32)] = "",
        why: Text = "",
    ) -> Response:
        return step(
            request,
            person,
            "sensor.maintain",
            sensor_id,
            lambda: exchange(
                sources.registry,
                sensor_id,
                part=part.strip(),
                serial=serial.strip(),
                firmware=firmware.strip(),
                by=person.id,
                at=sources.clock.now(),
                why=why.strip(),
            ),
        )

    @router.post("/sensors/{sensor_id}/move")
    def moved(
        request: Request,
        sensor_id: str,
        person: Annotated[Person, Depends(require("sensor.register"))],
        station: Text = "",
        lon: Text = "",
        lat: Text = "",
        why: Text = "",
    ) -> Response:
        target = sources.registry.stations().get(StationId(station))
        if target is not None:
            refuse_unless(person, "sensor.register", **place_of(target))
        return step(
            request,
            person,
            "sensor.register",
            sensor_id,
            lambda: move(
                sources.registry,
                sensor_id,
                station=StationId(station),
                lon=_number("lon", lon) if lon.strip() else target.lon if target else 0.0,
                lat=_number("lat", lat) if lat.strip() else target.lat if target else 0.0,
                by=person.id,
                at=sources.clock.now(),
                why=why.strip(),
            ),
        )

    @router.post("/sensors/{sensor_id}/retire")
    def retired(
        request: Request,
        sensor_id: str,
        person: Annotated[Person, Depends(require("sensor.retire"))],
        why: Text = "",
    ) -> Response:
        now = sources.clock.now()

        def out_of_service() -> None:
            retire(sources.registry, sensor_id, by=person.id, at=now, why=why.strip())
            revoke(
                sources.registry, broker.accounts, sensor_id, by=person.id, at=now, why="retired"
            )

        return step(request, person, "sensor.retire", sensor_id, out_of_service)

    @router.post("/sensors/{sensor_id}/commands")
    def command(
        request: Request,
        sensor_id: str,
        person: Annotated[Person, Depends(require("sensor.command"))],
        kind: Text = "",
        seconds: Text = "",
    ) -> Response:
        now = sources.clock.now()

        def send() -> None:
            arguments = {"seconds": _number("seconds", seconds)} if kind == "interval" else {}
            try:
                order(sources.registry, sensor_id, kind, arguments, by=person.id, at=now)
            except ValidationError:
                raise HTTPException(422, "kind: one of interval, restart, calibrate") from None
            send_commands(sources.registry, broker.publish, now)

        return step(request, person, "sensor.command", sensor_id, send)


def _number(name: str, text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Refused([Problem("not_a_number", name, text)])
    return found


def _moment(name: str, text: str) -> datetime | None:
    """A time of a form; without zone it is the city's. None for an empty field."""
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
        return found if found.tzinfo else found.replace(tzinfo=CITY_TIME)
    except ValueError:
        raise Refused([Problem("not_a_time", name, text)]) from None
