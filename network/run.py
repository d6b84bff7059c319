"""Aggregation as the DAGs call it: reads the store, computes, writes. Idempotent, any range.

`aggregate_hours`, `aggregate_days` and `aggregate_periods` may be run again over any past, in this
order: for the whole city at once, or for some districts after the others and then for what lies
over them (`roll_up_*`). `rejudge_pending` runs them over exactly what has changed since, so late
data end in the same rows as data in time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import polars as pl

from network.assess import assess_days, assess_hours
from network.batches import together
from network.days import PARTS, day_rows, part_of_day
from network.hours import channels, sensor_hours
from network.periods import MADE_OF, city_date, period_rows, touched_periods
from network.rollup import all_levels, roll_up
from network.shares import Share, share_of, share_over
from network.verdict_rows import averaged
from registry import Registry
from schemas import Interval, Level, Period, catalogue
from schemas.clock import DAY, HOUR
from storage import Store

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


def aggregate_hours(
    hours: Sequence[Interval],
    *,
    store: Store,
    registry: Registry,
    districts: Collection[str] | None = None,
) -> int:
    """Write the hourly aggregates of all levels for some hours; returns the number of rows.

    districts: only of these, up to the level of the district; None = the whole city.
    """
    share = share_of(registry, districts)
    at_stations, in_areas = share.at_stations(), share.in_areas()
    known = channels(share.sensors, catalogue())
    names = None if share.whole else [sensor.id for sensor in share.sensors]
    written = 0
    for group in together(hours, hours_at_once(known)):
        observations = store.read(Interval(group[0].start, group[-1].end), sensors=names)
        rows = sensor_hours(observations, known, [hour.start for hour in group])
        every = all_levels(rows, at_stations, in_areas)
        store.write_aggregates(every)
        written += every.height
    return written


def roll_up_hours(hours: Sequence[Interval], *, store: Store, registry: Registry) -> int:
    """Write the hours of city, basins and bays, when those of every district are there."""
    share = share_over(registry)
    in_areas, known = share.in_areas(), channels(share.sensors, catalogue())
    wanted = [hour.start for hour in hours]
    written = 0
    for group in together(hours, hours_at_once(known)):
        reach = Interval(group[0].start, group[-1].end)
        stations = averaged(
            store.read_aggregates(reach, period=Period.HOUR, level=Level.STATION)
        ).filter(pl.col("start").is_in(wanted))
        if stations.is_empty():
            continue
        rows = roll_up(stations, in_areas)
        store.write_aggregates(rows)
        written += rows.height
    return written


def aggregate_days(
    days: Sequence[Interval],
    *,
    store: Store,
    registry: Registry,
    districts: Collection[str] | None = None,
) -> int:
    """Write the daily aggregates (sound: daytime and night too) from the hourly ones.

    districts: as in `aggregate_hours`.
    """
    return _days(days, share_of(registry, districts), store)


def roll_up_days(days: Sequence[Interval], *, store: Store, registry: Registry) -> int:
    """Write the days of city, basins and bays from their hours."""
    return _days(days, share_over(registry), store)


def _days(days: Sequence[Interval], share: Share, store: Store) -> int:
    slow = share.slow()
    written = 0
    for group in together(days, _days_at_once(share)):
        reach = Interval(group[0].start, part_of_day(group[-1], Period.NIGHT).end)
        hours = averaged(share.read(reach, Period.HOUR, store))
        if hours.is_empty():
            continue
        rows = pl.concat(day_rows(hours, group, period, slow) for period in PARTS)
        store.write_aggregates(rows)
        written += rows.height
    return written


def aggregate_periods(
    days: Sequence[Interval],
    *,
    until: datetime,
    store: Store,
    registry: Registry,
    districts: Collection[str] | None = None,
) -> int:
    """Write the months, years and years to date that these city days belong to, from daily rows.

    until: what is over by then; a period that is not has no rows yet. Memory stays small: a part of
    the subjects is done at a time. districts: as in `aggregate_hours`.
    """
    return _periods(days, until, share_of(registry, districts), store)


def roll_up_periods(
    days: Sequence[Interval], *, until: datetime, store: Store, registry: Registry
) -> int:
    """Write the months, years and years to date of city, basins and bays from their days."""
    return _periods(days, until, share_over(registry), store)


def _periods(days: Sequence[Interval], until: datetime, share: Share, store: Store) -> int:
    slow = share.slow()
    written = 0
    for _, group in groupby(sorted(set(days)), key=lambda day: city_date(day.start).year):
        touched = touched_periods(group, until)
        ends = [span.reach for spans in touched.values() for span in spans]
        if not ends:
            continue
        reach = Interval(min(ends).start, max(end.end for end in ends))
        for level, subjects in _slices(share, reach):
            for made_of in (Period.DAY, Period.DAYTIME, Period.NIGHT):
                daily = averaged(
                    store.read_aggregates(reach, period=made_of, level=level, subjects=subjects)
                )
                if daily.is_empty():
                    continue
                rows = pl.concat(
                    period_rows(daily, touched[period], period, slow)
                    for period, of in MADE_OF.items()
                    if of is made_of and touched[period]
                )
                store.write_aggregates(rows)
                written += rows.height
    return written


def rejudge_pending(
    now: datetime,
    *,
    store: Store,
    registry: Registry,
    hold: timedelta = HOLD,
    alerts: Callable[[Sequence[Interval]], object] | None = None,
) -> Rejudged:
    """Aggregate and assess the hours that changed since they were settled, and all they belong to.

    hold: how long after its end an hour is left alone, for what is still on its way. alerts: judges
    the alerts of these hours, before they count as settled.
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
    if alerts is not None:
        alerts(hours)
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


def _days_at_once(share: Share) -> timedelta:
    """How much time of a share's hourly rows fits into memory."""
    channels = sum(len(sensor.parameters) for sensor in share.sensors)
    return max(1, HOURLY_ROWS // max(1, 24 * LEVELS_A_CHANNEL * channels)) * DAY


def _slices(share: Share, reach: Interval) -> Iterator[tuple[Level | None, list[str] | None]]:
    """A share in parts whose days of a span fit into memory: a small city in one, else by level.

    Each part is a level and its subjects; None = all of them.
    """
    at_once = max(1, SUBJECT_DAYS // max(1, reach.length // DAY))
    # There are fewer areas than stations.
    if share.whole and len(share.sensors) + 2 * len(share.stations) <= at_once:
        yield None, None
        return
    for level, names in share.subjects():
        for at in range(0, len(names), at_once):
            yield level, names[at : at + at_once]
