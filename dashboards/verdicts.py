"""Flux about verdicts: indices of days, whose rows stand beside the daily aggregates.

A table of days speaks of one day, the last whole one, as the console does: a day is settled half an
hour after its end, a night half an hour after 06:00.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from dashboards.queries import dictionary, lines, one_of, series, valid_rows
from schemas import CITY_TIME, Level

# How far the city's clock is ahead of UTC, s; it knows no summer time.
_AHEAD = int((datetime(2026, 1, 1, tzinfo=CITY_TIME).utcoffset() or timedelta()).total_seconds())
_SETTLED_S = 1800
_NIGHT_S = 6 * 3600
DAY = ("day",)
SOUND = ("daytime", "night")


def of_day(levels: Sequence[Level], indices: Sequence[str], names: str) -> str:
    """The last whole day: one row an area or station, one column an index, and its `day`."""
    return lines(
        _HEAD,
        f"names = {names}",
        _day(f"{one_of(levels, 'level')} and {one_of(indices)}", DAY),
        "  |> map(fn: (r) => ({subject: r.subject, column: r.parameter, amount: r.value}))",
        _by_subject("column"),
        _named("area"),
        '  |> sort(columns: ["area"])',
    )


def of_zones(indices: Sequence[str], names: str) -> str:
    """The city's attainment on the last whole day: a row a zone, a column a part of the day."""
    return lines(
        _HEAD,
        f"names = {names}",
        _day(f'r.level == "city" and {one_of(indices)}', SOUND),
        "  |> map(fn: (r) => ({subject: r.parameter, column: r._measurement, amount: r.value}))",
        _by_subject("column"),
        _named("zone"),
        '  |> sort(columns: ["zone"])',
    )


def league(level: Level, indices: Sequence[str], names: str) -> str:
    """Places by the AQI of the last whole day, the best first; those without a valid one last."""
    at = f'r.level == "{level}"'
    return lines(
        _HEAD,
        'import "array"',
        f"names = {names}",
        "air =",
        _day(f"{at} and {one_of(indices)}", DAY),
        "  |> map(fn: (r) => ({subject: r.subject, column: r.parameter, amount: r.value}))",
        "sound =",
        _day(f'{at} and r.parameter == "noise_attained"', SOUND),
        "  |> map(fn: (r) => ({subject: r.subject, column: r._measurement, amount: r.value}))",
        "union(tables: [air, sound])",
        _by_subject("column"),
        _named("area"),
        "  |> map(fn: (r) => ({r with order: if exists r.aqi then r.aqi else 1000.0}))",
        '  |> sort(columns: ["order", "area"])',
        '  |> drop(columns: ["order"])',
    )


def count_of(index: str, levels: Sequence[Level]) -> str:
    """How many have each class on the last whole day; column `class`."""
    return lines(
        _HEAD,
        _day(f'{one_of(levels, "level")} and r.parameter == "{index}"', DAY),
        '  |> rename(columns: {value: "class"})',
        '  |> group(columns: ["class"])',
        '  |> count(column: "subject")',
        "  |> group()",
        '  |> rename(columns: {subject: "sections"})',
        '  |> sort(columns: ["class"])',
    )


def along(index: str, basins: dict[str, str], names: str, km: dict[str, float]) -> str:
    """Sections of the chosen basins on the last whole day, the headwater first.

    basins: by station. km: from the source, of those for which it is known.
    """
    known = ", ".join(f'"{station}": {value:.1f}' for station, value in km.items()) or ":"
    return lines(
        _HEAD,
        f"names = {names}",
        f"basins = {dictionary(basins)}",
        f"kms = [{known}]",
        _day(f'r.level == "station" and r.parameter == "{index}"', DAY),
        f"  |> filter(fn: (r) => {in_basin('r.subject')})",
        "  |> group()",
        "  |> map(fn: (r) => ({station: r.subject, "
        "name: dict.get(dict: names, key: r.subject, default: r.subject), "
        "km: dict.get(dict: kms, key: r.subject, default: -1.0), class: r.value}))",
        '  |> sort(columns: ["km", "name"])',
    )


def days_in_basin(index: str, basins: dict[str, str], names: str) -> str:
    """The verdicts of the sections in the chosen basins, day by day."""
    return lines(
        'import "dict"',
        f"names = {names}",
        f"basins = {dictionary(basins)}",
        valid_rows(
            f'r.level == "station" and r.parameter == "{index}"', bucket="aggregates", period="day"
        ),
        f"  |> filter(fn: (r) => {in_basin('r.subject')})",
        "  |> map(fn: (r) => ({r with _value: r.value}))",
        series("dict.get(dict: names, key: r.subject, default: r.subject)"),
    )


def in_basin(station: str) -> str:
    """A condition: the station lies in a chosen basin; `basins` must be defined."""
    return f'dict.get(dict: basins, key: {station}, default: "") =~ /^${{basin:regex}}$/'


_HEAD = lines('import "date"', 'import "dict"')


def _day(condition: str, periods: Sequence[str]) -> str:
    """Valid rows of the last whole city day, or of its parts when the night too is over."""
    lag = _SETTLED_S + (_NIGHT_S if len(periods) > 1 else 0)
    midnight = (
        f"date.sub(d: {_AHEAD}s, from: date.truncate(t: date.add(d: {_AHEAD - lag}s, "
        "to: v.timeRangeStop), unit: 1d))"
    )
    within = f"  |> range(start: date.sub(d: 1d, from: {midnight}), stop: {midnight})"
    return valid_rows(condition, bucket="aggregates", period="|".join(periods), within=within)


def _by_subject(column: str) -> str:
    return lines(
        "  |> group()",
        f'  |> pivot(rowKey: ["subject"], columnKey: ["{column}"], valueColumn: "amount")',
    )


def _named(column: str) -> str:
    return lines(
        f"  |> map(fn: (r) => ({{r with {column}: dict.get(dict: names, key: r.subject, "
        "default: r.subject)}))",
        '  |> drop(columns: ["subject"])',
    )
