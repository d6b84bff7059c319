"""Flux, the questions that boards ask of InfluxDB. Text in, text out; the layout is the store's.

Names, positions and cadences come from the registry and stand in the query as literals: `text`
makes any of them inert, for Flux and for Grafana, which looks for `$`, `[[` and words like
`x.bucket` anywhere in a query. A figure that claims to be valid uses only values of flag good or
not evaluated, or hours that are valid; sound is averaged as energy, and a wind direction is never
averaged arithmetically.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from dashboards import wording
from schemas import Level, Medium, Parameter, indices
from schemas.flags import USABLE
from schemas.registry import Place, Station

RANGE = "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)"
FRESH = "6h"  # how old the latest valid hour may be and still be shown as the present
RECENT = f"  |> range(start: date.sub(d: {FRESH}, from: v.timeRangeStop), stop: v.timeRangeStop)"
STATION = "r.station =~ /^${station:regex}$/"
DISTRICT = "r.district =~ /^${district:regex}$/"
SUBJECT = "r.subject =~ /^${station:regex}$/"
MEASURED = f"r.parameter !~ /^({'|'.join(indices())})$/"  # no verdict
PARAMETER = "r.parameter =~ /^${parameter:regex}$/"

# How the values of a window become one. A direction is sampled, not averaged: its vector mean
# needs the speed and is made by the hourly aggregates.
_FOLD = {"mean": "mean", "energy": "mean", "vector": "last", "sum": "sum"}
_TO_ENERGY = "  |> map(fn: (r) => ({r with _value: math.pow(x: 10.0, y: r._value / 10.0)}))"
_TO_LEVEL = "  |> map(fn: (r) => ({r with _value: 10.0 * math.log10(x: r._value)}))"

_PLAIN = frozenset(" !#%&'()*+,-/:;<=>?@^_`|~")


def text(value: str) -> str:
    """A Flux string literal; whatever could mean something to Flux or Grafana is escaped."""
    return '"' + "".join(map(_character, value)) + '"'


def _character(one: str) -> str:
    if (
        one in _PLAIN
        or (one.isascii() and one.isalnum())
        or (ord(one) > 0xA0 and one.isprintable())
    ):
        return one
    return "".join(f"\\x{byte:02x}" for byte in one.encode("utf-8", "replace"))


def number(value: float) -> str:
    """A Flux float literal."""
    return f"{value:.6f}"


def dictionary(pairs: Mapping[str, str]) -> str:
    """A Flux dictionary of text to text."""
    return "[" + (", ".join(f"{text(k)}: {text(v)}" for k, v in pairs.items()) or ":") + "]"


def table(rows: Iterable[Mapping[str, str]], blank: Mapping[str, str]) -> str:
    """A Flux table of literals; `blank`, its first row, gives its columns where there is no other.

    The Flux of InfluxDB 2.7.12 loses a row where a column that has borne one and the same text
    turns empty. So the blank row stands first, and an empty text in another becomes a space.
    """
    shown = [{k: '" "' if v == '""' else v for k, v in row.items()} for row in rows]
    records = [
        "{" + ", ".join(f"{k}: {v}" for k, v in row.items()) + "}" for row in (blank, *shown)
    ]
    return "array.from(rows: [\n  " + ",\n  ".join(records) + ",\n])"


def names_of(things: Iterable[Station | Place]) -> str:
    """Names by id; a name that stands twice gets its id, for series of one name would be mixed."""
    named = {thing.id: wording.name(thing) for thing in things}
    often = Counter(named.values())
    return dictionary({k: f"{v} ({k})" if often[v] > 1 else v for k, v in named.items()})


def one_of(keys: Iterable[str], column: str = "parameter") -> str:
    """A condition: the column is one of these catalogue keys or other plain identifiers."""
    return f"r.{column} =~ /^({'|'.join(keys)})$/"


def raw(parameter: Parameter, medium: Medium, stations: Sequence[Station]) -> str:
    """Usable readings of the chosen stations, folded to the panel's resolution."""
    key, flag = f'r["{parameter.key}"]', f'r["{parameter.key}_f"]'
    usable = " or ".join(f"{flag} % 10 == {int(good)}" for good in USABLE)
    energy = parameter.averaging == "energy"
    return lines(
        'import "dict"',
        'import "math"' if energy else "",
        f"names = {names_of(stations)}",
        'from(bucket: "observations")',
        RANGE,
        f'  |> filter(fn: (r) => r._measurement == "{medium}")',
        f'  |> filter(fn: (r) => r._field == "{parameter.key}" or r._field == "{parameter.key}_f")',
        f"  |> filter(fn: (r) => {DISTRICT} and {STATION})",
        '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")',
        f"  |> filter(fn: (r) => exists {key} and ({usable}))",
        f"  |> map(fn: (r) => ({{r with _value: {key}}}))",
        _TO_ENERGY if energy else "",
        f"  |> aggregateWindow(every: v.windowPeriod, fn: {_FOLD[parameter.averaging]}, "
        "createEmpty: false)",
        _TO_LEVEL if energy else "",
        series('dict.get(dict: names, key: r.station, default: r.station) + " · " + r.sensor'),
    )


