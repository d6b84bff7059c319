"""The duty roster: who is told of which alerts, by which channels; and how the channels fare."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import RedirectResponse, Response

import alerts as alerting
from console.painter import Painter
from console.security import gate_of, require
from registry import Registry
from registry.duty import CITY, Duty, duties, remove_duty
from registry.permissions import may, refuse_unless
from schemas import CITY_TIME, Medium
from schemas.people import Person, Unacceptable

ACTION = "alert.assign"
Text = Annotated[str, Form(max_length=200)]
Many = Annotated[list[str] | None, Form(max_length=20)]
Assigner = Annotated[Person, Depends(require(ACTION))]
PLACES_OF_CHANNELS = 3  # so many channels a person may have in the form
EMPTY = dict.fromkeys(("name", "area", "route", "medium", "since", "until"), "")


def add_duty_pages(app: FastAPI, painter: Painter) -> None:
    """The page, its moves, and the roster as JSON."""
    router = APIRouter(dependencies=[Depends(require(ACTION))], include_in_schema=False)

    @router.get("/duty")
    def page(request: Request, person: Assigner) -> Response:
        return _page(request, painter, person)

    @router.post("/duty")
    def add(
        request: Request,
        person: Assigner,
        route: Text = "",
        area: Text = "",
        medium: Text = "",
        name: Text = "",
        channels: Many = None,
        addresses: Many = None,
        since: Text = "",
        until: Text = "",
    ) -> Response:
        gate = gate_of(request.app)
        _refuse(gate.registry, person, area)
        pairs = zip(channels or [], addresses or [], strict=False)
        chosen = [(channel, address.strip()) for channel, address in pairs if channel]
        try:
            duty = Duty(
                route=route,
                area=area,
                person=name,
                channels=tuple(channel for channel, _ in chosen),
                address={channel: address for channel, address in chosen if address},
                medium=medium or None,
                since=_moment("since", since),
                until=_moment("until", until),
            )
            alerting.add_to_roster(gate.registry, duty, at=gate.clock.now(), who=person.id)
        except Unacceptable as error:
            filled = {"route": route, "area": area, "medium": medium, "name": name}
            filled |= {"since": since, "until": until}
            return _page(
                request, painter, person, status=422, wrong=error, filled=filled, chosen=chosen
            )
        return RedirectResponse("/duty", 303)

    @router.post("/duty/{number}/remove")
    def remove(request: Request, number: int, person: Assigner) -> Response:
        gate = gate_of(request.app)
        known = {duty.id: duty for duty in duties(gate.registry)}
        if number not in known:
            raise HTTPException(404)
        _refuse(gate.registry, person, known[number].area)
        remove_duty(gate.registry, number, at=gate.clock.now(), who=person.id)
        return RedirectResponse("/duty", 303)

    app.include_router(router)

    @app.get("/api/duty", dependencies=[Depends(require(ACTION))])
    def api() -> Any:
        """The duty roster, without addresses."""
        found = duties(gate_of(app).registry)
        return jsonable_encoder([{**_told(d), "channels": d.channels} for d in found])


def _told(duty: Duty) -> dict[str, Any]:
    names = ("id", "route", "area", "medium", "person", "since", "until")
    return {name: getattr(duty, name) for name in names}


def _page(
    request: Request, painter: Painter, person: Person, *, status: int = 200, **more: Any
) -> Response:
    gate = gate_of(request.app)
    registry, now = gate.registry, gate.clock.now()
    areas = _places(registry)
    return painter.page(
        request,
        "duty.html",
        status=status,
        page="duty",
        duties=duties(registry),
        now=now,
        areas=areas,
        mine={area for area in areas if may(person, ACTION, **_located(registry, area))},
        routes=list(alerting.routes()),
        media=list(Medium),
        channel_names=list(alerting.CHANNELS),
        places_of_channels=PLACES_OF_CHANNELS,
        unattended=alerting.unattended(registry, now),
        healths=alerting.channel_healths(registry),
        waiting=alerting.waiting(registry),
        **{"wrong": None, "filled": EMPTY, "chosen": [], **more},
    )


def _places(registry: Registry) -> dict[str, Any]:
    """What somebody may be on duty for: the city, then each district with its subdistricts."""
    places = registry.places()
    found: dict[str, Any] = {CITY: None}
    for district in (p for p in places.values() if p.kind == "district"):
        found[district.id] = district
        found |= {p.id: p for p in places.values() if p.parent == district.id}
    return {area: p for area, p in found.items() if p is None or p.kind != "basin"}


def _located(registry: Registry, area: str) -> dict[str, str | None]:
    """An area as permissions ask for it; the city is no place, and so needs the whole of it."""
    place = registry.places().get(area)
    if place is None:
        return {}
    if place.kind == "subdistrict":
        return {"district": place.parent, "subdistrict": place.id}
    return {"district": place.id}


def _refuse(registry: Registry, person: Person, area: str) -> None:
    refuse_unless(person, ACTION, **_located(registry, area))


def _moment(field: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise Unacceptable(
            "duty_moment",
            field=field,
            value=text[:80],
            rule="a date or time such as 2026-11-24T08:00",
            remedy="write it anew",
        ) from None
    return given if given.tzinfo else given.replace(tzinfo=CITY_TIME)
