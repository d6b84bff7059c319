"""Work for technicians: orders of their area, due first, and the calibrations that come up."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import RedirectResponse

from console.painter import Painter, language_of
from console.security import require, visitor_of
from console.sensor_access import place_of
from console.sources import Sources
from drawing import city_time
from registry.calibrations import due_calibrations
from registry.permissions import refuse_unless
from registry.work_orders import close_order, take_order, work_order, work_orders
from schemas import catalogue
from schemas.people import Person

DUE_WITHIN = timedelta(days=30)
MOMENTS = ("last", "at", "due", "ends")
READER = [Depends(require("sensor.read"))]
Worker = Annotated[Person, Depends(require("sensor.maintain"))]


def add_work_pages(app: FastAPI, sources: Sources, painter: Painter) -> None:
    router = APIRouter(include_in_schema=False)

    @router.get("/workorders", dependencies=READER)
    def page(request: Request, all: bool = False) -> Response:
        visitor, now = visitor_of(request), sources.clock.now()
        stations, sensors = sources.registry.stations(), sources.registry.sensors()

        def mine(station: Any) -> bool:
            return all or visitor.may_at("sensor.maintain", **place_of(stations[station]))

        due = [
            line
            for line in due_calibrations(sources.registry, now + DUE_WITHIN)
            if mine(sensors[line.sensor].station)
        ]
        return painter.page(
            request,
            "workorders.html",
            page="workorders",
            orders=[order for order in work_orders(sources.registry) if mine(order.station)],
            due=due,
            sensors=sensors,
            stations=stations,
            places=sources.registry.places(),
            now=now,
            all=all,
            fact=partial(_fact, language=language_of(request)),
            may={s: visitor.may_at("sensor.maintain", **place_of(stations[s])) for s in stations},
        )

    @router.post("/workorders/{number}/{step}")
    def act(
        number: int,
        step: str,
        person: Worker,
        resolution: Annotated[str, Form(max_length=600)] = "",
    ) -> Response:
        order = work_order(sources.registry, number)
        if order is None or step not in ("take", "close"):
            raise HTTPException(404)
        station = sources.registry.stations()[order.station]
        refuse_unless(person, "sensor.maintain", **place_of(station))
        now = sources.clock.now()
        try:
            if step == "take":
                take_order(sources.registry, number, by=person.id, at=now)
            else:
                close_order(
                    sources.registry, number, by=person.id, at=now, resolution=resolution.strip()
                )
        except LookupError:
            raise HTTPException(409, f"work order {number} is closed already") from None
        return RedirectResponse("/workorders", 303)

    app.include_router(router)

    @app.get("/api/workorders", dependencies=READER)
    def orders() -> Any:
        """Open work orders, what is due first at the top."""
        return jsonable_encoder(work_orders(sources.registry))

    @app.get("/api/calibrations/due", dependencies=READER)
    def due() -> Any:
        """Calibrations that are overdue or come up within 30 days."""
        now = sources.clock.now()
        return jsonable_encoder(due_calibrations(sources.registry, now + DUE_WITHIN))


def _fact(name: str, value: Any, *, language: str) -> str:
    """A figure behind an order as people read it; empty where there was nothing."""
    if value is None:
        return ""
    if name in MOMENTS:
        return city_time(datetime.fromisoformat(value), "%Y-%m-%d %H:%M")
    return catalogue()[value].name(language) if name == "parameter" else str(value)
