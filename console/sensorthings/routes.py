"""SensorThings over HTTP: one route for whatever path, open to other sites' pages, cached briefly.

Not in the OpenAPI document: its paths and options are those of the standard, which no list of paths
can say. Errors that arise before a route is found are told the same way, see `console/errors.py`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from console.security import require, visitor_of
from console.sensorthings.answering import Plain, answer, service_root
from console.sensorthings.entities import EntitiesKept
from console.sensorthings.observed import Observed
from console.sensorthings.refusals import Refusal, told
from console.sensorthings.windows import ExtentsKept
from console.sources import Sources

PREFIX = "/sensorthings/v1.1"
METHODS = ["GET", "HEAD"]
# The same for everybody and free to use, so a page of any other site may read it.
OPEN_DATA = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
FRESH_S = 5


def add_sensorthings(app: FastAPI, sources: Sources) -> None:
    """Add the service to the application."""
    router = APIRouter(
        prefix=PREFIX, dependencies=[Depends(require("board.read"))], include_in_schema=False
    )
    kept, extents = EntitiesKept(sources.registry), ExtentsKept(sources.store)

    @router.api_route("", methods=METHODS)
    @router.api_route("/", methods=METHODS)
    def root(request: Request) -> Response:
        return _response(request, service_root(_root(request)))

    @router.api_route("/{path:path}", methods=METHODS)
    def anything(request: Request, path: str) -> Response:
        found = answer(
            path.rstrip("/"),
            request.url.query,
            observed=Observed(sources.store, kept.now(), extents),
            root=_root(request),
        )
        return _response(request, found)

    @app.exception_handler(Refusal)
    def refused(_request: Request, error: Refusal) -> Response:
        body = _json(told(error.status, error.message))
        return Response(body, error.status, OPEN_DATA, "application/json")

    app.include_router(router)


def _root(request: Request) -> str:
    return str(request.base_url).rstrip("/") + PREFIX


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _response(request: Request, found: Any) -> Response:
    body = found.text.encode() if isinstance(found, Plain) else _json(found)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**OPEN_DATA, "ETag": tag}
    if not visitor_of(request).known:  # else the outermost layer says no-store
        headers["Cache-Control"] = f"public, max-age={FRESH_S}"
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    return Response(body, 200, headers, _media_type(found))


def _media_type(found: Any) -> str:
    if isinstance(found, Plain):
        return "text/plain; charset=utf-8"
    is_geojson = found.get("type") in ("Feature", "FeatureCollection")
    return "application/geo+json" if is_geojson else "application/json"
