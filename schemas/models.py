"""The catalogue of sensor models: what each measures, in which range, how often.

Read from `models.yaml`; adding a model is an entry there and nothing else. Units come from the
parameter catalogue, which also bounds the ranges.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.catalogue import Catalogue, catalogue
from schemas.ids import Medium, ParameterKey

Range = tuple[float, float]


class SensorModel(BaseModel):
    """One model. See the head of `models.yaml` for what its fields mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$")
    zh: str
    en: str
    medium: Medium
    channels: dict[ParameterKey, Range] = Field(min_length=1)
    cadence_s: int = Field(gt=0)
    firmware: tuple[str, ...] = Field((), description="versions in use, the newest first")
    calibrate_days: int = Field(gt=0)
    tolerance_percent: float = Field(gt=0)
    low_battery_v: float | None = Field(None, gt=0)

    @field_validator("channels")
    @classmethod
    def _ordered(cls, channels: dict[ParameterKey, Range]) -> dict[ParameterKey, Range]:
        for key, (low, high) in channels.items():
            if low >= high:
                raise ValueError(f"{key}: a measuring range is [low, high]")
        return channels

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en

    def span(self, parameter: ParameterKey) -> float:
        """Width of the measuring range, in the parameter's unit."""
        low, high = self.channels[parameter]
        return high - low


def load_models(path: Path | None = None, known: Catalogue | None = None) -> dict[str, SensorModel]:
    """Read a file of models; the shipped one by default.

    Raises pydantic.ValidationError, and ValueError for a channel that the parameter catalogue does
    not know, or not for that medium.
    """
    parameters = known or catalogue()
    source = path or resources.files("schemas").joinpath("models.yaml")
    entries = yaml.safe_load(source.read_text("utf-8"))
    models = {key: SensorModel(key=key, **entry) for key, entry in entries.items()}
    for model in models.values():
        for key in model.channels:
            if key not in parameters or model.medium not in parameters[key].media:
                raise ValueError(f"model {model.key}: {key} is no parameter of {model.medium}")
            (low, high), (least, most) = model.channels[key], parameters[key].range
            if low < least or high > most:
                raise ValueError(
                    f"model {model.key}: {key} [{low}, {high}] leaves [{least}, {most}]"
                )
    return models


@cache
def sensor_models() -> dict[str, SensorModel]:
    """The models of this installation: ONENET_MODELS, or the shipped file."""
    named = os.environ.get("ONENET_MODELS")
    return load_models(Path(named) if named else None)
