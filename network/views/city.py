"""The whole city on one board: stations, key figures, alerts, and the account of messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from alerts import ChannelHealth, channel_healths, open_alerts
from network.views.air import AirView, air_view
from network.views.noise import NoiseView, noise_view
from network.views.soil import SoilView, soil_view
from network.views.states import StationState, current_values, exceeding, station_state
from network.views.water import WaterView, water_view
from registry import Registry
from schemas import Interval, Level, Medium, Period, catalogue
from schemas.alerts import Alert
from storage import Store

ACCOUNT_HOURS = 24 * 35


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
    air: AirView
    noise: NoiseView
    water: WaterView
    soil: SoilView
    channels_down: tuple[ChannelHealth, ...]


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


def city_board(
    *, store: Store, registry: Registry, now: datetime, soil: SoilView | None = None
) -> CityBoard:
    """The whole city now. soil: where it is known already, for samples come once in a while."""
    every = registry.sensors().values()
    sensors = [s for s in every if s.state != "retired"]
    equipped = {s.station for s in every}  # where only samples are taken, nothing falls silent
    stations = registry.stations()
    current = current_values(store.latest(), {sensor.id: sensor for sensor in sensors}, now)
    alerts = open_alerts(registry)
    alarmed = exceeding(alerts)
    states = tuple(
        station_state(station, sensors, current, station.id in alarmed, now)
        for station in stations.values()
        if station.id in equipped
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
        air=air_view(Level.CITY, "city", store=store, now=now),
        noise=noise_view(stations.values(), store=store, now=now),
        water=water_view(store=store, registry=registry, now=now),
        soil=soil or soil_view(registry=registry, now=now),
        channels_down=tuple(h for h in channel_healths(registry).values() if h.down),
    )


def account_totals(store: Store, now: datetime) -> AccountTotals:
    """The account of all sensors over the last five weeks."""
    account = store.account_sums(
        Interval(now - timedelta(hours=ACCOUNT_HOURS), now + timedelta(hours=1))
    )
    sums = {name: int(account[name].sum()) for name in account.columns[1:]}
    return AccountTotals(**sums)


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
