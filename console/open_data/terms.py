"""Under which terms the data are published. Data: `terms.yaml`, or the installation's own file."""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from schemas.installed import installed


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
    return installed(Terms, "ONENET_OPEN_DATA_TERMS", "console.open_data", "terms.yaml")
