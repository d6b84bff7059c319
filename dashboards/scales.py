"""The standards' scales as Grafana takes them: colour steps and words of indices and classes.

Every number and colour comes from the tables in `standards/`, by the newest edition; what has no
colour there has none here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from grafana_foundation_sdk.models import dashboard

from dashboards import wording
from dashboards.panels import Steps, mapping
from standards import Edition, editions


def newest(family: str) -> Edition:
    """The edition of a family that came into force last."""
    every = [one for one in editions().values() if one.family == family]
    return max(every, key=lambda one: one.effective_from or date.min)


def aqi_steps() -> Steps:
    """Colours of HJ 633 from each category's first index."""
    categories = newest("aqi").tables["categories"]
    firsts = [None, *(one["max"] + 1 for one in categories[:-1])]
    return [(first, _hex(one["rgb"])) for first, one in zip(firsts, categories, strict=True)]


def aqhi_words() -> dashboard.ValueMap:
    """Bands 1 to 11 as the index is written, with the risk."""
    table = newest("aqhi").tables
    risks = {key: f"{risk['zh']} {risk['en']}" for key, risk in table["risks"].items()}
    bands = enumerate(table["bands"], start=1)
    return mapping(
        {str(n): (f"{band['index']} · {risks[band['risk']]}", "text") for n, band in bands}
    )


def water_words() -> dict[str, tuple[str, str]]:
    """Classes of surface water by their place, with the colour of the state they stand for."""
    table = newest("surface_water").tables
    state, colours = table["section_states"], table["state_colours"]
    return {
        str(n): (wording.water_class(name), colours[state[name]])
        for n, name in enumerate(table["classes"], start=1)
    }


def sea_words() -> dict[str, tuple[str, str]]:
    """Classes of sea water by their place; the standard gives them no colours."""
    classes = newest("sea_water").tables["classes"]
    return {str(n): (wording.water_class(name), "text") for n, name in enumerate(classes, start=1)}


def state_words() -> dict[str, tuple[str, str]]:
    """States of a basin by their place, with their colours."""
    table = newest("surface_water").tables
    return {
        str(n): (f"{state['zh']} {state['en']}", table["state_colours"][key])
        for n, (key, state) in enumerate(table["states"].items(), start=1)
    }


def coloured(words: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """A table column of classes: its cells bear the word, on its colour where it has one."""
    plain = all(colour == "text" for _, colour in words.values())
    cell = {"type": "auto"} if plain else {"type": "color-background", "mode": "basic"}
    return {
        "mappings": [mapping(words)],
        "custom.cellOptions": cell,
    }


def steps_of_column(steps: Steps) -> dict[str, Any]:
    """A table column of numbers on the colours of a scale."""
    stepped = [dashboard.Threshold(value, colour) for value, colour in steps]
    return {
        "thresholds": dashboard.ThresholdsConfig(dashboard.ThresholdsMode.ABSOLUTE, stepped),
        "color": {"mode": "thresholds"},
        "custom.cellOptions": {"type": "color-background", "mode": "basic"},
    }


def _hex(rgb: list[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in rgb)
