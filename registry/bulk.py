"""Many sensors at once: rows to entries, every row's problems named, nothing half written.

Rows come as texts by column with their number in the file; how a file is read is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.devices import Device, Registered, devices, known_now, register
from registry.entries import COLUMNS, Entry, Known, judge_entry, read_entry
from registry.problems import Problem
from registry.registry import Registry
from schemas import CITY_TIME, SensorId
from schemas.registry import Sensor, Station

MOST_ROWS = 20_000

Row = tuple[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class RowProblem:
    row: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do. entries: of the rows without a grave problem."""

    rows: int
    entries: tuple[Entry, ...]
    problems: tuple[RowProblem, ...]

    @property
    def bad_rows(self) -> tuple[int, ...]:
        """Rows that cannot be registered, in order."""
        return tuple(sorted({line.row for line in self.problems if line.problem.grave}))


def plan(columns: Sequence[str], rows: Iterable[Row], known: Known) -> Plan:
    """Hold every row against what is known, and against the rows before it. Writes nothing.

    A column that is not ours, or more rows than allowed, is a problem of row 1, the head.
    """
    problems = [
        RowProblem(1, Problem("column_unknown", "column", name, {"known": ", ".join(COLUMNS)}))
        for name in columns
        if name and name not in COLUMNS
    ]
    entries: list[Entry] = []
    seen_serials: dict[str, int] = {}
    seen_ids: set[str] = set()
    count = 0
    for number, raw in rows:
        count += 1
        if count > MOST_ROWS:
            break
        entry, found = read_entry(raw, known)
        if entry is not None:
            found = list(judge_entry(entry, known))
            if entry.serial in seen_serials:
                facts = {"row": seen_serials[entry.serial]}
                found.append(Problem("serial_twice", "serial", entry.serial, facts))
            if entry.id and entry.id in seen_ids:
                found.append(Problem("id_taken", "id", entry.id))
            seen_serials.setdefault(entry.serial, number)
            seen_ids.add(entry.id)
            if not any(problem.grave for problem in found):
                entries.append(entry)
        problems += [RowProblem(number, problem) for problem in found]
    if count > MOST_ROWS:
        facts = {"most": MOST_ROWS}
        problems.append(RowProblem(1, Problem("too_many_rows", "file", f"> {MOST_ROWS}", facts)))
    return Plan(count, tuple(entries), tuple(problems))


def plan_import(
    registry: Registry, columns: Sequence[str], rows: Iterable[Row], now: datetime
) -> Plan:
    """The dry run over a registry."""
    return plan(columns, rows, known_now(registry, now))


def carry_out(registry: Registry, made: Plan, *, by: str, at: datetime) -> list[Registered]:
    """Register what a plan without bad rows holds, all or nothing. Raises ValueError, Refused."""
    if made.bad_rows:
        raise ValueError(f"rows {', '.join(map(str, made.bad_rows))} cannot be registered")
    return register(registry, made.entries, by=by, at=at, why=f"import of {made.rows} rows")


def exported(
    registry: Registry, chosen: Iterable[Sensor]
) -> list[tuple[str | int | float | None, ...]]:
    """Sensors as rows of `COLUMNS`: what an import would take again elsewhere."""
    stations, known = registry.stations(), devices(registry)
    return [_row(s, stations[s.station], known.get(SensorId(s.id))) for s in chosen]


def _row(
    sensor: Sensor, station: Station, about: Device | None
) -> tuple[str | int | float | None, ...]:
    installed = sensor.installed.astimezone(CITY_TIME).isoformat() if sensor.installed else None
    return (
        sensor.id,
        sensor.serial,
        sensor.model,
        sensor.station,
        about.lon if about else station.lon,
        about.lat if about else station.lat,
        " ".join(sensor.parameters),
        sensor.cadence_s,
        (about.zone if about else station.zone) or "",
        about.firmware if about else "",
        installed,
        about.note if about else "",
    )
