"""Alerts that began in a month or a year: by severity and rule, and what people did about them.

All as it stood at the end of the span: what happened later is in the report of a later one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from alerts import alerts_in
from network.views.spans import Reported
from registry import Registry
from schemas.alerts import Alert, Severity

Step = Literal["acknowledged", "dispatched", "arrived", "closed"]
STEPS: tuple[Step, ...] = ("acknowledged", "dispatched", "arrived", "closed")


@dataclass(frozen=True, slots=True)
class SeverityCount:
    """ended: those whose breach was over; closed: those that were closed."""

    severity: Severity
    alerts: int
    ended: int
    closed: int


@dataclass(frozen=True, slots=True)
class Response:
    """One step of the response: how many alerts got so far, and after how long, from `certain`."""

    step: Step
    alerts: int
    median: timedelta | None
    longest: timedelta | None


@dataclass(frozen=True, slots=True)
class AlertSpan:
    """severities: gravest first, each there. rules, stations: numbers of alerts, most first.

    median, longest: how long the breaches lasted that were over; None without one.
    """

    alerts: tuple[Alert, ...]
    severities: tuple[SeverityCount, ...]
    responses: tuple[Response, ...]
    rules: tuple[tuple[str, int], ...]
    stations: tuple[tuple[str, int], ...]
    median: timedelta | None
    longest: timedelta | None


def alert_span(span: Reported, *, registry: Registry, district: str | None = None) -> AlertSpan:
    """Alerts of the city, or of a district, also those that are of no one station."""
    end = span.reach.end
    found = [a for a in alerts_in(registry, span.reach) if district in (None, a.district)]
    lasted = [over - a.started for a in found if (over := _by(a.ended, end))]
    return AlertSpan(
        alerts=tuple(found),
        severities=tuple(
            SeverityCount(
                severity,
                len(own),
                sum(_by(a.ended, end) is not None for a in own),
                sum(_by(a.closed, end) is not None for a in own),
            )
            for severity in reversed(Severity)
            for own in [[a for a in found if a.severity == severity]]
        ),
        responses=tuple(_response(step, found, end) for step in STEPS),
        rules=_most(a.rule for a in found),
        stations=_most(a.station for a in found if a.station is not None),
        median=_median(lasted),
        longest=max(lasted, default=None),
    )


def _response(step: Step, found: Iterable[Alert], end: datetime) -> Response:
    took = [
        at - (alert.certain or alert.started)
        for alert in found
        if (at := _by(getattr(alert, step), end))
    ]
    return Response(step, len(took), _median(took), max(took, default=None))


def _by(moment: datetime | None, end: datetime) -> datetime | None:
    """A moment that had come by the end of the span."""
    return moment if moment is not None and moment <= end else None


def _median(lengths: list[timedelta]) -> timedelta | None:
    if not lengths:
        return None
    return timedelta(seconds=median(each.total_seconds() for each in lengths))


def _most(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))
