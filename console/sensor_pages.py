"""One sensor: its page and history, its commissioning, its credentials, and what is done to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from console.device_broker import DeviceBroker
from console.painter import Painter, language_of
from console.pictures import label_code
from console.security import require, visitor_of
from console.sensor_access import Text, allow, place_of, sensor_of
from console.sensor_logger import add_logger_api, add_logger_steps
from console.sensor_registration import issued_page
from console.sensor_steps import Page, add_sensor_steps
from console.sources import Sources
from network.commissioning import checks, look, ready
from registry.accounts import BrokerUnavailable
from registry.calibrations import calibrations
from registry.commands import orders
from registry.contacts import contact
from registry.credentials import credentials, issue, revoke, suspend
from registry.devices import commission, commissionings, device, photo
from registry.life import history
from registry.loggers import logger_of
from registry.maintenance import maintenance_windows
from registry.problems import Problem, Refused
from registry.quarantine import release
from registry.work_orders import work_orders
from schemas.hj212 import Upload
from schemas.models import sensor_models
from schemas.people import Person

MAINTENANCE_SHOWN = timedelta(days=90)


def add_sensor_pages(
    app: FastAPI, sources: Sources, painter: Painter, broker: DeviceBroker
) -> None:
    router = APIRouter(include_in_schema=False)
    _add_views(router, sources, painter, broker)
    _add_commissioning(router, sources, painter)
    _add_credentials(router, sources, painter, broker)
    add_sensor_steps(router, sources, broker, _page(sources, painter, broker))
    add_logger_steps(router, sources, _page(sources, painter, broker))
    app.include_router(router)
    add_logger_api(app, sources)


def _page(sources: Sources, painter: Painter, broker: DeviceBroker) -> Page:
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
            logger=logger_of(registry, sensor_id),
            uploads=list(Upload),
            orders=orders(registry, sensor_id, now, limit=10),
            work=work_orders(registry, sensor=sensor_id),
            pictured=photo(registry, sensor_id) is not None,
            stations=[s for s in registry.stations().values() if s.medium == sensor.medium],
            places=registry.places(),
            problems=problems,
            now=now,
            may=lambda action: visitor.may_at(action, **where),
            authority=broker.authority,
            **{"told": "", "logger_password": "", **more},
        )

    return page


def _add_views(router: APIRouter, sources: Sources, painter: Painter, broker: DeviceBroker) -> None:
    page, reader = _page(sources, painter, broker), [Depends(require("sensor.read"))]

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
    page = _page(sources, painter, broker)

    @router.get("/ca.crt", dependencies=[Depends(require("sensor.read"))])
    def authority() -> Response:
        pem = broker.authority_pem()
        if pem is None:
            raise HTTPException(404)
        return Response(
            pem,
            media_type="application/x-pem-file",
            headers={"Content-Disposition": 'attachment; filename="ca.crt"'},
        )

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
            "resume": release,
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
