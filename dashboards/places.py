"""Flux that knows where stations stand; positions come from the registry, values from the store."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from dashboards import wording
from dashboards.queries import (
    PARAMETER,
    RECENT,
    SUBJECT,
    dictionary,
    lines,
    names_of,
    number,
    table,
    text,
    valid_rows,
)
from schemas import Parameter
from schemas.registry import Station


def station_places(stations: Sequence[Station], *, chosen: str = "true") -> str:
    """All stations with their position: the map's ground layer, no data needed.

    chosen: a condition on `district` and `station`.
    """
    rows = [
        {
            "station": text(station.id),
            "district": text(station.district),
            "name": text(wording.name(station)),
            "lon": number(station.lon),
            "lat": number(station.lat),
        }
        for station in _placed(stations)
    ]
    blank = {"station": '""', "district": '""', "name": '""', "lon": "0.0", "lat": "0.0"}
    condition = 'r.station != ""' if chosen == "true" else f'r.station != "" and {chosen}'
    return lines('import "array"', table(rows, blank), f"  |> filter(fn: (r) => {condition})")


def place_columns(stations: Sequence[Station]) -> tuple[str, str]:
    """Definitions and columns that give rows with `station` a name and a position."""
    placed = _placed(stations)
    definitions = lines(
        f"names = {names_of(placed)}",
        f"lons = {_floats({s.id: s.lon for s in placed})}",
        f"lats = {_floats({s.id: s.lat for s in placed})}",
    )
    columns = (
        'name: dict.get(dict: names, key: r.station, default: ""), '
        "lon: dict.get(dict: lons, key: r.station, default: 0.0), "
        "lat: dict.get(dict: lats, key: r.station, default: 0.0)"
    )
    return definitions, columns


def latest_places(stations: Sequence[Station], parameters: Sequence[Parameter]) -> str:
    """Where the chosen parameter stands now: latest valid hour of each station, with position."""
    definitions, columns = place_columns(stations)
    units = {str(p.key): wording.shown_unit(p) for p in parameters}
    return lines(
        'import "date"',
        'import "dict"',
        definitions,
        f"units = {dictionary(units)}",
        valid_rows(f'r.level == "station" and {PARAMETER} and {SUBJECT}', within=RECENT),
        '  |> last(column: "value")',
        "  |> group()",
        "  |> map(fn: (r) => ({station: r.subject, value: r.value, "
        'unit: dict.get(dict: units, key: r.parameter, default: ""), time: r._time}))',
        f"  |> map(fn: (r) => ({{r with {columns}}}))",
        '  |> filter(fn: (r) => r.name != "")',
    )


def _placed(stations: Iterable[Station]) -> list[Station]:
    return [s for s in stations if math.isfinite(s.lon) and math.isfinite(s.lat)]


def _floats(pairs: Mapping[str, float]) -> str:
    return "[" + (", ".join(f"{text(k)}: {number(v)}" for k, v in pairs.items()) or ":") + "]"
