"""High-noise facilities 高噪声: building sites and enterprises, with the record of their conduct.

The record is facts: hours whose equivalent level lay above the limit of the site's or enterprise's
boundary, alerts, and days without enough data. An hour is not the measuring time of those
standards, so it is an indication of where to look and no verdict. What the record comes to is the
facility's noise credit (`credit`), by a rule of ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl

from alerts import alerts as all_alerts
from network.assessments import city_date
from network.views.credit import Credit, HourOver, Raised, credit, credit_rules
from network.views.days import settled_day
from registry import Registry
from schemas import CITY_TIME, Interval, Level, Medium, Period
from schemas.alerts import Alert
from schemas.registry import Station
from standards import edition, noise
from standards.rounding import exact, revise
from storage import Store

RECORD_DAYS = 30
ALERT_DAYS = 365
LOUDEST = 10
ENFORCEMENT = "enforcement"
_ALERTS_READ = 10_000


@dataclass(frozen=True, slots=True)
class HoursOver:
    """Of the valid hours of one part of the day: those above the limit. worst: excess, dB(A)."""

    part: noise.Part
    hours: int
    over: int
    worst: Decimal


@dataclass(frozen=True, slots=True)
class JudgedHour:
    """A valid hour beside the boundary's limit. excess: dB(A); 0 where it was kept."""

    start: datetime
    part: noise.Part
    level: Decimal
    limit: Decimal
    excess: Decimal


@dataclass(frozen=True, slots=True)
class FacilityDay:
    """One city day. hours: valid ones; gap: fewer than the credit's rule asks for."""

    day: date
    hours: int
    over_day: int
    over_night: int
    worst: Decimal
    gap: bool


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
    credit: Credit

    @property
    def over(self) -> int:
        return self.day.over + self.night.over


def is_facility(station: Station) -> bool:
    """A building site, or an enterprise's own noise station."""
    return station.medium == Medium.NOISE and (
        station.kind == "construction" or station.enterprise is not None
    )


@dataclass(frozen=True, slots=True)
class FacilityRecord:
    """One facility with what its credit is made of. days: since its first, the newest first."""

    facility: Facility
    days: tuple[FacilityDay, ...]
    loudest: tuple[JudgedHour, ...]
    alerts: tuple[Alert, ...]


def facilities(
    *, store: Store, registry: Registry, now: datetime, district: str = ""
) -> tuple[Facility, ...]:
    """All of them, or a district's; those with most hours above the limit first."""
    every = registry.stations().values()
    own = [s for s in every if is_facility(s) and district in ("", s.district)]
    rows = _rows([s.id for s in own], store, now)
    found = [
        _record(s, rows.filter(pl.col("subject") == s.id), registry, now).facility for s in own
    ]
    return tuple(sorted(found, key=lambda f: (-f.over, -sum(f.alerts.values()), f.station.id)))


def facility_record(
    station_id: str, *, store: Store, registry: Registry, now: datetime
) -> FacilityRecord | None:
    """One facility; None when there is no such one."""
    station = next((s for s in registry.stations().values() if s.id == station_id), None)
    if station is None or not is_facility(station):
        return None
    return _record(station, _rows([station.id], store, now), registry, now)


def _rows(names: Sequence[str], store: Store, now: datetime) -> pl.DataFrame:
    """The hours as far back as the credit reaches, at least those of the record."""
    reach = max(RECORD_DAYS, credit_rules().recovery.forgotten_days)
    start = Interval.city_day(now - timedelta(days=reach)).start
    return store.read_aggregates(
        Interval(start, now),
        period=Period.HOUR,
        level=Level.STATION,
        subjects=names,
        parameters=["laeq"],
    )


