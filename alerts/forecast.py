"""A value some hours ahead, from the channel's own recent days: early warning, not more.

The model: the hour's usual value, plus what is left of today's departure from the usual. With c(h)
the mean of the last seven days at hour h of the day, and x(t) the newest hourly mean,

    x(t + k) = c(h + k) + KEPT^k * (x(t) - c(h))

Its skill against persistence, on data that were held back, is in docs/alerts.md (`bench.forecast`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import fmean

from schemas.clock import DAY, HOUR

USUAL_DAYS = 7
DAYS_NEEDED = 3  # values of an hour of the day, of the last seven
KEPT = 0.85  # of a departure, from one hour to the next; fitted on the first half of the recordings


def ahead(hours: Mapping[datetime, float], at: datetime, steps: int) -> list[float] | None:
    """The values of the next hours after the one that begins at `at`; None without enough past.

    hours: hourly means by the beginning of the hour, in the parameter's unit, UTC.
    """
    now, usual = hours.get(at), usual_at(hours, at, at)
    if now is None or usual is None:
        return None
    found = []
    for step in range(1, steps + 1):
        later = usual_at(hours, at + step * HOUR, at)
        if later is None:
            return None
        found.append(later + KEPT**step * (now - usual))
    return found


def usual_at(hours: Mapping[datetime, float], hour: datetime, known_to: datetime) -> float | None:
    """The mean of that hour of the day over the last days, of what is known by a moment."""
    days = (hour - back * DAY for back in range(1, USUAL_DAYS + 2))
    seen = [hours[day] for day in days if day <= known_to and day in hours][:USUAL_DAYS]
    return fmean(seen) if len(seen) >= DAYS_NEEDED else None


def needed(span: timedelta) -> timedelta:
    """How much past a forecast over a span needs."""
    return span + (USUAL_DAYS + 1) * DAY
