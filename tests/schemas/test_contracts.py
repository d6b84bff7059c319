"""The published JSON Schemas are fresh, valid, and say what the models say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from schemas import Reading, export

PUBLISHED = {path.stem: json.loads(path.read_text("utf-8")) for path in export.FOLDER.iterdir()}

GOOD = {
    "ts": "2026-11-24T08:00:00+08:00",
    "seq": 4711,
    "values": {"pm25": 12.3, "no2": None},
    "flags": {"pm25": "N"},
    "meta": {"battery": 3.9, "rssi": -71, "fw": "1.4.2"},
}
BAD = [
    {},
    {"ts": 1},
    {"ts": 1, "values": {}},
    {"ts": 1, "values": {"pm25": "12"}},
    {"ts": 1, "values": {"pm25": True}},
    {"ts": 1.5, "values": {"pm25": 1}},
    {"ts": None, "values": {"pm25": 1}},
    {"ts": 1, "values": {"pm25": 1}, "flags": {"pm25": "X"}},
    {"ts": 1, "values": {"pm25": 1}, "sensor": "A B"},
    {"ts": 1, "values": {"pm25": 1}, "extra": 1},
    {"ts": 1, "values": {"pm25": 1e13}},
    {"ts": 1, "values": {"pm25": 1}, "seq": -1},
]


def test_the_published_schemas_are_fresh(tmp_path: Path) -> None:
    export.write(tmp_path)
    fresh = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    published = {path.name: path.read_text("utf-8") for path in export.FOLDER.iterdir()}
    assert fresh == published, "run `onenet schemas export`"


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_published_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(PUBLISHED[name])


def test_the_example_of_the_design_is_a_reading() -> None:
    Draft202012Validator(PUBLISHED["reading"]).validate(GOOD)
    TypeAdapter(Reading).validate_python(GOOD)


@pytest.mark.parametrize("payload", BAD, ids=str)
def test_schema_and_model_refuse_the_same(payload: dict[str, object]) -> None:
    assert list(Draft202012Validator(PUBLISHED["reading"]).iter_errors(payload))
    with pytest.raises(ValidationError):
        TypeAdapter(Reading).validate_python(payload)
