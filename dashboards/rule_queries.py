"""Flux for Grafana's alert rules about the network: is it fed, does it write, do the DAGs keep up.

An alert rule reduces series, so each query gives its numbers at the moment of asking, and always
gives one where silence itself is the news: Grafana forgets a series that is no longer there.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from dashboards import accounts
from dashboards.city import City
from dashboards.queries import lines, text
from dashboards.sensors import expected
from schemas import Medium, Period

SILENT_CADENCES = 3
LEAST_MINUTES = 10
ENDED = "date.sub(d: 2h, from: v.timeRangeStop)"  # hours that began before it ended an hour ago
AT_NOW = "  |> map(fn: (r) => ({r with _time: v.timeRangeStop}))"


def windows(city: City) -> Mapping[str, int]:
    """Minutes within which somebody of each medium must be heard: some of its usual cadences."""
    cadences: dict[str, list[int]] = {}
    for sensor in expected(city):
        cadences.setdefault(sensor.medium, []).append(sensor.cadence_s)
    return {
        medium: max(LEAST_MINUTES, round(SILENT_CADENCES * median(of) / 60))
        for medium, of in sorted(cadences.items())
    } or dict.fromkeys(Medium, LEAST_MINUTES)


def heard(city: City) -> str:
    """Readings of each medium in its window; 0 where nobody is heard."""
    of = windows(city)
    counted = [
        lines(
            '  from(bucket: "observations")',
            f"    |> range(start: date.sub(d: {minutes}m, from: v.timeRangeStop), "
            "stop: v.timeRangeStop)",
            f'    |> filter(fn: (r) => r._measurement == "{medium}" and r._field == "channels")',
            "    |> count()",
            "    |> group()",
            "    |> sum()",
            f'    |> map(fn: (r) => ({{medium: "{medium}", _value: r._value}})),',
        )
        for medium, minutes in of.items()
    ]
    none = ", ".join(f'{{medium: "{medium}", _value: 0}}' for medium in of)
    return lines(
        'import "array"',
        'import "date"',
        f"none = array.from(rows: [{none}])",
        "union(tables: [",
        *counted,
        "  none,",
        "])",
        '  |> group(columns: ["medium"])',
        "  |> sum()",
        AT_NOW,
    )


def difference() -> str:
    """Readings of the hours shown that the account does not find again."""
    return lines(accounts.difference(), AT_NOW)


def refused_share() -> str:
    """Percent of the readings of the hours shown that were refused; no row where none came."""
    return lines(accounts.dead_lettered_share(), AT_NOW)


def cut_off() -> str:
    """Hours of which a write was announced and not ended, in the time shown."""
    return lines(
        _pending('r._field == "intent" or r._field == "version"', "v.timeRangeStop"),
        '  |> map(fn: (r) => ({r with _value: if r._field == "intent" then r._value '
        "else -r._value}))",
        _open_hours(["worker", "_time"]),
    )


def waiting_hours() -> str:
    """Hours that ended an hour ago or longer, changed since, and were not judged again."""
    return lines(
        _pending('r._field == "version" or r._field == "settled"', ENDED),
        '  |> map(fn: (r) => ({r with _value: if r._field == "version" then r._value '
        "else -r._value}))",
        _open_hours(["_time"]),
    )


def minutes_since_the_last_hour() -> str:
    """Minutes since the end of the newest hour that was aggregated."""
    return _since_newest("aggregates_hour", Period.HOUR, 60)


def hours_since_the_last_day() -> str:
    """Hours since the end of the newest day that was aggregated."""
    return lines(
        _since_newest("aggregates", Period.DAY, 24 * 60),
        "  |> map(fn: (r) => ({r with _value: r._value / 60.0}))",
    )


def answers() -> str:
    """Nothing but an answer: whether the store can be asked is what counts."""
    return lines(
        'from(bucket: "accounts")',
        "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)",
        '  |> filter(fn: (r) => r._measurement == "account" and r._field == "received")',
        "  |> group()",
        "  |> count()",
        AT_NOW,
    )


def _pending(fields: str, stop: str) -> str:
    return lines(
        'import "date"',
        'from(bucket: "accounts")',
        f"  |> range(start: v.timeRangeStart, stop: {stop})",
        f'  |> filter(fn: (r) => r._measurement == "pending" and ({fields}))',
    )


def _open_hours(by: list[str]) -> str:
    """How many sums are not zero.

    Counted, for the Flux of InfluxDB 2.7.12 loses every row where a map gives one of two constants.
    """
    columns = ", ".join(text(column) for column in by)
    return lines(
        f"  |> group(columns: [{columns}])",
        "  |> sum()",
        "  |> group()",
        '  |> filter(fn: (r) => r._value != 0, onEmpty: "keep")',
        "  |> count()",
        AT_NOW,
    )


def _since_newest(bucket: str, period: Period, minutes: int) -> str:
    """Minutes since the end of the newest period, which is as many minutes long."""
    age = f"float(v: int(v: v.timeRangeStop) - int(v: r._time)) / 60000000000.0 - {minutes}.0"
    return lines(
        f"from(bucket: {text(bucket)})",
        "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)",
        f'  |> filter(fn: (r) => r._measurement == "{period}" and r._field == "valid" '
        'and r.level == "station")',
        "  |> last()",
        '  |> keep(columns: ["_time"])',
        '  |> max(column: "_time")',
        f"  |> map(fn: (r) => ({{_time: v.timeRangeStop, _value: {age}}}))",
    )
