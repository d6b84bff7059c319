"""A value some hours ahead, from the channel's own recent days: early warning, not more.

With x(t) the newest hourly mean and c(h) the mean of the last seven days at hour h of the day,

    x(t + k) = x(t) + usual * (c(h + k) - c(h)) + trend * (x(t) - x(t-1)) * (1 + d + ... + d^(k-1))

where d is the damping. The coefficients are data (`forecast.yaml`), fitted on the first half of a
recorded year; the skill on the other half, which they had not seen, is in docs/alerts.md and comes
from `bench.forecast`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from statistics import fmean

import yaml
from pydantic import BaseModel, ConfigDict

from schemas.clock import DAY, HOUR

USUAL_DAYS = 7
DAYS_NEEDED = 3  # values of an hour of the day, of the last seven


class Coefficients(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    usual: float
    trend: float
    damping: float


@cache
def coefficients() -> Mapping[str, Coefficients]:
    """Coefficients by parameter; what is not here cannot be forecast."""
    text = resources.files("alerts").joinpath("forecast.yaml").read_text("utf-8")
    return {key: Coefficients.model_validate(entry) for key, entry in yaml.safe_load(text).items()}


def ahead(
    hours: Mapping[datetime, float], at: datetime, steps: int, model: Coefficients
) -> list[float] | None:
    """The values of the next hours after the one that begins at `at`; None without enough past.

    hours: hourly means by the beginning of the hour, in the parameter's unit, UTC. Never negative.
    """
    now, before, usual = hours.get(at), hours.get(at - HOUR), usual_at(hours, at, at)
    if now is None or before is None or usual is None:
        return None
    found, grown = [], 0.0
    for step in range(1, steps + 1):
        later = usual_at(hours, at + step * HOUR, at)
        if later is None:
            return None
        grown += model.damping ** (step - 1)
        value = now + model.usual * (later - usual) + model.trend * (now - before) * grown
        found.append(max(value, 0.0))
    return found


def usual_at(hours: Mapping[datetime, float], hour: datetime, known_to: datetime) -> float | None:
    """The mean of that hour of the day over the last days, of what is known by a moment."""
    days = (hour - back * DAY for back in range(1, USUAL_DAYS + 2))
    seen = [hours[day] for day in days if day <= known_to and day in hours][:USUAL_DAYS]
    return fmean(seen) if len(seen) >= DAYS_NEEDED else None


def needed(span: timedelta) -> timedelta:
    """How much past a forecast over a span needs."""
    return span + (USUAL_DAYS + 1) * DAY
