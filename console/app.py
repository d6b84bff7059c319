"""The console: a FastAPI application of server-rendered pages, their JSON, and live updates.

Every page is complete without JavaScript; with it the board follows the city by server-sent events.
Each route names the action that it needs (`console/security.py`). Bound to loopback unless settings
say otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles

import alerts as alerting
from console import pages
from console.access import Access
from console.account_pages import add_account_pages
from console.alert_api import add_alert_api
from console.alert_feed import add_alert_feed
from console.alert_pages import add_alert_pages
from console.audit_pages import add_audit_pages
from console.bulletin_pages import add_bulletin_pages
from console.command_sender import sending
from console.device_broker import DeviceBroker
from console.duty_pages import add_duty_pages
from console.enforcement_pages import add_enforcement_pages
from console.errors import add_error_pages
from console.evidence_routes import add_evidence_routes
from console.hardening import Hardening
from console.live import live
from console.login import add_login
from console.network_pages import add_network_pages
from console.notices import notices
from console.open_data import add_open_data
from console.painter import Painter, language_of
from console.people_pages import add_people_pages
from console.rate_limit import Buckets, keep_rate
from console.rule_pages import add_rule_pages
from console.security import Gate, anybody, check_csrf, identify, require, visitor_of
from console.sensor_api import add_sensor_api
from console.sensor_pages import add_sensor_pages
from console.sensor_registration import add_sensor_registration
from console.sensorthings import add_sensorthings
from console.soil_pages import add_soil_pages
from console.sources import Sources
from console.work_pages import add_work_pages
from network.views import station_view
from registry import open_registry
from registry.second_factor import Vault
from schemas import Clock, Medium, SystemClock
from storage import open_store

BOARD = [Depends(require("board.read"))]
SENSORS = [Depends(require("sensor.read"))]
DEAD_LETTERS = [Depends(require("deadletter.read"))]


def create_app(
    *,
    store_url: str,
    registry_url: str,
    token: str = "",
    clock: Clock | None = None,
    access: Access | None = None,
    reports: Path | None = None,
    broker: DeviceBroker | None = None,
    grafana: str = "",
) -> FastAPI:
    """The application over a store and a registry. access: who gets in; else what a test needs.

    reports: the folder of bulletins; None = none is kept. broker: of the sensors; None = as the
    environment says. grafana: where a browser finds Grafana's boards; empty = there is none.
    """
    store, registry = open_store(store_url, token=token), open_registry(registry_url)
    sources = Sources(store, registry, clock or SystemClock())
    access, broker = access or Access(), broker or DeviceBroker.of()
    app = FastAPI(
        title="One Network 一张网",
        description="The city's board as JSON.",
        dependencies=[
            Depends(keep_rate(access.rates, Buckets(sources.clock))),
            Depends(identify),
            Depends(check_csrf),
        ],
        docs_url=None,  # its scripts come from elsewhere, which our content policy forbids
        redoc_url=None,
        lifespan=sending(registry, broker.publish, sources.clock),
    )
    app.state.gate = Gate(registry, sources.clock, access, Vault(access.secret_key))
    painter = Painter(grafana)
    painter.tell(lambda: notices(registry, sources.clock.now()))
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_middleware(Hardening, access=access)
    add_error_pages(app, painter)
    add_alert_feed(app, sources)
    _add_pages(app, sources, painter)
    add_rule_pages(app, sources, painter)
    add_enforcement_pages(app, sources, painter)
    router = alerting.router_from_environment()
    add_alert_pages(app, sources, painter, router)
    add_evidence_routes(app, sources, painter)
    add_alert_api(app, sources, router)
    add_network_pages(app, sources, painter)
    add_soil_pages(app, sources, painter)
    add_bulletin_pages(app, sources, painter, reports)
    add_open_data(app, sources, painter)
    _add_api(app, sources)
    add_sensor_registration(app, sources, painter, broker)  # /sensors/new is no sensor's name
    add_sensor_pages(app, sources, painter, broker)
    add_work_pages(app, sources, painter)
    add_sensor_api(app, sources)
    add_sensorthings(app, sources)
    add_login(app, painter)
    add_account_pages(app, painter)
    add_people_pages(app, painter)
    add_duty_pages(app, painter)
    add_audit_pages(app, painter)
    return app


def _board_content(sources: Sources, medium: Medium | None) -> dict[str, Any]:
    board = sources.board()
    lines = pages.open_alert_lines(sources.registry)
    return {
        "board": board,
        "markers": pages.markers(board, medium),
        "lines": [line for line in lines if medium in (None, line.alert.medium)],
        "shown_alerts": pages.SHOWN_ALERTS,
        "medium": medium,
        "media": list(Medium),
        "places": sources.registry.places(),
    }


def _add_pages(app: FastAPI, sources: Sources, painter: Painter) -> None:
    page = painter.page

    @app.get("/", dependencies=BOARD, include_in_schema=False)
    def board(request: Request, medium: Medium | None = None) -> HTMLResponse:
        return page(request, "board.html", page="board", **_board_content(sources, medium))

    @app.get("/events", dependencies=BOARD, include_in_schema=False)
    async def events(request: Request, medium: Medium | None = None) -> StreamingResponse:
        language = language_of(request)
        return live(request, "board", lambda: _parts(sources, painter, language, medium))

    @app.get("/stations/{station_id}", dependencies=BOARD, include_in_schema=False)
    def station(request: Request, station_id: str) -> HTMLResponse:
        now = sources.clock.now()
        view = station_view(station_id, store=sources.store, registry=sources.registry, now=now)
        if view is None:
            raise HTTPException(404)
        found = alerting.alerts(sources.registry, station=station_id, limit=20)
        return page(
            request,
            "station.html",
            page="",
            view=view,
            charts=pages.station_charts(view, sources.registry, now),
            lines=pages.alert_lines(found, sources.registry),
            places=sources.registry.places(),
            enterprises=sources.registry.enterprises(),
        )

    @app.get("/sensors", dependencies=SENSORS, include_in_schema=False)
    def sensors(
        request: Request, medium: str = "", district: str = "", state: str = "", text: str = ""
    ) -> HTMLResponse:
        lines = pages.sensor_lines(
            sources.registry,
            sources.store.latest(),
            medium=medium,
            district=district,
            state=state,
            text=text,
        )
        return page(
            request,
            "sensors.html",
            page="sensors",
            lines=lines,
            now=sources.clock.now(),
            media=list(Medium),
            places=sources.registry.places(),
            chosen={"medium": medium, "district": district, "state": state, "text": text},
        )

    @app.get("/deadletters", dependencies=DEAD_LETTERS, include_in_schema=False)
    def deadletters(request: Request, code: str = "") -> HTMLResponse:
        return page(
            request,
            "deadletters.html",
            page="deadletters",
            letters=sources.registry.dead_letters(code=code or None, limit=200),
            counts=sorted(sources.registry.dead_letter_counts().items()),
            chosen=code,
        )

    @app.get("/deadletters/{number}", dependencies=DEAD_LETTERS, include_in_schema=False)
    def deadletter(request: Request, number: int) -> HTMLResponse:
        letter = sources.registry.dead_letter(number)
        if letter is None:
            raise HTTPException(404)
        return page(request, "deadletter.html", page="deadletters", letter=letter)


def _parts(
    sources: Sources, painter: Painter, language: str, medium: Medium | None
) -> dict[str, str]:
    content = _board_content(sources, medium)
    return {
        part: painter.paint(f"_{part}.html", language, **content)
        for part in ("markers", "figures", "alerts", "health")
    }


def _add_api(app: FastAPI, sources: Sources) -> None:
    @app.get("/healthz", dependencies=[Depends(anybody)])
    def healthz() -> dict[str, Any]:
        """Whether store and registry answer."""
        sources.registry.version()
        sources.store.latest(sensors=[])
        return {"ok": True}

    @app.get("/api/board", dependencies=BOARD)
    def board() -> Any:
        """The whole city now."""
        return jsonable_encoder(sources.board())

    @app.get("/api/stations/{station_id}", dependencies=BOARD)
    def station(
        request: Request, station_id: str, hours: Annotated[int, Query(ge=1, le=168)] = 24
    ) -> Any:
        """One station: state, sensors, observations and hourly aggregates.

        Serial numbers are for those who may see the list of sensors.
        """
        view = station_view(
            station_id,
            store=sources.store,
            registry=sources.registry,
            now=sources.clock.now(),
            hours=hours,
        )
        if view is None:
            raise HTTPException(404, f"no station {station_id!r}")
        hidden = set() if visitor_of(request).may("sensor.read") else {"serial", "source"}
        return jsonable_encoder(
            {
                "state": view.state,
                "sensors": [sensor.model_dump(exclude=hidden) for sensor in view.sensors],
                "observations": view.observations.to_dicts(),
                "hours": view.hours.to_dicts(),
                "air": view.air,
                "noise": view.noise,
                "water": view.water,
                "limits": view.limits,
            }
        )

    @app.get("/api/sensors", dependencies=SENSORS)
    def sensors() -> Any:
        """All sensors."""
        return jsonable_encoder(list(sources.registry.sensors().values()))

    @app.get("/api/deadletters", dependencies=DEAD_LETTERS)
    def deadletters(
        code: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Any:
        """Refused messages, the newest first; `raw` as text, what is not UTF-8 escaped."""
        return [
            {
                **letter.model_dump(mode="json", exclude={"raw"}),
                "raw": letter.raw.decode("utf-8", "backslashreplace"),
            }
            for letter in sources.registry.dead_letters(code=code, limit=limit)
        ]