def hours(parameter: str, names: str, *, levels: Sequence[Level], subject: str = "true") -> str:
    """Valid hours of one parameter by station or area, as they were stored."""
    return aggregates("aggregates_hour", "hour", parameter, names, levels=levels, subject=subject)


def aggregates(
    bucket: str,
    period: str,
    parameter: str,
    names: str,
    *,
    levels: Sequence[Level],
    subject: str = "true",
) -> str:
    """Valid aggregates of one parameter. names: a Flux dictionary of the subjects' names."""
    return lines(
        'import "dict"',
        f"names = {names}",
        valid_rows(
            f'{one_of(levels, "level")} and r.parameter == "{parameter}"'
            + (f" and {subject}" if subject != "true" else ""),
            bucket=bucket,
            period=period,
        ),
        "  |> map(fn: (r) => ({r with _value: r.value}))",
        series(
            text(wording.PERIODS.get(period, ""))
            + " + dict.get(dict: names, key: r.subject, default: r.subject)"
        ),
    )


def valid_rows(
    condition: str,
    *,
    bucket: str = "aggregates_hour",
    period: str = "hour",
    within: str = RANGE,
) -> str:
    """Aggregates and verdicts with a valid value, one row each; column `value`.

    period: one, or several with `|` between them.
    """
    several = one_of(period.split("|"), "_measurement")
    measurement = several if "|" in period else f'r._measurement == "{period}"'
    return lines(
        f'from(bucket: "{bucket}")',
        within,
        f"  |> filter(fn: (r) => {measurement} and {condition})",
        '  |> filter(fn: (r) => r._field == "value" or r._field == "valid")',
        '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")',
        "  |> filter(fn: (r) => r.valid and exists r.value)",
    )


def area_values(
    levels: Sequence[Level], parameters: Sequence[str], names: str, *, subject: str = "true"
) -> str:
    """The present: the latest valid hour of each area, one row an area, one column a parameter."""
    chosen = f" and {subject}" if subject != "true" else ""
    return lines(
        'import "date"',
        'import "dict"',
        f"names = {names}",
        valid_rows(f"{one_of(levels, 'level')} and {one_of(parameters)}{chosen}", within=RECENT),
        '  |> group(columns: ["subject", "parameter"])',
        '  |> last(column: "value")',
        "  |> group()",
        '  |> pivot(rowKey: ["subject"], columnKey: ["parameter"], valueColumn: "value")',
        "  |> map(fn: (r) => ({r with area: dict.get(dict: names, key: r.subject, "
        "default: r.subject)}))",
        '  |> drop(columns: ["subject"])',
        '  |> sort(columns: ["area"])',
    )


