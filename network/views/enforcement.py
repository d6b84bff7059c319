"""How alerts are dealt with, and who gives rise to them again and again.

Read models for those who answer for the service: counts, how long each step took against what the
route allows, the share of false alarms, and places or enterprises with several alerts. Pure: alerts
and records in, tables out. An alert that corrected data withdrew, that was merged, or that never
became certain counts nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from alerts.escalate import allowed
from schemas.alerts import FINDINGS, Alert, Outcome, Severity
from schemas.registry import Enterprise, Station

Step = Literal["acknowledge", "arrive", "close"]
STEPS: tuple[Step, ...] = ("acknowledge", "arrive", "close")
By = Literal["severity", "state", "district", "rule"]
BREAKDOWNS: tuple[By, ...] = ("severity", "state", "district", "rule")
NOT_COUNTED = (Outcome.WITHDRAWN, Outcome.LAPSED, Outcome.MERGED)
FALSE = (Outcome.UNFOUNDED, Outcome.SENSOR_FAULT)
LEAST = 2  # alerts that make an offender a repeated one


@dataclass(frozen=True, slots=True)
class Taken:
    """How long a step took. number: of alerts that got so far; kept: of those within the allowance.

    median, p90 (nearest rank): None without any. kept is None where the route allows any time.
    """

    step: Step
    number: int
    median: timedelta | None
    p90: timedelta | None
    kept: int | None


@dataclass(frozen=True, slots=True)
class Counted:
    """Alerts of one grade, state, district or rule.

    found: those that people closed with a finding; false: of those, unfounded or a sensor's fault.
    """

    key: str
    alerts: int
    open: int
    found: int
    false: int
    steps: tuple[Taken, ...]

    @property
    def false_share(self) -> float | None:
        """Percent of those with a finding; None without any."""
        return None if not self.found else round(100 * self.false / self.found, 1)


@dataclass(frozen=True, slots=True)
class Offender:
    """An enterprise, or a station of none, with several alerts. lasted: beyond the limit, in all.

    confirmed, unresolved: alerts that were found to be so; that nobody has closed yet.
    """

    enterprise: Enterprise | None
    stations: tuple[Station, ...]
    alerts: tuple[Alert, ...]
    confirmed: int
    unresolved: int
    gravest: Severity
    lasted: timedelta
    last: datetime


@dataclass(frozen=True, slots=True)
class Enforcement:
    """total: of all; tables: the same by each breakdown, most alerts first."""

    total: Counted
    tables: Mapping[By, tuple[Counted, ...]]
    offenders: tuple[Offender, ...]


def enforcement(
    found: Iterable[Alert],
    *,
    stations: Mapping[str, Station],
    enterprises: Mapping[str, Enterprise],
    now: datetime,
) -> Enforcement:
    """Statistics of alerts, and the repeat offenders among them."""
    own = [a for a in found if a.certain is not None and a.outcome not in NOT_COUNTED]
    keys: dict[By, Callable[[Alert], str]] = {
        "severity": lambda a: a.severity,
        "state": lambda a: a.state,
        "district": lambda a: a.district,
        "rule": lambda a: a.rule,
    }
    return Enforcement(
        total=counted("", own),
        tables={by: _table(own, keys[by]) for by in BREAKDOWNS},
        offenders=offenders(own, stations, enterprises, now),
    )


def counted(key: str, own: Sequence[Alert]) -> Counted:
    found = [a for a in own if a.outcome in FINDINGS]
    return Counted(
        key,
        len(own),
        sum(a.closed is None for a in own),
        len(found),
        sum(a.outcome in FALSE for a in found),
        tuple(taken(step, own) for step in STEPS),
    )


def taken(step: Step, own: Iterable[Alert]) -> Taken:
    """One step of the service: from certain, of arriving from the dispatch."""
    lengths: list[timedelta] = []
    kept = 0
    for alert in own:
        length = took(step, alert)
        if length is None:
            continue
        lengths.append(length)
        kept += step != "close" and length <= allowed(alert, step)
    middle = median(length.total_seconds() for length in lengths) if lengths else None
    return Taken(
        step,
        len(lengths),
        None if middle is None else timedelta(seconds=middle),
        ninetieth(lengths),
        None if step == "close" else kept,
    )


def took(step: Step, alert: Alert) -> timedelta | None:
    """How long a step took; None where it has not been made. What recovered by itself was not
    closed by anybody."""
    since = alert.certain or alert.opened
    if step == "acknowledge":
        return None if alert.acknowledged is None else alert.acknowledged - since
    if step == "arrive":
        if alert.arrived is None or alert.dispatched is None:
            return None
        return alert.arrived - alert.dispatched
    closed = alert.closed if alert.outcome in FINDINGS else None
    return None if closed is None else closed - since


def ninetieth(lengths: Sequence[timedelta]) -> timedelta | None:
    """The nearest rank: nine of ten took no longer."""
    ordered = sorted(lengths)
    return ordered[math.ceil(0.9 * len(ordered)) - 1] if ordered else None


def offenders(
    own: Iterable[Alert],
    stations: Mapping[str, Station],
    enterprises: Mapping[str, Enterprise],
    now: datetime,
) -> tuple[Offender, ...]:
    """Who has at least two alerts of enforcement that were not found false, most first.

    Only building sites and what an enterprise answers for: a road has no operator to visit.
    """
    groups: dict[str, list[Alert]] = {}
    for alert in own:
        station = stations.get(alert.station or "")
        if station is None or alert.route != "enforcement" or alert.outcome in FALSE:
            continue
        if station.enterprise is not None or station.kind == "construction":
            groups.setdefault(station.enterprise or station.id, []).append(alert)
    repeated = [group for group in groups.values() if len(group) >= LEAST]
    found = [_offender(group, stations, enterprises, now) for group in repeated]
    return tuple(sorted(found, key=lambda o: (-len(o.alerts), -o.gravest.rank, o.last)))


def _offender(
    group: Sequence[Alert],
    stations: Mapping[str, Station],
    enterprises: Mapping[str, Enterprise],
    now: datetime,
) -> Offender:
    named = [stations[alert.station or ""] for alert in group]
    return Offender(
        enterprise=enterprises.get(named[0].enterprise or ""),
        stations=tuple({station.id: station for station in named}.values()),
        alerts=tuple(group),
        confirmed=sum(a.outcome is Outcome.CONFIRMED for a in group),
        unresolved=sum(a.closed is None for a in group),
        gravest=max((a.severity for a in group), key=lambda s: s.rank),
        lasted=sum(((a.ended or now) - a.started for a in group), timedelta(0)),
        last=max(a.started for a in group),
    )


def _table(own: Iterable[Alert], key: Callable[[Alert], str]) -> tuple[Counted, ...]:
    groups: dict[str, list[Alert]] = {}
    for alert in own:
        groups.setdefault(str(key(alert)), []).append(alert)
    rows = [counted(name, group) for name, group in groups.items()]
    return tuple(sorted(rows, key=lambda row: (-row.alerts, row.key)))
