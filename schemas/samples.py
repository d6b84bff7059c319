"""Samples: what was taken where and when, and what a laboratory found in it.

A result that lies below detection has no value but the limit below which it lies; it is never zero.
Values are the decimals that the laboratory wrote, in the determinand's own unit; where they came in
another, `reported` keeps what was written. A corrected sample is a new revision, and the earlier
one stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from schemas.clock import CITY_TIME
from schemas.ids import Medium, StationId
from schemas.registry import Station

DEEPEST_M = 200.0

Text = Annotated[str, StringConstraints(max_length=200)]
# Goes out as text, so that the digits stay; comes in as either.
Digits = Annotated[Decimal, WithJsonSchema({"type": "string"}, mode="serialization")]


class SampleMedium(StrEnum):
    """What was sampled; it decides which standard the sample is held against."""

    SOIL = "soil"
    GROUNDWATER = "groundwater"
    SURFACE_WATER = "surface_water"
    SEA_WATER = "sea_water"
    DRINKING_WATER = "drinking_water"
    EFFLUENT = "effluent"


_OF_KIND: Mapping[str, SampleMedium] = MappingProxyType(
    {
        "well": SampleMedium.GROUNDWATER,
        "river": SampleMedium.SURFACE_WATER,
        "lake": SampleMedium.SURFACE_WATER,
        "reservoir": SampleMedium.SURFACE_WATER,
        "plant": SampleMedium.DRINKING_WATER,
        "tap": SampleMedium.DRINKING_WATER,
        "outfall": SampleMedium.EFFLUENT,
    }
)


def sampled_medium(station: Station) -> SampleMedium | None:
    """What is sampled at a station; None where no samples are taken, as at a microphone."""
    if station.medium == Medium.SOIL:
        return SampleMedium.SOIL
    if station.medium != Medium.WATER:
        return None
    return SampleMedium.SEA_WATER if station.realm == "sea" else _OF_KIND.get(station.kind)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(_Record):
    """What was found of one determinand.

    value: None when it lies below `limit`, the limit of detection or quantification.
    """

    determinand: str
    value: Digits | None = Field(default=None, allow_inf_nan=False)
    limit: Digits | None = Field(default=None, gt=0, allow_inf_nan=False)
    unit: str
    reported: Text = Field(
        default="", description="as it was written, where the unit was converted"
    )
    method: Text = ""
    remark: Text = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.value is None and self.limit is None:
            raise ValueError(f"{self.determinand}: a value or a limit of detection is needed")
        return self

    @property
    def below(self) -> bool:
        return self.value is None

    def __str__(self) -> str:
        return f"<{self.limit:f}" if self.value is None else f"{self.value:f}"


class Sample(_Record):
    """One sample. number: the laboratory's; it is unique at its station.

    depth_from, depth_to: of soil, m below ground. revision: 1, and more after each correction.
    recorded: when this revision came into the registry; None before.
    """

    number: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    station: StationId
    medium: SampleMedium
    taken: AwareDatetime
    depth_from: float | None = Field(default=None, ge=0, le=DEEPEST_M)
    depth_to: float | None = Field(default=None, gt=0, le=DEEPEST_M)
    laboratory: Text = ""
    remark: Text = ""
    results: tuple[Result, ...]
    revision: int = 1
    recorded: datetime | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        both = self.depth_from is not None and self.depth_to is not None
        if both and self.depth_to <= self.depth_from:  # type: ignore[operator]
            raise ValueError(f"depth_to {self.depth_to} m is not below {self.depth_from} m")
        named = [result.determinand for result in self.results]
        if len(set(named)) != len(named):
            raise ValueError("a determinand stands twice")
        return self

    @property
    def day(self) -> date:
        """The day in the city on which it was taken: by it the edition of a standard is chosen."""
        return self.taken.astimezone(CITY_TIME).date()

    def result(self, determinand: str) -> Result | None:
        return next((one for one in self.results if one.determinand == determinand), None)
