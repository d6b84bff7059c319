"""A sensor as a data logger of HJ 212: its MN, its password, the upload that becomes readings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError

from console.security import require
from console.sensor_access import Text, allow
from console.sensor_steps import Page
from console.sources import Sources
from registry.loggers import remove_logger, set_logger
from registry.problems import Problem, Refused
from schemas.hj212 import Upload
from schemas.people import Person

Setter = Annotated[Person, Depends(require("credential.rotate"))]
Remover = Annotated[Person, Depends(require("credential.revoke"))]
UNSEEN = {"Cache-Control": "no-store"}  # a password is in the answer


class LoggerSettings(BaseModel):
    """password "": one is made for a new logger and is in the answer; any other keeps its own."""

    model_config = ConfigDict(extra="forbid")

    mn: str = Field(max_length=200)
    password: str = Field("", max_length=200)
    upload: Upload = Upload.LIVE
    why: str = Field("", max_length=600)


def add_logger_steps(router: APIRouter, sources: Sources, page: Page) -> None:
    """On a sensor's page. page: paints it, with the problems of what was tried."""

    @router.post("/sensors/{sensor_id}/logger")
    def change(
        request: Request,
        sensor_id: str,
        person: Setter,
        mn: Text = "",
        password: Text = "",
        upload: Text = Upload.LIVE,
        why: Text = "",
    ) -> Response:
        try:
            made = _set(sources, person, sensor_id, mn.strip(), password, upload, why.strip())
        except Refused as error:
            return page(request, sensor_id, error.problems)
        shown = page(request, sensor_id, logger_password="" if password else made)
        shown.headers.update(UNSEEN)
        return shown

    @router.post("/sensors/{sensor_id}/logger/remove")
    def remove(request: Request, sensor_id: str, person: Remover, why: Text = "") -> Response:
        _remove(sources, person, sensor_id, why.strip())
        return page(request, sensor_id, told="logger_removed")


def add_logger_api(app: FastAPI, sources: Sources) -> None:
    @app.put(
        "/api/sensors/{sensor_id}/logger",
        responses={
            404: {"description": "no such sensor"},
            422: {"description": "every problem: field, value, both texts"},
        },
    )
    def change(sensor_id: str, person: Setter, new: LoggerSettings) -> Response:
        """Register a sensor as a data logger of HJ 212, or change how. docs/hj212.md"""
        try:
            made = _set(sources, person, sensor_id, new.mn, new.password, new.upload, new.why)
        except Refused as error:
            problems = [
                {
                    "field": problem.field,
                    "code": problem.code,
                    "zh": problem.text("zh"),
                    "en": problem.text("en"),
                }
                for problem in error.problems
            ]
            return JSONResponse({"error": str(error), "problems": problems}, 422)
        answer: dict[str, Any] = {"sensor": sensor_id, "mn": new.mn, "upload": new.upload}
        if made and not new.password:
            answer["password"] = made  # this once
        return JSONResponse(answer, headers=UNSEEN)

    @app.delete(
        "/api/sensors/{sensor_id}/logger",
        responses={404: {"description": "no such sensor"}},
    )
    def remove(sensor_id: str, person: Remover, why: str = "") -> Any:
        """A sensor is a data logger no longer: the gateway cuts it off within seconds."""
        return {"removed": _remove(sources, person, sensor_id, why[:600])}


def _set(
    sources: Sources,
    person: Person,
    sensor_id: str,
    mn: str,
    password: str,
    upload: str,
    why: str,
) -> str:
    """The password, this once; "" where the logger keeps its own. Raises Refused, Forbidden."""
    sensor = allow(sources, person, "credential.rotate", sensor_id)
    try:
        return set_logger(
            sources.registry,
            sensor.id,
            mn=mn,
            password=password,
            upload=upload,
            by=person.id,
            at=sources.clock.now(),
            why=why,
        )
    except IntegrityError:  # somebody gave this MN to another sensor a moment ago
        raise Refused([Problem("mn_taken", "mn", mn, {"owner": "?"})]) from None


def _remove(sources: Sources, person: Person, sensor_id: str, why: str) -> bool:
    sensor = allow(sources, person, "credential.revoke", sensor_id)
    now = sources.clock.now()
    return remove_logger(sources.registry, sensor.id, by=person.id, at=now, why=why)