def _record(
    station: Station, rows: pl.DataFrame, registry: Registry, now: datetime
) -> FacilityRecord:
    seen = all_alerts(registry, station=station.id, limit=_ALERTS_READ)
    recent = [alert for alert in seen if alert.started >= now - timedelta(days=ALERT_DAYS)]
    hours = list(judged_hours(rows, station))
    latest = [hour for hour in hours if hour.start >= now - timedelta(days=RECORD_DAYS)]
    days = _days(rows, hours, now)
    site = station.kind == "construction"
    found = Facility(
        station=station,
        edition=edition(_family(site), on=city_date(now)).id,
        day=_counted(latest, "day"),
        night=_counted(latest, "night"),
        alerts=dict(Counter(str(alert.severity) for alert in recent)),
        open_alerts=sum(alert.state != "closed" for alert in recent),
        last_alert=max((alert.started for alert in recent), default=None),
        credit=credit(
            [HourOver(city_date(h.start), h.part, h.excess) for h in hours if h.excess],
            [Raised(city_date(a.started), str(a.severity)) for a in seen if _counts(a)],
            [day.day for day in days if day.gap],
            on=city_date(now),
            since=min((day.day for day in days), default=None),
            rules=credit_rules(),
        ),
    )
    loudest = sorted((h for h in hours if h.excess), key=lambda h: (-h.excess, h.start))
    return FacilityRecord(found, days, tuple(loudest[:LOUDEST]), tuple(recent))


def _counts(alert: Alert) -> bool:
    """Whether an alert is one of the facility's conduct, and not of its instrument."""
    unfounded = str(alert.outcome) in credit_rules().not_counted
    return alert.route == ENFORCEMENT and not unfounded


def _days(
    rows: pl.DataFrame, hours: Sequence[JudgedHour], now: datetime
) -> tuple[FacilityDay, ...]:
    """Every whole day since the first with a valid hour."""
    valid = Counter(city_date(start) for start in rows.filter("valid")["start"].to_list())
    if not valid:
        return ()
    over: dict[date, list[JudgedHour]] = {}
    for hour in hours:
        if hour.excess:
            over.setdefault(city_date(hour.start), []).append(hour)
    last, needed = city_date(settled_day(now).start), credit_rules().gap.hours
    first = min(valid)
    found = []
    for back in range((last - first).days + 1):
        day = last - timedelta(days=back)
        those = over.get(day, [])
        found.append(
            FacilityDay(
                day=day,
                hours=valid[day],
                over_day=sum(hour.part == "day" for hour in those),
                over_night=sum(hour.part == "night" for hour in those),
                worst=max((hour.excess for hour in those), default=Decimal(0)),
                # The first day is a part of one.
                gap=valid[day] < needed and day > first,
            )
        )
    return tuple(found)


def hours_over(rows: pl.DataFrame, part: noise.Part, station: Station) -> HoursOver:
    """The hours of a facility, each by the edition of its day. rows: hourly ones of its `laeq`."""
    return _counted(judged_hours(rows, station), part)


def _counted(hours: Iterable[JudgedHour], part: noise.Part) -> HoursOver:
    own = [hour.excess for hour in hours if hour.part == part]
    return HoursOver(
        part, len(own), sum(excess > 0 for excess in own), max(own, default=Decimal(0))
    )


def judged_hours(rows: pl.DataFrame, station: Station) -> Iterator[JudgedHour]:
    """The valid hours of a facility that have a limit. rows: hourly ones of its `laeq`."""
    days: dict[date, _DayLimits | None] = {}
    for start, value in rows.filter("valid").select("start", "value").iter_rows():
        local = start.astimezone(CITY_TIME)
        on = local.date()
        if on not in days:
            days[on] = _limits(station, on)
        limits = days[on]
        if limits is not None:
            part: noise.Part = "day" if local.hour in limits.day_hours else "night"
            verdict = noise.Verdict(revise(exact(value), 0), limits.of[part])
            yield JudgedHour(start, part, verdict.level, verdict.limit, verdict.excess)


@dataclass(frozen=True, slots=True)
class _DayLimits:
    day_hours: frozenset[int]
    of: Mapping[noise.Part, Decimal]


def _limits(station: Station, on: date) -> _DayLimits | None:
    """The boundary's limits on a city day; None where the edition knows no such zone."""
    site = station.kind == "construction"
    zone = noise.SITE if site else station.zone or ""
    quality, standard = edition("noise_quality", on=on), edition(_family(site), on=on)
    if zone not in noise.zones(standard):
        return None
    parts: tuple[noise.Part, ...] = ("day", "night")
    return _DayLimits(
        frozenset(noise.hours_of(quality, "day")),
        {part: noise.limit(standard, part, zone) for part in parts},
    )


def _family(site: bool) -> str:
    return "noise_construction" if site else "noise_boundary"
