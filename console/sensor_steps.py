"""What is done to a sensor from its page: calibrated, maintained, moved, commanded, retired."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from console.device_broker import DeviceBroker
from console.security import require
from console.sensor_access import Text, allow, place_of
from console.sources import Sources
from registry.calibrations import calibrate
from registry.commands import LIFE, LONGEST, order, send_commands
from registry.credentials import revoke
from registry.devices import exchange, move, retire
from registry.maintenance import begin_maintenance, end_maintenance
from registry.permissions import refuse_unless
from registry.problems import Problem, Refused
from schemas import CITY_TIME, StationId
from schemas.people import Person

Page = Callable[..., Response]
MINUTE = timedelta(minutes=1)


def add_sensor_steps(router: APIRouter, sources: Sources, broker: DeviceBroker, page: Page) -> None:
    """page: paints a sensor's page, with the problems of what was tried."""

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
        valid_min: Annotated[int, Form(ge=1, le=LONGEST // MINUTE)] = LIFE // MINUTE,
    ) -> Response:
        now = sources.clock.now()

        def send() -> None:
            arguments = {"seconds": _number("seconds", seconds)} if kind == "interval" else {}
            try:
                order(
                    sources.registry,
                    sensor_id,
                    kind,
                    arguments,
                    by=person.id,
                    at=now,
                    life=timedelta(minutes=valid_min),
                )
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
