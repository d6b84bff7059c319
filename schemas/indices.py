"""The indices: what is judged from aggregates and stored beside them, with names and unit.

Read from `indices.yaml`. An index is no parameter: what a sensor sends under its name is refused as
unknown, and a catalogue that takes the name of one is refused here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from schemas.catalogue import Catalogue, catalogue
from schemas.ids import Medium


class Index(BaseModel):
    """One index. of: the pollutant or zone that it is about; hours: of a running mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    zh: str
    en: str
    unit: str
    decimals: int = Field(ge=0)
    medium: Medium
    kind: Literal["index", "class", "share", "running"]
    of: str = ""
    hours: int | None = Field(None, gt=1)

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


def load_indices(known: Catalogue) -> Mapping[str, Index]:
    """The shipped indices by key. Raises ValueError where one bears the name of a parameter."""
    text = resources.files("schemas").joinpath("indices.yaml").read_text("utf-8")
    found = {key: Index(key=key, **entry) for key, entry in yaml.safe_load(text).items()}
    taken = [key for key in found if key in known]
    if taken:
        raise ValueError(
            f"the catalogue names parameters like indices: {', '.join(taken)}; an index is computed"
            " and never measured: name the parameter otherwise"
        )
    return MappingProxyType(found)


@cache
def indices() -> Mapping[str, Index]:
    """The indices of this installation, beside its catalogue."""
    return load_indices(catalogue())
