"""Editions of the standards: which text holds on a date. Limits are data, one file an edition.

Every file in `tables/` has a head (`id`, `family`, `title`, `effective_from`, `effective_until`,
`source`, `verified`) and the tables themselves. Old and new editions stand side by side; an
observation is judged by the one that holds on its own date in the city's time. Numbers are read as
decimals, so that 0.15 is 0.15.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition of one standard.

    family: what it is about (`aqi`, `ambient_air`, `surface_water` ...); the editions of a family
    replace each other. effective_from, effective_until: first and last day; None = open.
    verified: how the numbers were checked. tables: the rest of the file.
    """

    id: str
    family: str
    title: Mapping[str, str]
    effective_from: date | None
    effective_until: date | None
    source: str
    verified: str
    tables: Mapping[str, Any]

    def holds(self, on: date) -> bool:
        begun = self.effective_from is None or self.effective_from <= on
        return begun and (self.effective_until is None or on <= self.effective_until)


class UnknownEdition(ValueError):
    """No edition of that name, or none of the family holds on that date."""


def edition(family: str, *, on: date | None = None, named: str | None = None) -> Edition:
    """The edition of a family: the named one, else the deployment's, else that of the date.

    A deployment fixes editions by ONENET_EDITIONS, e.g. `aqi=HJ633-2012,noise_boundary=...`.
    Raises UnknownEdition, naming those that there are.
    """
    wanted = named or _fixed().get(family)
    if wanted is not None:
        found = editions().get(wanted)
        if found is None or found.family != family:
            raise UnknownEdition(f"no edition {wanted!r} of {family}; there are: {_names(family)}")
        return found
    if on is None:
        raise UnknownEdition(f"{family}: name an edition or a date; there are: {_names(family)}")
    for candidate in editions().values():
        if candidate.family == family and candidate.holds(on):
            return candidate
    raise UnknownEdition(f"no edition of {family} holds on {on}; there are: {_names(family)}")


@cache
def editions() -> Mapping[str, Edition]:
    """All editions by id. Raises ValueError when two of a family hold on the same day."""
    found: dict[str, Edition] = {}
    folder = resources.files("standards").joinpath("tables")
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            one = _read(file.name, file.read_text("utf-8"))
            if one.id in found:
                raise ValueError(f"{file.name}: edition {one.id} stands twice")
            found[one.id] = one
    _refuse_overlaps(list(found.values()))
    return MappingProxyType(found)


def edition_file(named: str) -> tuple[str, bytes]:
    """Name and content of the file that an edition is read from. Raises UnknownEdition."""
    folder = resources.files("standards").joinpath("tables")
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml") and f"\nid: {named}\n" in f"\n{file.read_text('utf-8')}":
            return file.name, file.read_bytes()
    raise UnknownEdition(f"no edition {named!r}; there are: {', '.join(sorted(editions()))}")


def _read(name: str, text: str) -> Edition:
    loaded = yaml.load(text, _DecimalLoader)  # noqa: S506 - a SafeLoader with decimals
    try:
        return Edition(
            id=loaded.pop("id"),
            family=loaded.pop("family"),
            title=loaded.pop("title"),
            effective_from=loaded.pop("effective_from"),
            effective_until=loaded.pop("effective_until"),
            source=loaded.pop("source"),
            verified=loaded.pop("verified"),
            tables=loaded,
        )
    except KeyError as missing:
        raise ValueError(f"standards/tables/{name}: {missing} is missing") from None


def _refuse_overlaps(every: list[Edition]) -> None:
    for first in every:
        for second in every:
            if first.id < second.id and first.family == second.family:
                later = max(first.effective_from or date.min, second.effective_from or date.min)
                if first.holds(later) and second.holds(later):
                    raise ValueError(f"{first.id} and {second.id} both hold on {later}")


def _names(family: str) -> str:
    return ", ".join(sorted(e.id for e in editions().values() if e.family == family)) or "none"


def _fixed() -> dict[str, str]:
    text = os.environ.get("ONENET_EDITIONS", "")
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    return {family.strip(): name.strip() for family, _, name in pairs}


class _DecimalLoader(yaml.SafeLoader):
    """YAML's numbers with a point as the decimals that were written."""


_DecimalLoader.add_constructor(
    "tag:yaml.org,2002:float", lambda _loader, node: Decimal(str(node.value).replace("_", ""))
)
