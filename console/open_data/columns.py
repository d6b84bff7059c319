"""What the columns of the published tables are: types, meaning in two languages, CSVW. Pure.

The words are in `columns.yaml`; the same entries make the page, the schema of the files and the
description that stands beside each CSV (W3C, CSV on the Web).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict

from console.open_data.terms import Terms
from schemas import CITY_TIME

CITY_MS = pl.Datetime("ms", CITY_TIME.key)
TYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "dateTime": CITY_MS,
}


class Column(BaseModel):
    """One column. type: of CSVW. key: whether it is a part of what tells rows apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["string", "number", "integer", "boolean", "dateTime"]
    zh: str
    en: str
    key: bool = False

    def text(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


@cache
def tables() -> Mapping[str, Mapping[str, Column]]:
    """Every published table with its columns, in their order."""
    text = resources.files("console.open_data").joinpath("columns.yaml").read_text("utf-8")
    return {
        table: {name: Column.model_validate(entry) for name, entry in columns.items()}
        for table, columns in yaml.safe_load(text).items()
    }


def schema_of(table: str) -> dict[str, pl.DataType]:
    """The types of a table's columns in a file."""
    return {name: TYPES[column.type] for name, column in tables()[table].items()}


def csvw(table: str, terms: Terms) -> dict[str, Any]:
    """The description of a table's CSV, for programs that know CSV on the Web."""
    columns = tables()[table]
    return {
        "@context": "http://www.w3.org/ns/csvw",
        "url": f"{table}.csv",
        "dc:license": {"@id": terms.url},
        "dc:rights": _both(terms.attribution.zh, terms.attribution.en),
        "dialect": {"encoding": "utf-8", "header": True, "lineTerminators": ["\r\n"]},
        "tableSchema": {
            "columns": [
                {
                    "name": name,
                    "titles": name,
                    "dc:description": _both(column.zh, column.en),
                    "datatype": column.type,
                    "required": column.key,
                }
                for name, column in columns.items()
            ],
            "primaryKey": [name for name, column in columns.items() if column.key],
        },
    }


def _both(zh: str, en: str) -> list[dict[str, str]]:
    return [{"@value": zh, "@language": "zh"}, {"@value": en, "@language": "en"}]
