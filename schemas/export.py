"""The contracts as JSON Schema, published in `schemas/json/` for those who build devices.

A test checks that the published files are those that the models give.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from schemas.alerts import Alert, Rule
from schemas.catalogue import Parameter
from schemas.registry import DeadLetter, Enterprise, Place, RiverChief, Sensor, Station
from schemas.samples import Sample
from schemas.wire import MAX_READINGS, Command, Event, Reading, Reply, Status

FOLDER = Path(__file__).parent / "json"

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_CONTRACTS: dict[str, Any] = {
    "reading": Reading,
    "status": Status,
    "event": Event,
    "command": Command,
    "reply": Reply,
    "parameter": Parameter,
    "place": Place,
    "river_chief": RiverChief,
    "enterprise": Enterprise,
    "station": Station,
    "sensor": Sensor,
    "dead_letter": DeadLetter,
    "sample": Sample,
    "rule": Rule,
    "alert": Alert,
}


def documents() -> dict[str, dict[str, Any]]:
    """Every contract's JSON Schema (2020-12) by name; `message` is what a data topic carries."""
    made = {
        name: {"$schema": _DIALECT, **TypeAdapter(model).json_schema()}
        for name, model in _CONTRACTS.items()
    }
    made["message"] = {
        "$schema": _DIALECT,
        "title": "Message",
        "description": f"One reading, or an array of 1 to {MAX_READINGS} of them",
        "anyOf": [
            {"$ref": "reading.json"},
            {
                "type": "array",
                "items": {"$ref": "reading.json"},
                "minItems": 1,
                "maxItems": MAX_READINGS,
            },
        ],
    }
    return made


def write(folder: Path = FOLDER) -> list[Path]:
    """Write one file a contract; returns them in order of name."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, document in sorted(documents().items()):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")
        written.append(path)
    return written
