"""A city with three months behind it: one measured day again and again, better and worse.

The hours of the model day are the emulators' own; days and periods come from `network` as always.
Only hours that a bulletin reads (ozone of areas, sound of facilities) are kept of every day.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from network import aggregate_days, aggregate_hours, aggregate_periods
from network.periods import month_of
from network.views.air import POLLUTANTS
from network.views.facilities import is_facility
from registry import Registry
from schemas import Interval, Level, Period
from storage import Store
from tests.city import measured

OCTOBER, SEPTEMBER, YEAR_BEFORE = (
    month_of(day) for day in (date(2026, 10, 1), date(2026, 9, 1), date(2025, 10, 1))
)
MODEL = Interval.city_day(datetime.combine(date(2026, 11, 3), datetime.min.time()).astimezone())
FACTORS = (0.8, 1.2, 0.9, 1.6, 1.0, 0.7, 1.4, 2.4, 1.1, 3.4, 1.3)
LOST = date(2026, 10, 12)  # a day on which the city's air is not known
PERIODS = (Period.DAY, Period.DAYTIME, Period.NIGHT)


def live(store: Store, registry: Registry) -> None:
    """The model day, and from it September and October 2026 and October 2025."""
    _measure(store, registry)
    hours = list(Interval(MODEL.start, MODEL.end + timedelta(hours=6)).hours())
    aggregate_hours(hours, store=store, registry=registry)
    aggregate_days([MODEL], store=store, registry=registry)
    facilities = [str(s.id) for s in registry.stations().values() if is_facility(s)]
    model = {period: store.read_aggregates(MODEL, period=period) for period in PERIODS}
    ozone = pl.col("parameter") == "o3"
    of_areas = pl.col("level").is_in([str(Level.CITY), str(Level.DISTRICT)])
    sound = pl.col("subject").is_in(facilities) & (pl.col("parameter") == "laeq")
    model[Period.HOUR] = store.read_aggregates(MODEL, period=Period.HOUR).filter(
        (ozone & of_areas) | sound
    )
    for span in (YEAR_BEFORE, SEPTEMBER, OCTOBER):
        for at, day in enumerate(span.reach.city_days()):
            lost = span is OCTOBER and day.start == _start(LOST)
            for rows in model.values():
                store.write_aggregates(_moved(rows, day, FACTORS[at % len(FACTORS)], lost=lost))
        days = list(span.reach.city_days())
        aggregate_periods(days, until=span.reach.end, store=store, registry=registry)


def _start(day: date) -> datetime:
    return month_of(day).reach.start + timedelta(days=day.day - 1)


def _measure(store: Store, registry: Registry) -> None:
    window = Interval(MODEL.start, MODEL.end + timedelta(hours=6))
    for sensor in registry.sensors().values():
        if sensor.id != "air-gongming-1":  # one is silent
            store.write(list(measured(sensor, window, cadence_s=300)))


def _moved(rows: pl.DataFrame, day: Interval, factor: float, *, lost: bool) -> pl.DataFrame:
    air = pl.col("parameter").is_in(list(POLLUTANTS))
    gone = pl.lit(lost) & air & (pl.col("level") == str(Level.CITY))
    sound = pl.col("parameter").is_in(["laeq"])
    scaled = (
        pl.when(gone)
        .then(None)
        .when(air)
        .then(pl.col("value") * factor)
        .when(sound)
        .then(pl.col("value") + 4 * (factor - 1.2))
        .otherwise("value")
    )
    return rows.with_columns(
        (pl.col("start") + (day.start - MODEL.start)).cast(rows.schema["start"]),
        value=scaled,
        valid=pl.col("valid") & ~gone,
        reason=pl.when(gone).then(pl.lit("no_data")).otherwise("reason"),
        count=pl.when(gone).then(0).otherwise("count").cast(rows.schema["count"]),
    )