def validity(stations: Sequence[Station]) -> str:
    """Whether the chosen parameter's hours are valid, by station; invalid ones are shown too."""
    return lines(
        'import "dict"',
        f"names = {names_of(stations)}",
        _hours_of("valid", f'r.level == "station" and {PARAMETER} and {SUBJECT}'),
        series("dict.get(dict: names, key: r.subject, default: r.subject)"),
    )


def invalid_hours(stations: Sequence[Station], condition: str) -> str:
    """How many hours of each channel are invalid and why, most first."""
    return lines(
        'import "dict"',
        f"names = {names_of(stations)}",
        'from(bucket: "aggregates_hour")',
        RANGE,
        '  |> filter(fn: (r) => r._measurement == "hour" and r.level == "station")',
        f"  |> filter(fn: (r) => {condition})",
        '  |> filter(fn: (r) => r._field == "valid" or r._field == "reason")',
        '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")',
        "  |> filter(fn: (r) => not r.valid)",
        '  |> group(columns: ["subject", "parameter", "reason"])',
        "  |> reduce(identity: {hours: 0, last: time(v: 0)}, fn: (r, accumulator) => ({",
        "    hours: accumulator.hours + 1,",
        "    last: if r._time > accumulator.last then r._time else accumulator.last,",
        "  }))",
        "  |> group()",
        "  |> map(fn: (r) => ({r with station: r.subject, name: "
        'dict.get(dict: names, key: r.subject, default: "")}))',
        '  |> drop(columns: ["subject"])',
        '  |> sort(columns: ["hours"], desc: true)',
        "  |> limit(n: 200)",
    )


def series(label: str, *, sort: bool = False) -> str:
    """One series a label, as Grafana draws them; to be sorted where tables were merged."""
    return lines(
        f"  |> map(fn: (r) => ({{_time: r._time, _value: r._value, series: {label}}}))",
        '  |> group(columns: ["series"])',
        '  |> sort(columns: ["_time"])' if sort else "",
    )


def lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def tag_values(tag: str, condition: str, names: str) -> str:
    """Values of a tag seen in 30 days, each as `value name`, for a variable."""
    return lines(
        'import "dict"',
        'import "influxdata/influxdb/schema"',
        f"names = {names}",
        f'schema.tagValues(bucket: "observations", tag: "{tag}", start: -30d, '
        f"predicate: (r) => {condition})",
        '  |> map(fn: (r) => ({_value: r._value + " " + '
        "dict.get(dict: names, key: r._value, default: r._value)}))",
    )


def invalid_count(level: Level) -> str:
    """How many hours of a level's subjects had too little data."""
    return lines(
        _hours_of("valid", f'r.level == "{level}"'),
        "  |> filter(fn: (r) => not r._value)",
        "  |> group()",
        "  |> count()",
    )


def completeness(by: str, names: str, level: Level | None = None) -> str:
    """Mean completeness of the hours, by level or by parameter. names: of levels or parameters."""
    return lines(
        'import "dict"',
        f"names = {names}",
        _hours_of("completeness", f'r.level == "{level}"' if level else "true"),
        _hourly_mean(by),
    )


def valid_share() -> str:
    """Share of valid hours, by level."""
    return lines(
        'import "dict"',
        f"names = {dictionary(wording.LEVELS)}",
        _hours_of("valid", "true"),
        "  |> map(fn: (r) => ({r with _value: if r._value then 1.0 else 0.0}))",
        _hourly_mean("level"),
    )


def _hours_of(field: str, condition: str) -> str:
    also = MEASURED if condition == "true" else f"{MEASURED} and {condition}"
    return lines(
        'from(bucket: "aggregates_hour")',
        RANGE,
        f'  |> filter(fn: (r) => r._measurement == "hour" and r._field == "{field}" and {also})',
    )


def _hourly_mean(by: str) -> str:
    return lines(
        f'  |> group(columns: ["{by}"])',
        '  |> aggregateWindow(every: 1h, fn: mean, createEmpty: false, timeSrc: "_start")',
        series(f"dict.get(dict: names, key: r.{by}, default: r.{by})", sort=True),
    )
