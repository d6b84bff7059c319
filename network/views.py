"""Read models of the one network: what boards and pages show, ready to be shown.

Nothing is computed here that is not already stored; the views put observations, aggregates, alerts
and the account side by side. Times are UTC; whoever shows them turns them to the city's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from alerts import open_alerts
from registry import Registry
from schemas import Flag, Interval, Level, Medium, Period, catalogue, flag_of
from schemas.alerts import Alert
from schemas.registry import Sensor, Station
from storage import Store

STALE_CADENCES = 3  # silent for so many cadences: stale
SILENT = timedelta(hours=24)
ACCOUNT_HOURS = 24 * 35

# What stands for a station on the map, in order of preference.
HEADLINE = ("laeq", "pm25", "nh3n", "salinity", "do", "water_temperature", "soil_moisture")


@dataclass(frozen=True, slots=True)
class Current:
    """The newest value of one channel, in the parameter's unit."""

    sensor: str
    parameter: str
    value: float | None
    quality: int
    ts: datetime
    fresh: bool


@dataclass(frozen=True, slots=True)
class StationState:
    """A station as the board shows it. state: ok, suspect, alert, stale or silent."""

    station: Station
    state: str
    current: tuple[Current, ...]
    headline: Current | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure of the city: an hourly aggregate, invalid ones shown as such."""

    parameter: str
    value: float | None
    unit: str
    valid: bool
    start: datetime
    level: str
    subject: str


@dataclass(frozen=True, slots=True)
class MediumFigures:
    medium: Medium
    stations: int
    reporting: int
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class AccountTotals:
    """received = stored + duplicate + dead_lettered; `difference` is itself an alarm."""

    received: int
    stored: int
    duplicate: int
    dead_lettered: int

    @property
    def difference(self) -> int:
        return self.received - self.stored - self.duplicate - self.dead_lettered


@dataclass(frozen=True, slots=True)
class CityBoard:
    now: datetime
    stations: tuple[StationState, ...]
    mediums: tuple[MediumFigures, ...]
    alerts: tuple[Alert, ...]
    account: AccountTotals
    sensors_reporting: int
    sensors_expected: int


@dataclass(frozen=True, slots=True)
class StationView:
    """One station over the last hours. observations: `OBSERVATIONS`; hours: `AGGREGATES`."""

    state: StationState
    sensors: tuple[Sensor, ...]
    observations: pl.DataFrame
    hours: pl.DataFrame
    window: Interval


# The city's key figures by medium: (level, subject or None = the city, parameter).
KEY_FIGURES: dict[Medium, tuple[tuple[Level, str, str], ...]] = {
    Medium.AIR: tuple((Level.CITY, "city", key) for key in ("pm25", "pm10", "no2", "o3")),
    Medium.NOISE: ((Level.CITY, "city", "laeq"),),
    Medium.WATER: (
        (Level.BASIN, "shenzhen-river", "nh3n"),
        (Level.BASIN, "maozhou", "nh3n"),
        (Level.BAY, "shenzhen-bay", "salinity"),
        (Level.BAY, "dapeng-bay", "water_temperature"),
    ),
    Medium.SOIL: tuple((Level.CITY, "city", k) for k in ("soil_moisture", "soil_temperature")),
}


def city_board(*, store: Store, registry: Registry, now: datetime) -> CityBoard:
    """The whole city now."""
    sensors = [s for s in registry.sensors().values() if s.state != "retired"]
    stations = registry.stations()
    current = _current(store.latest(), {sensor.id: sensor for sensor in sensors}, now)
    alerts = open_alerts(registry)
    alarmed = {alert.station for alert in alerts}
    states = tuple(
        _station_state(station, sensors, current, station.id in alarmed, now)
        for station in stations.values()
    )
    reporting = {c.sensor for channels in current.values() for c in channels if c.fresh}
    return CityBoard(
        now=now,
        stations=states,
        mediums=tuple(_medium(medium, states, store, now) for medium in Medium),
        alerts=tuple(alerts),
        account=account_totals(store, now),
        sensors_reporting=len(reporting),
        sensors_expected=len(sensors),
    )


def station_view(
    station_id: str, *, store: Store, registry: Registry, now: datetime, hours: int = 24
) -> StationView | None:
    """One station with its last hours; None when there is no such station."""
    station = next((s for s in registry.stations().values() if s.id == station_id), None)
    if station is None:
        return None
    sensors = tuple(s for s in registry.sensors().values() if s.station == station_id)
    names = [sensor.id for sensor in sensors]
    current = _current(store.latest(sensors=names), {s.id: s for s in sensors}, now)
    alarmed = any(alert.station == station_id for alert in open_alerts(registry))
    window = Interval(now - timedelta(hours=hours), now + timedelta(minutes=5))
    return StationView(
        state=_station_state(station, list(sensors), current, alarmed, now),
        sensors=sensors,
        observations=store.read(window, sensors=names),
        hours=store.read_aggregates(
            window, period=Period.HOUR, level=Level.STATION, subjects=[station_id]
        ),
        window=window,
    )


def account_totals(store: Store, now: datetime) -> AccountTotals:
    """The account of all sensors over the last five weeks."""
    account = store.account(
        Interval(now - timedelta(hours=ACCOUNT_HOURS), now + timedelta(hours=1))
    )
    sums = {name: int(account[name].sum()) for name in account.columns[2:]}
    return AccountTotals(**sums)


def _current(
    latest: pl.DataFrame, sensors: dict[str, Sensor], now: datetime
) -> dict[str, list[Current]]:
    """Newest values by sensor, channels in the sensor's own order."""
    found: dict[str, list[Current]] = {}
    for name, ts, parameter, value, quality in latest.iter_rows():
        sensor = sensors.get(name)
        if sensor is None:
            continue
        reach = timedelta(seconds=sensor.cadence_s * STALE_CADENCES)
        found.setdefault(name, []).append(
            Current(name, parameter, value, quality, ts, now - ts <= reach)
        )
    for name, channels in found.items():
        order = {key: index for index, key in enumerate(sensors[name].parameters)}
        channels.sort(key=lambda c: order.get(c.parameter, len(order)))  # type: ignore[call-overload]
    return found


