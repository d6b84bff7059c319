"""Determinands: what a laboratory determines in a sample, with names and units.

Read from `determinands.yaml`; adding one is an entry there. They are more than the parameters that
sensors measure (`catalogue`), and what is the same in both has the same key.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml
from pydantic import BaseModel, ConfigDict


class Determinand(BaseModel):
    """unit: in every medium; None for a content. as_n: a content that is given as nitrogen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    zh: str
    en: str
    symbol: str = ""
    unit: str | None = None
    as_n: bool = False
    names: tuple[str, ...] = ()

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en

    def short(self, language: str) -> str:
        """Its symbol, where it has one."""
        return self.symbol or self.name(language)

    def unit_in(self, *, soil: bool) -> str:
        """The unit in which it is kept: contents by mass in soil, by volume in water."""
        if self.unit is not None:
            return self.unit
        return "mg/kg" if soil else "mg/L"


@cache
def determinands() -> Mapping[str, Determinand]:
    """All of them by key, in the order of the file."""
    text = resources.files("schemas").joinpath("determinands.yaml").read_text("utf-8")
    loaded: dict[str, dict[str, object]] = yaml.safe_load(text)
    return MappingProxyType(
        {key: Determinand.model_validate({"key": key, **one}) for key, one in loaded.items()}
    )


def determinand_named(text: str) -> Determinand | None:
    """The determinand of a laboratory's name: key, name, symbol or alias; case does not matter."""
    return _by_name().get(_folded(text))


@cache
def _by_name() -> Mapping[str, Determinand]:
    found: dict[str, Determinand] = {}
    for one in determinands().values():
        for name in {_folded(n) for n in (one.key, one.zh, one.en, one.symbol, *one.names) if n}:
            if name in found:
                raise ValueError(f"determinands.yaml: {name!r} is {found[name].key} and {one.key}")
            found[name] = one
    return MappingProxyType(found)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
