"""What each page shows: from read models to what the templates paint. No HTML here, no HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from alerts import open_alerts, rules_ever, rules_in_force
from alerts.limits import Limits
from alerts.rulebook import holds_for
from drawing.charts import Chart, chart
from drawing.city_map import project, spread
from drawing.columns import Amount, Columns, columns
from network.views import CityBoard, FacilityRecord, LimitSpan, StationState, StationView
from registry import Registry
from registry.permits import permits
from schemas import Medium, catalogue
from schemas.alerts import Alert, Kind, Rule
from schemas.flags import USABLE
from schemas.registry import Place, Sensor, Station

SHOWN_ALERTS = 12


@dataclass(frozen=True, slots=True)
class Marker:
    """A station on the map."""

    state: StationState
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert with the names that people know."""

    alert: Alert
    rule: Rule | None
    station: Station | None
    district: Place

    @property
    def place(self) -> Station | Place:
        """Where it is: the station, or the district of a rule that counts stations."""
        return self.station or self.district


@dataclass(frozen=True, slots=True)
class ParameterChart:
    """A chart of one channel. limits: of standards, without those that differ only in time."""

    parameter: str
    sensor: str
    chart: Chart
    limits: tuple[LimitSpan, ...]


def markers(board: CityBoard, medium: Medium | None) -> list[Marker]:
    """Stations on the map, of one medium or all, none on top of another."""
    shown = [s for s in board.stations if medium in (None, s.station.medium)]
    places = spread([project(s.station.lon, s.station.lat) for s in shown])
    return [Marker(state, x, y) for state, (x, y) in zip(shown, places, strict=True)]


def alert_lines(found: list[Alert], registry: Registry) -> list[AlertLine]:
    """Alerts with rule, station and district."""
    rules = rules_ever(registry)
    stations = {str(key): station for key, station in registry.stations().items()}
    places = registry.places()
    return [
        AlertLine(a, rules.get(a.rule), stations.get(a.station or ""), places[a.district])
        for a in found
    ]


def open_alert_lines(registry: Registry) -> list[AlertLine]:
    return alert_lines(open_alerts(registry), registry)


def station_charts(view: StationView, registry: Registry, now: datetime) -> list[ParameterChart]:
    """One chart for each channel of the station, in the sensors' order."""
    charts = []
    for sensor in view.sensors:
        own = view.observations.filter(pl.col("sensor") == sensor.id)
        for key in sensor.parameters:
            rows = own.filter(pl.col("parameter") == key)
            if rows.is_empty():
                continue
            limits = view.limits.get(key, ())
            if limits:
                lines = [(span.start, span.end, float(span.value)) for span in limits]
            else:
                rule = limit_now(view.state.station, key, registry, now)
                lines = [] if rule is None else [(view.window.start, view.window.end, rule)]
            drawn = _chart(view, sensor, key, rows, lines)
            charts.append(ParameterChart(key, sensor.id, drawn, _told(limits)))
    return charts


def facility_columns(record: FacilityRecord) -> Columns:
    """The hours above the limit of each day on record; a day without enough data has none."""
    days = list(reversed(record.days))
    amounts = [
        Amount(
            None if d.gap else d.over_day + d.over_night, f"{d.day}: {d.over_day + d.over_night} h"
        )
        for d in days
    ]
    months = {at: f"{day.day:%Y-%m}" for at, day in enumerate(days) if day.day.day == 1}
    return columns(amounts, marks=months)


def _told(limits: Sequence[LimitSpan]) -> tuple[LimitSpan, ...]:
    kinds = {(span.edition, span.basis, span.of, span.value): span for span in limits}
    return tuple(kinds.values())


def _chart(
    view: StationView,
    sensor: Sensor,
    key: str,
    rows: pl.DataFrame,
    limits: Sequence[tuple[datetime, datetime, float]],
) -> Chart:
    usable = (pl.col("quality") % 10).is_in([int(flag) for flag in USABLE])
    good = rows.filter(usable).select("ts", "value").rows()
    bad = rows.filter(~usable, pl.col("value").is_not_null()).select("ts", "value").rows()
    means = view.hours.filter(pl.col("parameter") == key).sort("start")
    # A wild value would flatten everything else: what is off the scale is left to the table.
    low, high = catalogue()[key].range
    return chart(
        view.window,
        good,
        [(t, v) for t, v in bad if low <= v <= high],
        means.select("start", "value").rows(),
        gap=timedelta(seconds=max(3 * sensor.cadence_s, 600)),
        limits=limits,
    )


def limit_now(station: Station, key: str, registry: Registry, now: datetime) -> float | None:
    """The limit that a rule sets for this station's parameter at this time of day."""
    limits = Limits(permits(registry))
    for rule in rules_in_force(registry):
        if rule.parameter == key and rule.kind is Kind.EXCEEDANCE and holds_for(rule, station):
            limit = limits.at(rule, station, now)
            if limit is not None:
                return float(limit.value)
    return None


@dataclass(frozen=True, slots=True)
class SensorLine:
    sensor: Sensor
    station: Station
    last: datetime | None


def sensor_lines(
    registry: Registry,
    latest: pl.DataFrame,
    *,
    medium: str = "",
    district: str = "",
    state: str = "",
    text: str = "",
) -> list[SensorLine]:
    """Sensors that match all the given filters; empty = any."""
    stations = registry.stations()
    last: dict[str, Any] = dict(
        latest.group_by("sensor").agg(pl.col("ts").max()).select("sensor", "ts").rows()
    )
    wanted = text.strip().lower()
    found = []
    for sensor in registry.sensors().values():
        station = stations[sensor.station]
        everything = " ".join((sensor.id, sensor.serial, sensor.model, station.zh, station.en))
        if (
            medium in ("", sensor.medium)
            and district in ("", station.district)
            and state in ("", sensor.state)
            and wanted in everything.lower()
        ):
            found.append(SensorLine(sensor, station, last.get(sensor.id)))
    return found