def _station_state(
    station: Station,
    sensors: list[Sensor],
    current: dict[str, list[Current]],
    alarmed: bool,
    now: datetime,
) -> StationState:
    own = [c for s in sensors if s.station == station.id for c in current.get(s.id, [])]
    last = max((c.ts for c in own), default=None)
    headline = next(
        (c for key in HEADLINE for c in own if c.parameter == key and c.value is not None), None
    )
    if last is None or (now - last > SILENT and not any(c.fresh for c in own)):
        state = "silent"
    elif not any(c.fresh for c in own):
        state = "stale"
    elif alarmed:
        state = "alert"
    elif headline is not None and flag_of(headline.quality) in (Flag.SUSPECT, Flag.BAD):
        state = "suspect"
    else:
        state = "ok"
    return StationState(station, state, tuple(own), headline, last)


def _medium(
    medium: Medium, states: tuple[StationState, ...], store: Store, now: datetime
) -> MediumFigures:
    own = [state for state in states if state.station.medium == medium]
    wanted = KEY_FIGURES[medium]
    recent = store.read_aggregates(
        Interval(now - timedelta(hours=3), now),
        period=Period.HOUR,
        subjects=list({subject for _, subject, _ in wanted}),
        parameters=list({key for _, _, key in wanted}),
    )
    figures = []
    for level, subject, key in wanted:
        rows = recent.filter(
            pl.col("level") == str(level), pl.col("subject") == subject, pl.col("parameter") == key
        ).sort("start")
        if rows.height:
            row = rows.row(-1, named=True)
            figures.append(
                Figure(
                    key,
                    row["value"],
                    catalogue()[key].unit,
                    row["valid"],
                    row["start"],
                    str(level),
                    subject,
                )
            )
    reporting = sum(state.state not in ("stale", "silent") for state in own)
    return MediumFigures(medium, len(own), reporting, tuple(figures))
