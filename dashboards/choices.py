"""Variables that boards share: the districts and stations that they show."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from dashboards import queries, wording
from dashboards.city import City
from dashboards.layout import query_variable
from dashboards.sensors import OBSERVED


def district(city: City, *, one: bool = False) -> builders.CustomVariable:
    """The city's districts, from the registry: one alone, or several or all. For Flux and SQL."""
    first = next(iter(city.districts), None)
    at_first = (
        dashboard.VariableOption(text=wording.name(first), value=first.id)
        if one and first is not None
        else dashboard.VariableOption(text=["All"], value=["$__all"])
    )
    return (
        builders.CustomVariable("district")
        .label("区 / District")
        .values(", ".join(f"{choice(wording.name(p))} : {p.id}" for p in city.districts))
        .multi(not one)
        .include_all(not one)
        .allow_custom_value(False)
        .current(at_first)
    )


def station(city: City, *, one: bool = False) -> builders.QueryVariable:
    """Stations of the chosen districts that were heard in 30 days: one, or several or all."""
    first = next(iter(city.stations), None) if one else None
    return query_variable(
        "station",
        "站点 / Station",
        queries.tag_values(
            "station", f"{OBSERVED} and {queries.DISTRICT}", queries.names_of(city.stations)
        ),
        (first.id, wording.name(first)) if first is not None else None,
    )


def choice(text: str) -> str:
    """A text among choices that commas part."""
    return text.replace(",", "\\,")
