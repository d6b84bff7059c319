"""The catalogue of parameters: what can be measured, in which unit, within which range.

Read from `parameters.yaml`; adding a parameter is an entry there and nothing else. Quality-test
settings are keyed by parameter and cadence: a spike at 1 s is not a spike at 1 h.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.ids import Medium, ParameterKey


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QcSettings(_Data):
    """Thresholds of the automatic quality tests for cadences up to `cadence_s` seconds.

    spike_suspect, spike_bad: difference from the mean of the neighbours, in the unit.
    rate_per_min: largest believable change per minute, in the unit.
    flatline_s: unchanged (within `flatline_tolerance`) for so long is suspect.
    """

    cadence_s: int = Field(gt=0)
    spike_suspect: float | None = None
    spike_bad: float | None = None
    rate_per_min: float | None = None
    flatline_s: int | None = None
    flatline_tolerance: float = 0.0


class Parameter(_Data):
    key: ParameterKey
    zh: str
    en: str
    unit: str
    media: tuple[Medium, ...]
    range: tuple[float, float] = Field(description="physically possible, in the unit; else bad")
    resolution: float = Field(gt=0)
    averaging: Literal["mean", "energy", "vector", "sum"] = "mean"
    weight: ParameterKey | None = Field(None, description="speed that weighs a vector's direction")
    codes: dict[Literal["hj212", "cf", "qudt"], str] = {}
    qc: tuple[QcSettings, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Parameter:
        cadences = [q.cadence_s for q in self.qc]
        if cadences != sorted(set(cadences)):
            raise ValueError(f"{self.key}: qc entries stand in ascending order of cadence_s")
        if self.range[0] >= self.range[1]:
            raise ValueError(f"{self.key}: range is [low, high]")
        return self

    @property
    def decimals(self) -> int:
        """Decimal places to show, from the resolution."""
        text = f"{self.resolution:.10f}".rstrip("0")
        return len(text.partition(".")[2])

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en

    def qc_for(self, cadence_s: int) -> QcSettings | None:
        """The settings of the smallest listed cadence that is not below the sensor's."""
        return next((q for q in self.qc if cadence_s <= q.cadence_s), None)


class Catalogue:
    """All parameters by key."""

    def __init__(self, parameters: list[Parameter]) -> None:
        self._by_key = {p.key: p for p in parameters}
        if len(self._by_key) != len(parameters):
            raise ValueError("a parameter key stands twice in the catalogue")

    def __getitem__(self, key: str) -> Parameter:
        return self._by_key[ParameterKey(key)]

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._by_key.values())

    def of_medium(self, medium: Medium) -> list[Parameter]:
        return [p for p in self if medium in p.media]


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read a catalogue file; the shipped one by default. Raises pydantic.ValidationError."""
    source = path or resources.files("schemas").joinpath("parameters.yaml")
    entries = yaml.safe_load(source.read_text("utf-8"))
    return Catalogue([Parameter(key=key, **entry) for key, entry in entries.items()])


@cache
def catalogue() -> Catalogue:
    """The catalogue of this installation: ONENET_CATALOGUE, or the shipped file."""
    named = os.environ.get("ONENET_CATALOGUE")
    return load_catalogue(Path(named) if named else None)
