"""Records of the registry: who is where, measuring what, and why it matters there.

These are the shapes that other rooms see; how they are kept is the registry's business. The terms
follow the design's glossary and OGC SensorThings.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.ids import Medium, ParameterKey, SensorId, StationId


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RiverChief(_Record):
    """河长: who answers for a river. zh, en: office and name, as they are shown."""

    id: str
    zh: str
    en: str
    level: Literal["city", "district", "subdistrict"]

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


class Place(_Record):
    """A district, subdistrict, river basin or bay. chief: of a basin, its river chief."""

    id: str
    zh: str
    en: str
    kind: Literal["district", "subdistrict", "basin", "bay"]
    parent: str | None = None  # a subdistrict's district; a basin's bay
    lon: float | None = None
    lat: float | None = None
    chief: str | None = None

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


class Enterprise(_Record):
    """A permit holder with self-monitoring sensors."""

    id: str
    zh: str
    en: str
    permit: str
    district: str

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


class Station(_Record):
    """A place where sensors stand."""

    id: StationId
    zh: str
    en: str
    level: Literal["city", "district", "subdistrict"]
    grade: Literal["national", "provincial", "city", "subdistrict", "enterprise"]
    realm: Literal["land", "sea", "sky"]
    medium: Medium
    district: str
    subdistrict: str | None = None
    basin: str | None = None
    bay: str | None = None
    enterprise: str | None = None
    zone: str | None = Field(
        None,
        description="noise class 0..4b, water target class I..V, sea class, air class, land use",
    )
    kind: str = Field(description="urban, roadside, river, outfall, sea, farmland ...")
    lon: float
    lat: float
    river_km: float | None = Field(
        None, ge=0, description="of a place on a river: from its source, along the river, km"
    )
    chief: str | None = Field(None, description="of a section: its river chief, else the basin's")

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


class Sensor(_Record):
    """One physical device. `cadence_s`: seconds between its readings when all is well."""

    id: SensorId
    station: StationId
    medium: Medium
    model: str
    serial: str
    parameters: tuple[ParameterKey, ...]
    cadence_s: int = Field(gt=0)
    state: Literal["active", "maintenance", "retired"] = "active"
    installed: datetime | None = None
    source: str | None = Field(
        None, description="demo only: emulator or recording that plays this sensor"
    )


class DeadLetter(_Record):
    """A refused message with everything needed to understand and replay it.

    readings: how many readings were refused; refused: their positions in the payload's array,
    empty when the message as a whole was refused. times_seen counts identical arrivals.
    """

    id: int
    topic: str
    sensor: str
    raw: bytes
    arrived: datetime
    code: str
    field: str
    value: str
    reason_zh: str
    reason_en: str
    readings: int
    refused: tuple[int, ...]
    times_seen: int
    replayed: datetime | None
