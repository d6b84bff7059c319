"""Flux about the sensors themselves: who has been heard, who is silent, what was flagged."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import wording
from dashboards.city import City
from dashboards.places import place_columns
from dashboards.queries import DISTRICT, RANGE, STATION, dictionary, series, table, text
from schemas import Medium
from schemas.flags import USABLE
from schemas.registry import Sensor

STALE_CADENCES = 3  # silent for so many cadences is late; the console says the same

_USABLE = " or ".join(f"r._value % 10 == {int(flag)}" for flag in USABLE)
_MEDIA = f"names = {dictionary(wording.MEDIA)}"
_MEDIUM = "dict.get(dict: names, key: r._measurement, default: r._measurement)"
# Not the earlier versions of corrected readings, which stand beside the media.
OBSERVED = f"r._measurement =~ /^({'|'.join(Medium)})$/"
# `channels` is the one field that every reading has, even one whose values are all missing.
_READINGS = "\n".join(
    [
        'from(bucket: "observations")',
        RANGE,
        f'  |> filter(fn: (r) => {OBSERVED} and r._field == "channels")',
    ]
)
_HEARD = f"{_READINGS}\n  |> last()"
CHOSEN = f"{DISTRICT} and {STATION}"


def expected(city: City) -> list[Sensor]:
    """The sensors that should be speaking."""
    return [sensor for sensor in city.sensors if sensor.state == "active"]


def reporting(city: City) -> str:
    """Chosen stations that were heard, with position; `late`: silence of the best, in cadences."""
    definitions, columns = place_columns(city.stations)
    cadences = ", ".join(f"{text(s.id)}: {s.cadence_s}" for s in expected(city)) or ":"
    return "\n".join(
        [
            'import "dict"',
            definitions,
            f"cadences = [{cadences}]",
            f"{_READINGS}\n  |> filter(fn: (r) => {CHOSEN})\n  |> last()",
            "  |> map(fn: (r) => ({station: r.station, medium: r._measurement, last: r._time, "
            "every: dict.get(dict: cadences, key: r.sensor, default: 0)}))",
            "  |> filter(fn: (r) => r.every > 0)",
            "  |> map(fn: (r) => ({r with late: float(v: int(v: v.timeRangeStop) - "
            "int(v: r.last)) / 1000000000.0 / float(v: r.every)}))",
            '  |> group(columns: ["station"])',
            '  |> min(column: "late")',
            "  |> group()",
            f"  |> map(fn: (r) => ({{r with {columns}}}))",
            '  |> filter(fn: (r) => r.name != "")',
            '  |> drop(columns: ["every"])',
        ]
    )


def silent(city: City, *, chosen: str = DISTRICT) -> str:
    """Sensors silent for more than three cadences, also those not heard at all; longest first.

    chosen: a condition on `district` and `station`.
    """
    names = {station.id: wording.name(station) for station in city.stations}
    districts = {station.id: station.district for station in city.stations}
    rows = [
        {
            "sensor": text(sensor.id),
            "station": text(sensor.station),
            "district": text(districts.get(sensor.station, "")),
            "name": text(names.get(sensor.station, "")),
            "every": str(sensor.cadence_s),
            "seen": "0",
        }
        for sensor in expected(city)
    ]
    empty = dict.fromkeys(("sensor", "station", "district", "name"), '""')
    blank = {**empty, "every": "0", "seen": "0"}
    return "\n".join(
        [
            'import "array"',
            f"known = {table(rows, blank)}",
            f"heard = {_HEARD}",
            '  |> map(fn: (r) => ({sensor: r.sensor, station: "", district: "", name: "", '
            "every: 0, seen: int(v: r._time)}))",
            "union(tables: [known, heard])",
            '  |> group(columns: ["sensor"])',
            '  |> reduce(identity: {station: "", district: "", name: "", every: 0, seen: 0}, '
            "fn: (r, accumulator) => ({",
            "    station: if r.every > 0 then r.station else accumulator.station,",
            "    district: if r.every > 0 then r.district else accumulator.district,",
            "    name: if r.every > 0 then r.name else accumulator.name,",
            "    every: if r.every > 0 then r.every else accumulator.every,",
            "    seen: if r.seen > accumulator.seen then r.seen else accumulator.seen,",
            "  }))",
            "  |> group()",
            f"  |> filter(fn: (r) => r.every > 0 and {chosen})",
            "  |> map(fn: (r) => ({sensor: r.sensor, station: r.station, name: r.name, "
            "every: r.every, silent: (int(v: v.timeRangeStop) - r.seen) / 1000000000}))",
            f"  |> filter(fn: (r) => r.silent > {STALE_CADENCES} * r.every)",
            '  |> sort(columns: ["silent"], desc: true)',
        ]
    )


def silent_count(city: City, *, chosen: str = DISTRICT) -> str:
    counted = '  |> keep(columns: ["silent"])\n  |> count(column: "silent")'
    return f"{silent(city, chosen=chosen)}\n{counted}"


def flagged(medium: Medium | None, parameters: Sequence[str]) -> str:
    """Readings that no figure uses, counted by channel and cause, most first. None: any medium."""
    fields = "|".join(parameters)
    measured = f'r._measurement == "{medium}"' if medium else OBSERVED
    return "\n".join(
        [
            'import "strings"',
            'from(bucket: "observations")',
            RANGE,
            f"  |> filter(fn: (r) => {measured})",
            f"  |> filter(fn: (r) => r._field =~ /^({fields})_f$/ and {DISTRICT} and {STATION})",
            f"  |> filter(fn: (r) => not ({_USABLE}))",
            "  |> map(fn: (r) => ({_time: r._time, station: r.station, sensor: r.sensor, "
            'parameter: strings.trimSuffix(v: r._field, suffix: "_f"), '
            "flag: r._value % 10, cause: r._value / 10}))",
            '  |> group(columns: ["station", "sensor", "parameter", "flag", "cause"])',
            "  |> reduce(identity: {readings: 0, last: time(v: 0)}, fn: (r, accumulator) => ({",
            "    readings: accumulator.readings + 1,",
            "    last: if r._time > accumulator.last then r._time else accumulator.last,",
            "  }))",
            "  |> group()",
            '  |> sort(columns: ["readings"], desc: true)',
            "  |> limit(n: 200)",
        ]
    )


def flagged_share() -> str:
    """Share of values that no figure uses, by medium."""
    return "\n".join(
        [
            'import "dict"',
            _MEDIA,
            'from(bucket: "observations")',
            RANGE,
            f"  |> filter(fn: (r) => {OBSERVED} and r._field =~ /_f$/ and {CHOSEN})",
            f"  |> map(fn: (r) => ({{r with _value: if {_USABLE} then 0.0 else 1.0}}))",
            '  |> group(columns: ["_measurement"])',
            "  |> aggregateWindow(every: v.windowPeriod, fn: mean, createEmpty: false)",
            series(_MEDIUM, sort=True),
        ]
    )


def readings_per_minute() -> str:
    """Readings by medium and time of measurement."""
    window = 'aggregateWindow(every: v.windowPeriod, createEmpty: false, timeSrc: "_start"'
    return "\n".join(
        [
            'import "dict"',
            _MEDIA,
            f"{_READINGS}\n  |> filter(fn: (r) => {CHOSEN})",
            f"  |> {window}, fn: count)",
            '  |> group(columns: ["_measurement"])',
            f"  |> {window}, fn: sum)",
            "  |> map(fn: (r) => ({r with _value: float(v: r._value) * 60000000000.0 / "
            "float(v: int(v: v.windowPeriod))}))",
            series(_MEDIUM, sort=True),
        ]
    )
