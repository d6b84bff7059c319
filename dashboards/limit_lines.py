"""Limit lines: what standards and permits allow at the chosen stations, from edition to edition.

Which limit holds is asked of `standards.station_limits` when the boards are made; which of them to
draw is asked of the board's station variable. Where the chosen stations have too many different
limits to be told apart, none is drawn: choose fewer stations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from dashboards.city import City
from dashboards.queries import PARAMETER, lines, number, table, text
from dashboards.wording import both
from schemas import CITY_TIME, Parameter
from schemas.registry import Station
from standards import UnknownEdition, editions
from standards.legal_limits import Mean, area_of, families
from standards.station_limits import MEANS, Held, limits_at

MOST = 6  # lines that can still be told apart
FOREVER = datetime(2200, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
HOURS = {"day": time(12), "night": time(0)}
_PARTS = {"day": ("昼", "day"), "night": ("夜", "night")}


@dataclass(frozen=True, slots=True)
class Line:
    """A limit from a moment to a moment. label: what is limited, in both languages."""

    label: str
    value: float
    since: datetime
    until: datetime


def limit_lines(
    parameter: Parameter,
    stations: Sequence[Station],
    city: City,
    *,
    means: tuple[Mean, ...] = MEANS,
) -> str | None:
    """The lines of the chosen of these stations, as a query; None where nothing limits it."""
    of: dict[tuple[str, Line], list[str]] = {}
    for station in stations:
        if parameter.key in city.measures.get(station.id, ()):
            held = lines_of(station, parameter.key, means) + permitted(station, parameter, city)
            for line in held:
                of.setdefault((parameter.key, line), []).append(station.id)
    return _drawn(of) if of else None


def limits_of_stations(city: City) -> str:
    """The lines of the chosen stations and parameters, of all that are measured in the city."""
    of: dict[tuple[str, Line], list[str]] = {}
    for station in city.stations:
        for key in sorted(city.measures.get(station.id, ())):
            parameter = city.catalogue[key]
            for line in lines_of(station, key) + permitted(station, parameter, city):
                of.setdefault((key, line), []).append(station.id)
    return _drawn(of, f" and {PARAMETER}")


def permitted(station: Station, parameter: Parameter, city: City) -> tuple[Line, ...]:
    """What a permit allows at a station."""
    label = both(f"许可限值 {station.zh}", f"permit limit, {station.en}")
    return tuple(
        Line(label, one.value, one.since or LONG_AGO, one.until or FOREVER)
        for one in city.permits
        if (one.station, one.parameter) == (station.id, parameter.key)
    )


def _drawn(of: Mapping[tuple[str, Line], Sequence[str]], chosen: str = "") -> str:
    blank = _row("", "", Line("", 0.0, FOREVER, FOREVER))
    held = [_row(" ".join(names), key, line) for (key, line), names in of.items()]
    return lines(
        'import "array"',
        f"held = {table(held, blank)}",
        f"  |> filter(fn: (r) => r.stations =~ /(^| )${{station:regex}}( |$)/{chosen} "
        "and r.since < v.timeRangeStop and r.until > v.timeRangeStart)",
        f'several = length(arr: held |> findColumn(fn: (key) => true, column: "label")) > {MOST}',
        "begun = held |> map(fn: (r) => ({_value: r.limit, series: r.label, "
        "_time: if r.since > v.timeRangeStart then r.since else v.timeRangeStart}))",
        "ended = held |> map(fn: (r) => ({_value: r.limit, series: r.label, "
        "_time: if r.until < v.timeRangeStop then r.until else v.timeRangeStop}))",
        "union(tables: [begun, ended])",
        "  |> filter(fn: (r) => not several)",
        '  |> group(columns: ["series"])',
        '  |> sort(columns: ["_time"])',
    )


@cache
def lines_of(station: Station, parameter: str, means: tuple[Mean, ...] = MEANS) -> tuple[Line, ...]:
    """The limits of one station by day and by night, joined where an edition changed nothing.

    Kept, for several boards draw the same.
    """
    found: list[Line] = []
    turns = turning_days()
    for begin, end in zip(turns, [*turns[1:], None], strict=True):
        until = FOREVER if end is None else _at(end)
        for label, value in _on(station, parameter, begin, means):
            same = (label, value, _at(begin))
            before = [line for line in found if (line.label, line.value, line.until) == same]
            found = [line for line in found if line not in before]
            since = before[0].since if before else _at(begin)
            found.append(Line(label, value, since, until))
    return tuple(found)


def turning_days() -> list[date]:
    """The days on which a limit may change: an edition begins, or a phase of one."""
    days = set()
    for one in editions().values():
        if one.family in families():
            days.add(one.effective_from)
            days |= {phase["from"] for phase in one.tables.get("phases", ())}
    return sorted(day for day in days if day is not None)


def _on(
    station: Station, parameter: str, day: date, means: Sequence[Mean]
) -> Iterator[tuple[str, float]]:
    by_part = {}
    for part, hour in HOURS.items():
        try:
            moment = datetime.combine(day, hour, CITY_TIME)
            by_part[part] = limits_at(station, parameter, moment, means=means)
        except UnknownEdition:
            return
    alike = by_part["day"] == by_part["night"]
    for part in ["day"] if alike else list(by_part):
        for held in by_part[part]:
            yield _label(station, held, "" if alike else part), float(held.value)


def _label(station: Station, held: Held, part: str) -> str:
    mean, area = held.of.partition("_")[0], area_of(station)
    zh, en = {
        "zone": (f"{held.of} 类区", f"zone {held.of}"),
        "site": ("施工场界", "site boundary"),
        "class": (f"{held.of} 类水", f"class {held.of}"),
        "mean": (f"{mean} 平均 {area} 类区", f"{mean} mean, area {area}"),
    }[held.basis]
    what = ("下限", "least") if held.lower else ("限值", "limit")
    of_part = _PARTS.get(part, ("", ""))
    return both(*(" ".join(filter(None, it)) for it in zip(what, (zh, en), of_part, strict=True)))


def _row(stations: str, parameter: str, line: Line) -> dict[str, str]:
    return {
        "stations": text(stations),
        "parameter": text(parameter),
        "label": text(line.label),
        "limit": number(line.value),
        "since": _time(line.since),
        "until": _time(line.until - timedelta(seconds=1)),  # where the next may begin
    }


def _at(day: date) -> datetime:
    return datetime.combine(day, time(), CITY_TIME).astimezone(UTC)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
