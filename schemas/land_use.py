"""Uses of land: what the `zone` of a soil station says, and by which limits its soil is judged."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from schemas.registry import Station


class LandUse(BaseModel):
    """family: of the standard's editions. land: what that standard calls it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    zh: str
    en: str
    family: Literal["soil_farmland", "soil_construction"]
    land: str

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


@cache
def land_uses() -> Mapping[str, LandUse]:
    """All of them by key, in the order of `land_uses.yaml`."""
    text = resources.files("schemas").joinpath("land_uses.yaml").read_text("utf-8")
    return MappingProxyType(
        {key: LandUse(key=key, **one) for key, one in yaml.safe_load(text).items()}
    )


def land_use_of(station: Station) -> LandUse | None:
    """How the land of a soil station is used; None when its zone is no use of land."""
    return land_uses().get(station.zone or "")
