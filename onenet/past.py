"""A made-up year and more before the demo's history, by the way of every reading.

Change from year to year, months and targets need a past that nobody waits for. Each station gets a
hourly logger that stood there before its present sensors: registered, sending arrays of readings
with their own times, taken in as messages, aggregated and assessed, and retired at the end. The
present sensors are from then on said to be installed when the loggers end.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ingest import Message
from ingest.past import TakenIn, take_in
from network import (
    aggregate_days,
    aggregate_hours,
    aggregate_periods,
    assess_days,
)
from network.periods import city_date, month_of
from registry import Registry
from schemas import (
    CITY_TIME,
    Interval,
    Medium,
    ParameterKey,
    SensorId,
    Topic,
    catalogue,
    to_ms,
)
from schemas.clock import DAY
from schemas.registry import Sensor, Station
from simulators.past import logged
from simulators.weather import Weather
from storage import Store

CADENCE_S = 3600
ARRAY = 240  # readings a message: ten days of a logger
STEP = 28 * DAY
LIVE_DAYS = 30  # what the demo sends itself

# What the loggers kept, by kind of station: that of which months, years and targets are made.
AIR, SOUND = ("pm25", "pm10", "so2", "no2", "co", "o3"), ("laeq",)
KEPT: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("urban", "background"), AIR),
    **dict.fromkeys(("residential", "roadside", "construction"), SOUND),
    "river": ("ph", "do", "codmn", "nh3n", "tp", "tn", "flow"),
    "sea": ("ph", "do"),
}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Past:
    """What was written. rows: of aggregates and verdicts."""

    span: Interval
    loggers: int
    taken: TakenIn
    rows: int


@dataclass(frozen=True, slots=True)
class Logger:
    """sensor: as registered; kind: its emulator; name: whose traits it has."""

    sensor: Sensor
    kind: str
    name: str


def span_of(today: date, until: date) -> Interval:
    """Up to a day's beginning, from the month a year before today's last whole one."""
    last_month = month_of(month_of(today).first - timedelta(days=1)).first
    first = last_month.replace(year=last_month.year - 1)
    start, end = (
        datetime.combine(day, time(), CITY_TIME).astimezone(UTC) for day in (first, until)
    )
    return Interval(start, end)


def write_past(
    span: Interval, *, store: Store, registry: Registry, seed: int = 1, say: Say = lambda _: None
) -> Past:
    """Write the past of a span. Done again over the same span it ends in the same rows.

    Raises ValueError for a registry without sensors that the demo plays, and for a store that keeps
    nothing so old.
    """
    loggers = loggers_of(registry, span)
    if not loggers:
        raise ValueError(
            "no station of the registry has a sensor that the demo plays: seed it first"
        )
    registry.add(sensors=[logger.sensor for logger in loggers])
    weather, taken, rows = Weather(seed), TakenIn(), 0
    for step in _steps(span):
        say(f"{city_date(step.start)} … {city_date(step.end - timedelta(seconds=1))}")
        sent = messages(loggers, step, span.end, weather)
        for some in (itertools.islice(sent, 1), sent):
            taken += take_in(some, store=store, registry=registry, catalogue=catalogue())
            if not (taken.stored or taken.duplicate):  # told by the very first message
                raise ValueError(
                    f"the store keeps nothing as old as {city_date(span.start)}: an InfluxDB keeps "
                    "observations for the 90 days of its bucket `observations`; write the past "
                    "into a store in a file, or make the bucket keep longer"
                )
    say("retire the loggers")
    _hand_over(loggers, registry, span.end)
    hours, days = list(span.hours()), list(span.city_days())
    for what, work in (
        ("hours", lambda: aggregate_hours(hours, store=store, registry=registry)),
        ("days", lambda: aggregate_days(days, store=store, registry=registry)),
        (
            "months and years",
            lambda: aggregate_periods(days, until=span.end, store=store, registry=registry),
        ),
        # Of hours so long ago nobody asks for verdicts: they would take longer than all the rest.
        ("verdicts of days", lambda: assess_days(days, store=store, registry=registry)),
    ):
        say(what)
        rows += work()
    store.settle_hours([p for p in store.pending_hours(span.end) if p.hour.start in span])
    return Past(span, len(loggers), taken, rows)


def loggers_of(registry: Registry, span: Interval) -> list[Logger]:
    """A logger for each station whose sensors an emulator can play."""
    stations, found = registry.stations(), []
    at: dict[str, list[Sensor]] = {}
    for sensor in registry.sensors().values():
        if sensor.source is not None and sensor.state != "retired":
            at.setdefault(sensor.station, []).append(sensor)
    for station_id, sensors in at.items():
        station = stations[sensors[0].station]
        kept = KEPT.get(station.kind, ())
        keys = dict.fromkeys(k for s in sensors for k in s.parameters if k in kept)
        if not keys:
            continue
        played = next((s for s in sensors if s.source and s.source.startswith("emulator:")), None)
        kind = played.source.partition(":")[2] if played and played.source else _kind_of(station)
        sensor = Sensor(
            id=SensorId(f"{station_id.removeprefix('st-')}-log"),
            station=station.id,
            medium=station.medium,
            model="LOG-H1",
            serial=f"LOG-{station_id}",
            parameters=tuple(ParameterKey(key) for key in keys),
            cadence_s=CADENCE_S,
            installed=span.start,
            source=None,
        )
        found.append(Logger(sensor, kind, str((played or sensors[0]).id)))
    return found


def _kind_of(station: Station) -> str:
    """The emulator of a station that only recordings play."""
    if station.medium is Medium.WATER:
        return "sea" if station.realm == "sea" else "river"
    return {Medium.AIR: "air", Medium.NOISE: "noise-residential"}[station.medium]


def messages(
    loggers: Sequence[Logger], span: Interval, joins: datetime, weather: Weather
) -> Iterator[Message]:
    """What the loggers sent in a span, side by side: an array each when its last hour is over."""
    reach = ARRAY * CADENCE_S
    first, end = (int(moment.timestamp()) for moment in (span.start, span.end))
    for start in range(first, end, reach):
        for logger in loggers:
            hours = range(start, min(start + reach, end), CADENCE_S)
            parameters, name = logger.sensor.parameters, logger.name
            readings = [
                {"ts": t * 1000, "values": values}
                for t, values in logged(
                    logger.kind, name, parameters, weather, hours, joins.timestamp()
                )
            ]
            if readings:
                topic = str(Topic(logger.sensor.medium, logger.sensor.id))
                body = json.dumps(readings, separators=(",", ":")).encode()
                yield Message(topic, body, (hours[-1] + CADENCE_S) * 1000)


def _hand_over(loggers: Sequence[Logger], registry: Registry, at: datetime) -> None:
    """The loggers are taken away; all other sensors stand there from then on."""
    own = {logger.sensor.id for logger in loggers}
    later = [
        sensor.model_copy(update={"installed": at})
        for sensor in registry.sensors().values()
        if sensor.id not in own
        and (sensor.installed is None or to_ms(sensor.installed) < to_ms(at))
    ]
    retired = [logger.sensor.model_copy(update={"state": "retired"}) for logger in loggers]
    registry.add(sensors=[*retired, *later])


def _steps(span: Interval) -> Iterator[Interval]:
    start = span.start
    while start < span.end:
        end = min(start + STEP, span.end)
        yield Interval(start, end)
        start = end
