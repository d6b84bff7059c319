"""Flux about single stations, whatever they measure: one answer for all chosen parameters.

A panel that stands once for each parameter cannot know its unit beforehand, so the unit is a part
of the series' name.
"""

from __future__ import annotations

from collections.abc import Mapping

from dashboards import wording
from dashboards.city import City
from dashboards.queries import (
    MEASURED,
    PARAMETER,
    RANGE,
    RECENT,
    STATION,
    SUBJECT,
    dictionary,
    lines,
    names_of,
    series,
    table,
    text,
    valid_rows,
)
from dashboards.sensors import OBSERVED
from schemas.flags import USABLE
from schemas.registry import Station


def measured_choices(city: City) -> str:
    """What is measured at the chosen stations, as `key name`, for a variable."""
    of: dict[str, list[str]] = {}
    for station, keys in city.measures.items():
        for key in keys:
            of.setdefault(key, []).append(station)
    rows = [
        {
            "stations": text(" ".join(sorted(stations))),
            "_value": text(f"{key} {wording.name(city.catalogue[key])}"),
        }
        for key, stations in sorted(of.items())
    ]
    return lines(
        'import "array"',
        table(rows, {"stations": '""', "_value": '""'}),
        "  |> filter(fn: (r) => r.stations =~ /(^| )${station:regex}( |$)/)",
        '  |> keep(columns: ["_value"])',
    )


def about(city: City) -> str:
    """The chosen stations: where they stand, for what, and with which sensors."""
    places = {place.id: wording.name(place) for place in city.places}
    owners = {one.id: f"{one.zh} {one.en}" for one in city.enterprises}
    rows = [
        {
            "station": text(one.id),
            "name": text(wording.name(one)),
            "district": text(places.get(one.district, one.district)),
            "kind": text(one.kind),
            "zone": text(one.zone or ""),
            "enterprise": text(owners.get(one.enterprise or "", "")),
            "sensors": text(_sensors_of(one, city)),
        }
        for one in city.stations
    ]
    blank = dict.fromkeys(
        ("station", "name", "district", "kind", "zone", "enterprise", "sensors"), '""'
    )
    return lines('import "array"', table(rows, blank), f"  |> filter(fn: (r) => {STATION})")


def latest(city: City) -> str:
    """The last valid hour of everything that the chosen stations measure, with its unit."""
    return lines(
        'import "date"',
        'import "dict"',
        f"stations = {names_of(city.stations)}",
        f"names = {dictionary({p.key: wording.name(p) for p in city.catalogue})}",
        f"units = {dictionary({p.key: wording.shown_unit(p) for p in city.catalogue})}",
        valid_rows(f'r.level == "station" and {SUBJECT} and {MEASURED}', within=RECENT),
        '  |> last(column: "value")',
        "  |> group()",
        "  |> map(fn: (r) => ({station: r.subject, "
        'name: dict.get(dict: stations, key: r.subject, default: ""), '
        "parameter: dict.get(dict: names, key: r.parameter, default: r.parameter), "
        'value: r.value, unit: dict.get(dict: units, key: r.parameter, default: ""), '
        "hour: r._time}))",
        '  |> sort(columns: ["station", "parameter"])',
    )


def hours(city: City) -> str:
    """Valid hours of the chosen parameters at the chosen stations."""
    return _of_stations(city, "aggregates_hour", "hour")


def days(city: City, period: str) -> str:
    """Valid days, or parts of days, likewise."""
    return _of_stations(city, "aggregates", period, wording.PERIODS[period])


def validity(city: City) -> str:
    """Whether each hour of each parameter is valid, at the chosen stations."""
    return lines(
        'import "dict"',
        _labels(city),
        'from(bucket: "aggregates_hour")',
        RANGE,
        '  |> filter(fn: (r) => r._measurement == "hour" and r._field == "valid" '
        f'and r.level == "station" and {SUBJECT} and {MEASURED})',
        series(_LABEL),
    )


def sampled(city: City) -> str:
    """Usable readings of one chosen parameter: the last of each moment that the panel can show."""
    usable = " or ".join(f"r._value % 10 == {int(good)}" for good in USABLE)
    chosen = f"{OBSERVED} and {STATION}"
    return lines(
        'import "dict"',
        'import "join"',
        'import "strings"',
        _labels(city),
        'values = from(bucket: "observations")',
        RANGE,
        f"  |> filter(fn: (r) => {chosen} and r._field =~ /^${{parameter:regex}}$/)",
        "  |> map(fn: (r) => ({_start: r._start, _stop: r._stop, _time: r._time, "
        "sensor: r.sensor, parameter: r._field, _value: r._value}))",
        'good = from(bucket: "observations")',
        RANGE,
        f"  |> filter(fn: (r) => {chosen} and r._field =~ /^${{parameter:regex}}_f$/)",
        f"  |> filter(fn: (r) => {usable})",
        "  |> map(fn: (r) => ({_time: r._time, sensor: r.sensor, "
        'parameter: strings.trimSuffix(v: r._field, suffix: "_f")}))',
        "join.inner(left: values |> group(), right: good |> group(), "
        "on: (l, r) => l._time == r._time and l.sensor == r.sensor and l.parameter == r.parameter, "
        "as: (l, r) => l)",
        '  |> group(columns: ["sensor", "parameter", "_start", "_stop"])',
        '  |> sort(columns: ["_time"])',
        "  |> aggregateWindow(every: v.windowPeriod, fn: last, createEmpty: false)",
        series('dict.get(dict: labels, key: r.parameter, default: r.parameter) + " · " + r.sensor'),
    )


def of_channels(condition: str, names: Mapping[str, str]) -> str:
    """Valid hours of stations that a condition chooses. names: of stations."""
    return lines(
        'import "dict"',
        f"names = {dictionary(names)}",
        valid_rows(condition),
        "  |> map(fn: (r) => ({r with _value: r.value}))",
        series("dict.get(dict: names, key: r.subject, default: r.subject)"),
    )


def _of_stations(city: City, bucket: str, period: str, prefix: str = "") -> str:
    return lines(
        'import "dict"',
        _labels(city),
        valid_rows(
            f'r.level == "station" and {SUBJECT} and {PARAMETER}', bucket=bucket, period=period
        ),
        "  |> map(fn: (r) => ({r with _value: r.value}))",
        series(f"{text(prefix)} + {_LABEL}" if prefix else _LABEL),
    )


_LABEL = (
    'dict.get(dict: labels, key: r.parameter, default: r.parameter) + " · " '
    "+ dict.get(dict: stations, key: r.subject, default: r.subject)"
)


def _labels(city: City) -> str:
    """Definitions: parameters by name and unit, stations by name."""
    named = {str(p.key): wording.with_unit(p) for p in city.catalogue}
    return lines(f"labels = {dictionary(named)}", f"stations = {names_of(city.stations)}")


def _sensors_of(station: Station, city: City) -> str:
    return ", ".join(f"{s.id} ({s.cadence_s} s)" for s in city.sensors if s.station == station.id)
