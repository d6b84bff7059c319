"""The console's words in Chinese (default) and English, and how numbers and times are shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib import resources

import yaml

from schemas import CITY_TIME, catalogue

LANGUAGES = ("zh", "en")
HTML_LANGUAGE = {"zh": "zh-CN", "en": "en"}


@cache
def texts() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = yaml.safe_load(
        resources.files("console").joinpath("texts.yaml").read_text("utf-8")
    )
    return loaded


def translator(language: str) -> Callable[[str], str]:
    """A function from a key of `texts.yaml` to the word. Raises KeyError for an unknown key."""
    words = texts()
    return lambda key: words[str(key)][language]


def city_time(moment: datetime | None, form: str = "%m-%d %H:%M") -> str:
    """A moment in the city's time; empty for none."""
    return "" if moment is None else moment.astimezone(CITY_TIME).strftime(form)


_SHOWN_UNITS = {"ug": "µg", "m3": "m³", "degC": "°C", "deg": "°"}


def unit(parameter: str) -> str:
    """A parameter's unit as people write it; empty for pure numbers."""
    text = catalogue()[parameter].unit
    if text == "1":
        return ""
    return "/".join(_SHOWN_UNITS.get(part, part) for part in text.split("/"))


def number(value: float | None, parameter: str) -> str:
    """A value with the decimals of its parameter's resolution; a dash for missing."""
    if value is None:
        return "–"
    return f"{value:.{min(catalogue()[parameter].decimals, 3)}f}"
