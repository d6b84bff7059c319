"""High-noise facilities 高噪声: building sites and enterprises, with the record of their conduct.

The record is facts and no score: hours whose equivalent level lay above the limit of the site's or
enterprise's boundary, and alerts. An hour is not the measuring time of those standards, so it is an
indication of where to look and no verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl

from alerts import alerts as all_alerts
from network.assessments import city_date
from registry import Registry
from schemas import CITY_TIME, Interval, Level, Medium, Period
from schemas.registry import Station
from standards import edition, noise
from standards.rounding import exact
from storage import Store

RECORD_DAYS = 30
ALERT_DAYS = 365
_ALERTS_READ = 10_000


@dataclass(frozen=True, slots=True)
class HoursOver:
    """Of the valid hours of one part of the day: those above the limit. worst: excess, dB(A)."""

    part: noise.Part
    hours: int
    over: int
    worst: Decimal


@dataclass(frozen=True, slots=True)
class Facility:
    """alerts: of the last year by severity; open_alerts: of those, not yet closed."""

    station: Station
    edition: str
    day: HoursOver
    night: HoursOver
    alerts: Mapping[str, int]
    open_alerts: int
    last_alert: datetime | None

    @property
    def over(self) -> int:
        return self.day.over + self.night.over


def is_facility(station: Station) -> bool:
    """A building site, or an enterprise's own noise station."""
    return station.medium == Medium.NOISE and (
        station.kind == "construction" or station.enterprise is not None
    )


def facilities(*, store: Store, registry: Registry, now: datetime) -> tuple[Facility, ...]:
    """All of them, those with most hours above the limit first."""
    own = [s for s in registry.stations().values() if is_facility(s)]
    if not own:
        return ()
    rows = store.read_aggregates(
        Interval(now - timedelta(days=RECORD_DAYS), now),
        period=Period.HOUR,
        level=Level.STATION,
        subjects=[s.id for s in own],
        parameters=["laeq"],
    )
    found = [_facility(s, rows.filter(pl.col("subject") == s.id), registry, now) for s in own]
    return tuple(sorted(found, key=lambda f: (-f.over, -sum(f.alerts.values()), f.station.id)))


def _facility(station: Station, rows: pl.DataFrame, registry: Registry, now: datetime) -> Facility:
    since = now - timedelta(days=ALERT_DAYS)
    seen = all_alerts(registry, station=station.id, limit=_ALERTS_READ)
    recent = [alert for alert in seen if alert.started >= since]
    site = station.kind == "construction"
    return Facility(
        station=station,
        edition=edition(_family(site), on=city_date(now)).id,
        day=hours_over(rows, "day", station),
        night=hours_over(rows, "night", station),
        alerts=dict(Counter(str(alert.severity) for alert in recent)),
        open_alerts=sum(alert.state != "closed" for alert in recent),
        last_alert=max((alert.started for alert in recent), default=None),
    )


def hours_over(rows: pl.DataFrame, part: noise.Part, station: Station) -> HoursOver:
    """The hours of a facility, each by the edition of its day. rows: hourly ones of its `laeq`."""
    site = station.kind == "construction"
    zone = noise.SITE if site else station.zone or ""
    judged = over = 0
    worst = Decimal(0)
    for start, value in rows.filter("valid").select("start", "value").iter_rows():
        on = city_date(start)
        quality, standard = edition("noise_quality", on=on), edition(_family(site), on=on)
        if start.astimezone(CITY_TIME).hour not in noise.hours_of(quality, part):
            continue
        if zone not in noise.zones(standard):
            continue
        verdict = noise.judge(standard, part, exact(value), zone)
        judged, over = judged + 1, over + (not verdict.ok)
        worst = max(worst, verdict.excess)
    return HoursOver(part, judged, over, worst)


def _family(site: bool) -> str:
    return "noise_construction" if site else "noise_boundary"
