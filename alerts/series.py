"""What each kind of rule looks at: windows by subject, read from the store for a span of time.

One function a kind, registered in `SERIES`. Each gives, for the subjects asked for, the windows
that the evaluator sees, in order; a subject without data is absent.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from alerts import forecast
from alerts.kinds import measured
from alerts.record import Case
from alerts.windows import Window, shape_of, spreads, windows
from registry.models import AlertRow
from schemas import Interval, Level, Period, catalogue
from schemas.alerts import Kind, Rule
from schemas.clock import HOUR
from schemas.registry import Sensor, Station
from storage import Store

EARTH_KM = 6371.0
Found = Mapping[str, Sequence[Window]]


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a series may look at. span: of the windows' moments; its end is what is over by now.

    alerts: those of any rule that overlap the span.
    """

    store: Store
    sensors: Mapping[str, Sensor]
    stations: Mapping[str, Station]
    alerts: Sequence[AlertRow]
    span: Interval


def series(rule: Rule, cases: Sequence[Case], scene: Scene) -> Found:
    """The windows of a rule's subjects. Raises StoreUnavailable."""
    return SERIES[rule.kind](rule, cases, scene)


def _own_windows(rule: Rule, cases: Sequence[Case], scene: Scene) -> Found:
    make = spreads if rule.kind is Kind.CONSTANCY else windows
    cadences = {case.subject: scene.sensors[case.subject].cadence_s for case in cases}
    before = timedelta(0) if rule.window == "instant" else shape_of(rule.window, 1).length
    if rule.over_min:
        before += timedelta(minutes=rule.over_min)
    seen = scene.store.read(
        Interval(scene.span.start - before, scene.span.end),
        sensors=set(cadences),
        parameters={rule.parameter},
    )
    found = make(seen, rule.window, catalogue()[rule.parameter], cadences, scene.span.end)
    return {
        sensor: [w for w in measured(rule, own) if w.moment >= scene.span.start]
        for sensor, own in found.items()
    }


def _forecasts(rule: Rule, cases: Sequence[Case], scene: Scene) -> Found:
    rows = scene.store.read_aggregates(
        Interval(scene.span.end - forecast.needed(scene.span.length), scene.span.end),
        period=Period.HOUR,
        level=Level.SENSOR,
        subjects={case.subject for case in cases},
        parameters={rule.parameter},
    )
    hours: dict[str, dict[datetime, float]] = defaultdict(dict)
    for subject, start, value in (
        rows.filter("valid").select("subject", "start", "value").iter_rows()
    ):
        hours[subject][start] = value
    model = forecast.coefficients()[rule.parameter]
    found: dict[str, list[Window]] = {}
    for subject, own in hours.items():
        for start in sorted(own):
            if start < scene.span.start or start + HOUR > scene.span.end:
                continue
            values = forecast.ahead(own, start, rule.ahead_h or 1, model)
            if values is not None:
                found.setdefault(subject, []).append(Window(start, start, round(max(values), 3)))
    return found


def _silences(_rule: Rule, cases: Sequence[Case], scene: Scene) -> Found:
    """Minutes since the last reading, at the end of the span, from the moment of that reading."""
    newest = scene.store.latest(sensors={case.subject for case in cases})
    last = newest.group_by("sensor").agg(pl.col("ts").max())
    return {
        sensor: [Window(ts, ts, round((scene.span.end - ts) / timedelta(minutes=1), 1))]
        for sensor, ts in last.iter_rows()
    }


def _disagreements(rule: Rule, cases: Sequence[Case], scene: Scene) -> Found:
    """How far a station's day lies from the mean of the other owner's stations nearby."""
    rows = scene.store.read_aggregates(
        Interval(scene.span.start, scene.span.end),
        period=Period.DAY,
        level=Level.STATION,
        parameters={rule.parameter},
    ).filter("valid")
    days = {(s, start): value for s, start, value in rows["subject", "start", "value"].iter_rows()}
    found: dict[str, list[Window]] = {}
    for case in cases:
        if case.station is None:
            continue
        others = [
            s.id
            for s in scene.stations.values()
            if s.medium == rule.medium
            and (s.enterprise is None) != (case.station.enterprise is None)
            and distance_km(s, case.station) <= (rule.radius_km or 0)
        ]
        for (subject, start), value in sorted(days.items(), key=lambda pair: pair[0][1]):
            near = [days[other, start] for other in others if (other, start) in days]
            if subject == case.station.id and near:
                off = round(abs(value - sum(near) / len(near)), 3)
                found.setdefault(case.subject, []).append(Window(start, start, off))
    return found


def _counts(rule: Rule, cases: Sequence[Case], scene: Scene) -> Found:
    """At how many stations of a district another rule's breach holds, hour by hour."""
    districts = {case.subject for case in cases}
    spans: dict[str, list[AlertRow]] = defaultdict(list)
    for row in scene.alerts:
        if row.rule == rule.of and row.certain is not None and row.district in districts:
            spans[row.district].append(row)
    hours = [hour for hour in scene.span.hours() if hour.end <= scene.span.end]
    return {
        district: [
            Window(hour.start, hour.start, float(len({r.station for r in rows if _in(r, hour)})))
            for hour in hours
        ]
        for district, rows in spans.items()
    }


def _in(row: AlertRow, hour: Interval) -> bool:
    return row.started < hour.end and (row.ended is None or row.ended > hour.start)


SERIES: dict[Kind, Callable[[Rule, Sequence[Case], Scene], Found]] = {
    Kind.EXCEEDANCE: _own_windows,
    Kind.SUDDEN: _own_windows,
    Kind.RISE: _own_windows,
    Kind.CONSTANCY: _own_windows,
    Kind.FORECAST: _forecasts,
    Kind.SILENCE: _silences,
    Kind.DISAGREEMENT: _disagreements,
    Kind.NETWORK: _counts,
}


def distance_km(first: Station, second: Station) -> float:
    """Great-circle distance of two stations."""
    lat1, lat2 = math.radians(first.lat), math.radians(second.lat)
    dlat, dlon = lat2 - lat1, math.radians(second.lon - first.lon)
    half = math.sin(dlat / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(dlon / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))


def network_last(rules: Iterable[Rule]) -> list[Rule]:
    """Rules that count others' breaches after those that they count."""
    return sorted(rules, key=lambda rule: rule.kind is Kind.NETWORK)
