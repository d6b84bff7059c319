"""Sensors as JSON: the models, registering one, and whether it is sending."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from console.errors import problems_told
from console.security import require
from console.sensor_registration import register_by
from console.sources import Sources
from network.commissioning import checks, look, ready
from registry.devices import device
from registry.life import history
from registry.problems import Refused
from schemas import SensorId, catalogue
from schemas.models import sensor_models
from schemas.people import Person

READER = [Depends(require("sensor.read"))]
MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "no such sensor"}}


class NewSensor(BaseModel):
    """A sensor to register. What is left out is taken from its model and its station."""

    model_config = ConfigDict(extra="forbid")

    serial: str = Field(max_length=200)
    model: str = Field(max_length=200)
    station: str = Field(max_length=200)
    id: str = Field("", max_length=200)
    lon: float | None = None
    lat: float | None = None
    parameters: list[str] = Field(default_factory=list, max_length=64)
    cadence_s: int | None = None
    zone: str = Field("", max_length=200)
    firmware: str = Field("", max_length=200)
    installed: str = Field("", max_length=64)
    note: str = Field("", max_length=1000)

    def raw(self) -> dict[str, str]:
        """As texts by column: the same way as a form's."""
        told = self.model_dump(exclude={"parameters"}, exclude_none=True)
        return {**{k: str(v) for k, v in told.items()}, "parameters": " ".join(self.parameters)}


def add_sensor_api(app: FastAPI, sources: Sources) -> None:
    @app.get("/api/models", dependencies=READER)
    def models() -> Any:
        """The catalogue of sensor models: channels with unit and measuring range."""
        parameters = catalogue()
        return [
            {
                **model.model_dump(mode="json", exclude={"channels"}),
                "channels": [
                    {
                        "key": key,
                        "zh": parameters[key].zh,
                        "en": parameters[key].en,
                        "unit": parameters[key].unit,
                        "low": low,
                        "high": high,
                    }
                    for key, (low, high) in model.channels.items()
                ],
            }
            for model in sensor_models().values()
        ]

    @app.post(
        "/api/sensors",
        status_code=201,
        responses={422: {"description": "every problem of the entry: field, value, both texts"}},
    )
    def add(
        person: Annotated[Person, Depends(require("sensor.register"))], new: NewSensor
    ) -> Response:
        """Register a sensor. Its credentials are given apart: nothing secret is in the answer."""
        try:
            made, _ = register_by(sources, person, new.raw())
        except Refused as error:
            return JSONResponse(
                {"error": str(error), "problems": problems_told(error.problems)}, 422
            )
        return JSONResponse({"id": made.sensor, "remarks": problems_told(made.remarks)}, 201)

    @app.get("/api/sensors/{sensor_id}", dependencies=READER, responses=MISSING)
    def one(sensor_id: str) -> Any:
        """One sensor, where it stands, and what happened to it."""
        sensor = sources.registry.sensors().get(SensorId(sensor_id))
        if sensor is None:
            raise HTTPException(404, f"no sensor {sensor_id!r}")
        return jsonable_encoder(
            {
                "sensor": sensor,
                "device": device(sources.registry, sensor_id),
                "history": history(sources.registry, sensor_id),
            }
        )

    @app.get(
        "/api/sensors/{sensor_id}/commissioning",
        dependencies=[Depends(require("sensor.commission"))],
        responses=MISSING,
    )
    def commissioning(sensor_id: str) -> Any:
        """Is it sending: every check with its state and remedy."""
        seen = look(
            sensor_id, store=sources.store, registry=sources.registry, now=sources.clock.now()
        )
        if seen is None:
            raise HTTPException(404, f"no sensor {sensor_id!r}")
        found = checks(seen)
        return {"ready": ready(found), "checks": [check.kept() for check in found]}
