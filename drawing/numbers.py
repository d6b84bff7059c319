"""How numbers, units, times, items and colours are shown, in either language. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from schemas import CITY_TIME, catalogue


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


# What an item of an index is called on a board, in either language.
SYMBOLS = {"pm25": "PM2.5", "pm10": "PM10", "so2": "SO₂", "no2": "NO₂", "co": "CO", "o3": "O₃"}
_MEANS = {"8h_max": " 8h", "1h_max": " 1h", "24h": " 24h"}


def item_name(item: str, language: str) -> str:
    """An item of an assessment: a pollutant with its kind of mean, or a parameter's name."""
    parameter, _, kind = item.partition("_")
    if parameter in SYMBOLS:
        return SYMBOLS[parameter] + _MEANS.get(kind, "")
    return catalogue()[item].name(language) if item in catalogue() else item


def item_names(items: Iterable[str], language: str) -> str:
    """Several items in a row."""
    return ("、" if language == "zh" else ", ").join(item_name(item, language) for item in items)


def paint(rgb: Iterable[int]) -> str:
    """A colour of a standard's table as an attribute of SVG."""
    return "rgb({}, {}, {})".format(*rgb)


def ink(rgb: Iterable[int]) -> str:
    """Black or white, whichever is read better on a colour (WCAG's relative luminance)."""

    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part) for part in rgb)
    return "#000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#fff"


def number(value: float | None, parameter: str) -> str:
    """A value with the decimals of its parameter's resolution; a dash for missing."""
    if value is None:
        return "–"
    return f"{value:.{min(catalogue()[parameter].decimals, 3)}f}"
