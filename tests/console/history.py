"""A past for the test city: its last day again and again, with better and worse days."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from network import aggregate_days, assess_days, assess_hours
from network.verdict_rows import averaged
from network.views.air import POLLUTANTS
from registry import Registry
from schemas import Interval, Level, Period
from storage import Store

AREAS = [str(level) for level in (Level.CITY, Level.DISTRICT, Level.SUBDISTRICT)]
FACTORS = (0.7, 1.3, 0.9, 1.9, 1.0, 0.6, 1.5, 2.6, 1.1)


def remember(
    now: datetime, *, store: Store, registry: Registry, days: int = 3, long: int = 0
) -> None:
    """Hours and days of every level for some days; of the air of areas only for `long` before."""
    last = Interval.hour(now - timedelta(hours=1)).end
    model = averaged(
        store.read_aggregates(Interval(last - timedelta(days=1), last), period=Period.HOUR)
    )
    for back in range(1, days + long + 1):
        rows = model
        if back > days:
            rows = rows.filter(
                pl.col("level").is_in(AREAS), pl.col("parameter").is_in(list(POLLUTANTS))
            )
        factor = FACTORS[back % len(FACTORS)] if back > days else 1 + back / 20
        air = pl.col("parameter").is_in(list(POLLUTANTS))
        store.write_aggregates(
            rows.with_columns(
                (pl.col("start") - pl.duration(days=back)).cast(model.schema["start"]),
                value=pl.when(air).then(pl.col("value") * factor).otherwise(pl.col("value")),
            )
        )
    span = Interval(now - timedelta(days=days + long), now)
    over = [day for day in span.city_days() if day.end <= now]
    aggregate_days(over, store=store, registry=registry)
    assess_hours(list(span.hours()), store=store, registry=registry)
    assess_days(over, store=store, registry=registry)
