"""What the columns of a laboratory's table mean: by name, from `columns.yaml`.

A long table has a row for each result; its columns name determinand and value. A wide one has a row
for each sample and a column for each determinand, as `onenet assess` reads them; such a column may
name its unit in brackets and has the determinand's own unit without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from schemas.determinands import Determinand, determinand_named
from standards.rows import BadCell

_WITH_UNIT = re.compile(r"^(?P<name>.+?)\s*[\[(（](?P<unit>[^\])）]*)[\])）]$")
_LONG = ("determinand", "value")


@dataclass(frozen=True, slots=True)
class Content:
    """A column of a wide table: one determinand. unit: as the head names it; None = its own."""

    header: str
    determinand: Determinand
    unit: str | None


@dataclass(frozen=True, slots=True)
class Columns:
    """headers: our name of a column to that in the table. ignored: what is not read."""

    headers: Mapping[str, str]
    contents: tuple[Content, ...]
    ignored: tuple[str, ...]

    @property
    def long(self) -> bool:
        return all(name in self.headers for name in _LONG)


@cache
def words() -> Mapping[str, Any]:
    """`columns.yaml`."""
    text = resources.files("ingest.lab").joinpath("columns.yaml").read_text("utf-8")
    return MappingProxyType(yaml.safe_load(text))


def columns_of(head: Sequence[str], ignore: Sequence[str]) -> tuple[Columns, list[BadCell]]:
    """The columns of a table by its head, and what is wrong with them. ignore: not to be read."""
    headers: dict[str, str] = {}
    contents: list[Content] = []
    ignored: list[str] = []
    problems: list[BadCell] = []
    unread = {folded(name) for name in (*ignore, *words()["ignored"])}
    for header in head:
        if folded(header) in unread:
            ignored.append(header)
            continue
        name, content = _names().get(folded(header)), _content(header)
        if name is not None and name not in headers:
            headers[name] = header
        elif name is not None:
            problems.append(_twice(header, name, headers[name]))
        elif content is None:
            problems.append(_unknown(header))
        elif any(one.determinand == content.determinand for one in contents):
            problems.append(_twice(header, content.determinand.key, "another column"))
        else:
            contents.append(content)
    found = Columns(headers, tuple(contents), tuple(ignored))
    return found, problems + _lacking(found)


def _lacking(found: Columns) -> list[BadCell]:
    if found.long and found.contents:
        rule = "a table has a row for each result, or a column for each determinand, not both"
        return [BadCell("head", found.contents[0].header, rule, "take one of them out")]
    if not found.long and not found.contents:
        rule = "columns determinand and value, or a column for each determinand such as cd"
        return [BadCell("head", "", rule, "name the columns in the first row")]
    return []


def _content(header: str) -> Content | None:
    whole = determinand_named(header)
    if whole is not None:
        return Content(header, whole, None)
    parts = _WITH_UNIT.match(header.strip())
    named = determinand_named(parts["name"]) if parts else None
    return Content(header, named, parts["unit"]) if parts and named else None


def _twice(header: str, name: str, before: str) -> BadCell:
    return BadCell("column", header, f"{name} is already {before}", "leave one of them out")


def _unknown(header: str) -> BadCell:
    rule = "a column of docs/samples.md or a determinand of schemas/determinands.yaml"
    return BadCell("column", header, rule, "rename it, or pass it over with --ignore")


@cache
def _names() -> Mapping[str, str]:
    return {folded(alias): name for name, all_ in words()["columns"].items() for alias in all_}


def folded(text: str) -> str:
    """A word without what does not matter: case, spaces around and between, kinds of micro."""
    return " ".join(text.split()).casefold().replace("µ", "u").replace("μ", "u")
