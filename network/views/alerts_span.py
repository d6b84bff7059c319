"""Alerts that began in a month or a year: by severity and rule, and how long they lasted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from alerts import alerts_in
from network.views.spans import Reported
from registry import Registry
from schemas.alerts import Alert, Severity
from schemas.registry import Station


@dataclass(frozen=True, slots=True)
class SeverityCount:
    """ended: those whose breach was over by the time asked about; open: the others."""

    severity: Severity
    alerts: int
    ended: int

    @property
    def open(self) -> int:
        return self.alerts - self.ended


@dataclass(frozen=True, slots=True)
class AlertSpan:
    """severities: gravest first, each there. rules: number of alerts by rule, most first.

    median, longest: how long the breaches lasted that were over; None without one.
    """

    alerts: tuple[Alert, ...]
    severities: tuple[SeverityCount, ...]
    rules: tuple[tuple[str, int], ...]
    places: tuple[tuple[str, int], ...]
    median: timedelta | None
    longest: timedelta | None


def alert_span(stations: Iterable[Station], span: Reported, *, registry: Registry) -> AlertSpan:
    """Alerts at these stations. What happened to them after the span's end is not in it."""
    here = {str(station.id) for station in stations}
    found = [a for a in alerts_in(registry, span.reach) if a.station in here]
    lasted = [ended - a.started for a in found if (ended := _ended(a, span.reach.end))]
    return AlertSpan(
        alerts=tuple(found),
        severities=tuple(
            SeverityCount(
                severity,
                sum(a.severity == severity for a in found),
                sum(
                    a.severity == severity and _ended(a, span.reach.end) is not None for a in found
                ),
            )
            for severity in reversed(Severity)
        ),
        rules=_most(a.rule for a in found),
        places=_most(a.station for a in found if a.station is not None),
        median=timedelta(seconds=median(each.total_seconds() for each in lasted))
        if lasted
        else None,
        longest=max(lasted, default=None),
    )


def _ended(alert: Alert, by: datetime) -> datetime | None:
    return alert.ended if alert.ended is not None and alert.ended <= by else None


def _most(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))
