"""Under which terms the data are published. Data: `terms.yaml`, or the installation's own file."""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Both(_Data):
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Terms(Both):
    """zh, en: the terms in short. attribution: what is written beside the data by who uses them."""

    licence: str = Field(min_length=1)
    url: str = Field(pattern=r"^https?://")
    attribution: Both


@cache
def terms() -> Terms:
    """This installation's: ONENET_OPEN_DATA_TERMS, or the shipped file. Raises ValueError."""
    named = os.environ.get("ONENET_OPEN_DATA_TERMS")
    shipped = resources.files("console.open_data").joinpath("terms.yaml")
    source = Path(named) if named else shipped
    try:
        return Terms.model_validate(yaml.safe_load(source.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{source}: {where}: {first['msg']}") from None
