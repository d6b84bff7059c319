"""Flux about what enterprises measure themselves: beside the government, beside their permits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dashboards import wording
from dashboards.city import City
from dashboards.limit_lines import LONG_AGO
from dashboards.queries import (
    MEASURED,
    RANGE,
    SUBJECT,
    dictionary,
    lines,
    names_of,
    number,
    one_of,
    series,
    table,
    text,
    valid_rows,
)
from schemas import Parameter
from schemas.alerts import PermitLimit
from schemas.registry import Station


def own_stations(city: City) -> list[Station]:
    """Where enterprises measure themselves, with sensors."""
    return [
        s
        for s in city.stations
        if (s.enterprise is not None or s.grade == "enterprise") and city.measures.get(s.id)
    ]


def own_parameters(city: City) -> list[Parameter]:
    """What they measure, in the order of the catalogue."""
    keys = {key for station in own_stations(city) for key in city.measures[station.id]}
    return [parameter for parameter in city.catalogue if parameter.key in keys]


def beside(station: Station, parameter: str, city: City) -> list[Station]:
    """The government's stations in the smallest area around it where they measure the same."""
    others = [
        one
        for one in city.stations
        if one.enterprise is None
        and one.grade != "enterprise"
        and one.medium == station.medium
        and parameter in city.measures.get(one.id, ())
    ]
    for area in ("subdistrict", "basin", "bay", "district"):
        place = getattr(station, area)
        found = [one for one in others if place is not None and getattr(one, area) == place]
        if found:
            return found
    return []


def station_choices(city: City) -> str:
    """Stations of the chosen enterprises, as `id name`, for a variable."""
    rows = [
        {
            "enterprise": text(station.enterprise or ""),
            "_value": text(f"{station.id} {wording.name(station)}"),
        }
        for station in own_stations(city)
    ]
    return lines(
        'import "array"',
        table(rows, {"enterprise": '""', "_value": '""'}),
        '  |> filter(fn: (r) => r._value != "" and r.enterprise =~ /^${enterprise:regex}$/)',
        '  |> keep(columns: ["_value"])',
    )


def own_hours(parameter: Parameter, city: City) -> str:
    """Valid hours of the chosen enterprises' own stations."""
    return lines(
        'import "dict"',
        f"names = {names_of(own_stations(city))}",
        valid_rows(f'r.level == "station" and r.parameter == "{parameter.key}" and {SUBJECT}'),
        "  |> map(fn: (r) => ({r with _value: r.value}))",
        series('"自测 own · " + dict.get(dict: names, key: r.subject, default: r.subject)'),
    )


def government_hours(parameter: Parameter, city: City) -> str | None:
    """Valid hours of the government's stations around them; None where there is none."""
    around: dict[Station, list[str]] = {}
    for own in own_stations(city):
        if parameter.key in city.measures[own.id]:
            for one in beside(own, parameter.key, city):
                around.setdefault(one, []).append(own.id)
    if not around:
        return None
    of = {str(one.id): " ".join(owners) for one, owners in around.items()}
    return lines(
        'import "dict"',
        f"names = {names_of(around)}",
        f"beside = {dictionary(of)}",
        valid_rows(
            f'r.level == "station" and r.parameter == "{parameter.key}" '
            'and dict.get(dict: beside, key: r.subject, default: "") '
            "=~ /(^| )${station:regex}( |$)/"
        ),
        "  |> map(fn: (r) => ({r with _value: r.value}))",
        series('"政府 government · " + dict.get(dict: names, key: r.subject, default: r.subject)'),
    )


def over_permit(city: City) -> str:
    """Of the valid hours beside a permit's limit: how many lie above it, and the highest."""
    held = {f"{one.station} {one.parameter}": one.value for one in _in_force(city.permits)}
    limits = ", ".join(f"{text(k)}: {number(v)}" for k, v in held.items()) or ":"
    keys = sorted({str(one.parameter) for one in city.permits}) or ["none"]
    return lines(
        'import "dict"',
        f"names = {names_of(own_stations(city))}",
        f"limits = [{limits}]",
        valid_rows(f'r.level == "station" and {one_of(keys)} and {SUBJECT}'),
        "  |> map(fn: (r) => ({r with limit: dict.get(dict: limits, "
        'key: r.subject + " " + r.parameter, default: -1.0)}))',
        "  |> filter(fn: (r) => r.limit >= 0.0)",
        '  |> group(columns: ["subject", "parameter"])',
        "  |> reduce(identity: {hours: 0, over: 0, highest: 0.0, limit: 0.0}, "
        "fn: (r, accumulator) => ({",
        "    hours: accumulator.hours + 1,",
        "    over: if r.value > r.limit then accumulator.over + 1 else accumulator.over,",
        "    highest: if accumulator.hours == 0 or r.value > accumulator.highest "
        "then r.value else accumulator.highest,",
        "    limit: r.limit,",
        "  }))",
        "  |> group()",
        "  |> map(fn: (r) => ({station: r.subject, "
        'name: dict.get(dict: names, key: r.subject, default: ""), parameter: r.parameter, '
        "limit: r.limit, highest: r.highest, hours: r.hours, over: r.over}))",
        '  |> sort(columns: ["over", "station", "parameter"], desc: true)',
    )


def completeness(city: City) -> str:
    """Mean completeness of the chosen stations' hours, by station."""
    return lines(
        'import "dict"',
        f"names = {names_of(own_stations(city))}",
        'from(bucket: "aggregates_hour")',
        RANGE,
        '  |> filter(fn: (r) => r._measurement == "hour" and r._field == "completeness" '
        f'and r.level == "station" and {MEASURED} and {SUBJECT})',
        '  |> group(columns: ["subject"])',
        '  |> aggregateWindow(every: 1h, fn: mean, createEmpty: false, timeSrc: "_start")',
        series("dict.get(dict: names, key: r.subject, default: r.subject)", sort=True),
    )


def _in_force(permits: Sequence[PermitLimit]) -> Iterator[PermitLimit]:
    """Those without an end, the later last."""
    without_end = [one for one in permits if one.until is None]
    yield from sorted(without_end, key=lambda one: one.since or LONG_AGO)
