"""Observations of one channel averaged over a rule's windows. Pure.

Windows are aligned to the city's clock, so that all who look at the same data see the same windows.
Only quality-passed values count: a device's fault never becomes an alert.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from schemas import CITY_TIME, Parameter
from schemas.alerts import Rule
from schemas.flags import USABLE

DAY_S = 86_400
DAY_FROM, DAY_TO = 6, 22  # GB 3096-2008, 3.4: daytime 06:00-22:00


@dataclass(frozen=True, slots=True)
class Window:
    """The average over one window, in the parameter's unit; completeness 0..1."""

    start: datetime
    value: float
    completeness: float

    @property
    def part(self) -> str:
        hour = self.start.astimezone(CITY_TIME).hour
        return "day" if DAY_FROM <= hour < DAY_TO else "night"


def windows(
    observations: pl.DataFrame, rule: Rule, parameter: Parameter, cadence_s: int, until: datetime
) -> list[Window]:
    """The windows of a channel that have ended by `until`, in order; those without data are absent.

    observations: columns ts, value, quality of one channel.
    """
    value = pl.col("value")
    average = {
        "energy": (10 ** (value / 10)).mean().log10() * 10,
        "sum": value.sum(),
    }.get(parameter.averaging, value.mean())
    expected = max(1, rule.window_s // cadence_s)
    grouped = (
        observations.filter(
            (pl.col("quality") % 10).is_in([int(flag) for flag in USABLE]), value.is_not_null()
        )
        .group_by(
            start=pl.col("ts")
            .dt.convert_time_zone(CITY_TIME.key)
            .dt.truncate(f"{rule.window_s}s" if rule.window_s < DAY_S else "1d")
            .dt.convert_time_zone("UTC")
        )
        .agg(average=average, count=pl.len())
        .sort("start")
    )
    length = timedelta(seconds=rule.window_s)
    return [
        Window(start, round(mean, 9), min(1.0, count / expected))
        for start, mean, count in grouped.iter_rows()
        if start + length <= until
    ]
