"""Aggregation as the DAGs call it: reads the store, computes, writes. Idempotent, any range.

`aggregate_hours`, `aggregate_days` and `aggregate_periods` may be run again over any past, in this
order; `rejudge_pending` runs them over exactly what has changed since, so late data end in the same
rows as data in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import polars as pl

from network.assess import assess_days, assess_hours
from network.batches import together
from network.days import PARTS, day_rows, part_of_day
from network.hours import channels, sensor_hours
from network.periods import MADE_OF, city_date, period_rows, touched_periods
from network.rollup import AREAS, all_levels, areas_of, stations_of
from network.verdict_rows import averaged
from registry import Registry
from schemas import Interval, Level, Period, catalogue
from schemas.clock import DAY, HOUR
from schemas.registry import Sensor
from storage import Store

DAY_S = 86_400
HOLD = timedelta(minutes=5)

# So much is in memory at once.
OBSERVATIONS = 2_000_000
HOURLY_ROWS = 500_000
LEVELS_A_CHANNEL = 3  # its sensor, its station, and a share in the areas
SUBJECT_DAYS = 40_000  # some hundred thousand daily rows


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What a re-judgement touched, and how many rows it wrote.

    periods: months, years and years to date. verdicts: those of the rows that judge.
    """

    hours: int
    days: int
    periods: int
    rows: int
    verdicts: int


def aggregate_hours(hours: Sequence[Interval], *, store: Store, registry: Registry) -> int:
    """Write the hourly aggregates of all levels for some hours; returns the number of rows."""
    sensors = list(registry.sensors().values())
    at_stations, in_areas = stations_of(sensors), areas_of(registry.stations().values())
    known = channels(sensors, catalogue())
    written = 0
    for group in together(hours, hours_at_once(known)):
        observations = store.read(Interval(group[0].start, group[-1].end))
        rows = sensor_hours(observations, known, [hour.start for hour in group])
        every = all_levels(rows, at_stations, in_areas)
        store.write_aggregates(every)
        written += every.height
    return written


def aggregate_days(days: Sequence[Interval], *, store: Store, registry: Registry) -> int:
    """Write the daily aggregates (sound: daytime and night too) from the hourly ones."""
    per_day = _hours_a_day(registry.sensors().values())
    written = 0
    for group in together(days, _days_at_once(registry)):
        reach = Interval(group[0].start, part_of_day(group[-1], Period.NIGHT).end)
        hours = averaged(store.read_aggregates(reach, period=Period.HOUR))
        if hours.is_empty():
            continue
        rows = pl.concat(day_rows(hours, group, period, per_day) for period in PARTS)
        store.write_aggregates(rows)
        written += rows.height
    return written


def aggregate_periods(
    days: Sequence[Interval], *, until: datetime, store: Store, registry: Registry
) -> int:
    """Write the months, years and years to date that these city days belong to, from daily rows.

    until: what is over by then; a period that is not has no rows yet. Memory stays small: a part of
    the subjects is done at a time.
    """
    written = 0
    for _, group in groupby(sorted(set(days)), key=lambda day: city_date(day.start).year):
        touched = touched_periods(group, until)
        ends = [span.reach for spans in touched.values() for span in spans]
        if not ends:
            continue
        reach = Interval(min(ends).start, max(end.end for end in ends))
        for level, subjects in _slices(registry, reach):
            for made_of in (Period.DAY, Period.DAYTIME, Period.NIGHT):
                daily = averaged(
                    store.read_aggregates(reach, period=made_of, level=level, subjects=subjects)
                )
                if daily.is_empty():
                    continue
                rows = pl.concat(
                    period_rows(daily, touched[period], period)
                    for period, of in MADE_OF.items()
                    if of is made_of and touched[period]
                )
                store.write_aggregates(rows)
                written += rows.height
    return written


def rejudge_pending(
    now: datetime, *, store: Store, registry: Registry, hold: timedelta = HOLD
) -> Rejudged:
    """Aggregate and assess the hours that changed since they were settled, and all they belong to.

    hold: how long after its end an hour is left alone, for what is still on its way.
    """
    pending = store.pending_hours(now - hold)
    if not pending:
        return Rejudged(0, 0, 0, 0, 0)
    hours = [each.hour for each in pending]
    days = touched_days(hours, now)
    rows = aggregate_hours(hours, store=store, registry=registry)
    rows += aggregate_days(days, store=store, registry=registry)
    rows += aggregate_periods(days, until=now, store=store, registry=registry)
    verdicts = assess_hours(hours, store=store, registry=registry)
    verdicts += assess_days(days, store=store, registry=registry)
    store.settle_hours(pending)
    periods = {span for spans in touched_periods(days, now).values() for span in spans}
    return Rejudged(len(hours), len(days), len(periods), rows + verdicts, verdicts)


def touched_days(hours: Iterable[Interval], now: datetime) -> list[Interval]:
    """The city days whose aggregates depend on these hours, and which are over.

    An hour before 06:00 also belongs to the night of the day before.
    """
    days = set()
    for hour in hours:
        days.add(Interval.city_day(hour.start))
        days.add(Interval.city_day(hour.start - timedelta(hours=6)))
    return sorted(day for day in days if day.end <= now)


def hours_at_once(known: pl.DataFrame) -> timedelta:
    """How much time of the city's observations fits into memory. known: `CHANNELS`."""
    return max(1, OBSERVATIONS // max(1, int(known["expected"].sum()))) * HOUR


def _days_at_once(registry: Registry) -> timedelta:
    """How much time of the city's hourly rows fits into memory."""
    channels = sum(len(sensor.parameters) for sensor in registry.sensors().values())
    return max(1, HOURLY_ROWS // max(1, 24 * LEVELS_A_CHANNEL * channels)) * DAY


def _slices(registry: Registry, reach: Interval) -> Iterator[tuple[Level | None, list[str] | None]]:
    """The city in parts whose days of a span fit into memory: a small city in one, else by level.

    Each part is a level and its subjects; None = all of them.
    """
    sensors, stations = list(registry.sensors()), list(registry.stations())
    at_once = max(1, SUBJECT_DAYS // max(1, reach.length // DAY))
    if len(sensors) + 2 * len(stations) <= at_once:  # there are fewer areas than stations
        yield None, None
        return
    for level, names in ((Level.SENSOR, sensors), (Level.STATION, stations)):
        for at in range(0, len(names), at_once):
            yield level, [str(name) for name in names[at : at + at_once]]
    for level in AREAS:
        yield level, None


def _hours_a_day(sensors: Iterable[Sensor]) -> pl.DataFrame:
    """Sensors slower than hourly, with the number of hours in which they speak."""
    slow = [(s.id, max(1, DAY_S // s.cadence_s)) for s in sensors if s.cadence_s > 3600]
    return pl.DataFrame(slow, schema={"subject": pl.String, "hours": pl.Int32}, orient="row")
