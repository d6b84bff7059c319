"""Samples of the demo city: a line of `samples.yaml` each, cells as laboratories write them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import yaml

from schemas.determinands import determinands
from schemas.ids import StationId
from schemas.samples import Result, Sample, SampleMedium


@cache
def demo_samples() -> tuple[Sample, ...]:
    """All of them, made up. Raises pydantic.ValidationError where one is wrong."""
    text = resources.files("registry.seed").joinpath("samples.yaml").read_text("utf-8")
    return tuple(_sample(record) for record in yaml.safe_load(text))


def _sample(record: dict[str, Any]) -> Sample:
    soil = "depth" in record
    depth_from, depth_to = record.get("depth", (None, None))
    return Sample(
        number=record["number"],
        station=StationId(record["station"]),
        medium=SampleMedium.SOIL if soil else SampleMedium.GROUNDWATER,
        taken=datetime.fromisoformat(record["taken"]),
        depth_from=depth_from,
        depth_to=depth_to,
        laboratory=record["laboratory"],
        results=tuple(_result(key, cell, soil) for key, cell in record["results"].items()),
    )


def _result(key: str, cell: str, soil: bool) -> Result:
    number, unit = Decimal(cell.removeprefix("<")), determinands()[key].unit_in(soil=soil)
    if cell.startswith("<"):
        return Result(determinand=key, limit=number, unit=unit)
    return Result(determinand=key, value=number, unit=unit)
