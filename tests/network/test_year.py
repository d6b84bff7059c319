"""A whole year of a slice of the city: lived through with late data, and rebuilt at once."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from network import (
    aggregate_days,
    aggregate_hours,
    aggregate_periods,
    assess_days,
    assess_hours,
    rejudge_pending,
)
from network.periods import month_of, year_of
from registry import Registry, migrate, open_registry
from registry.seed import demo_city, river_chiefs
from schemas import (
    CITY_TIME,
    FlaggedReading,
    Interval,
    Level,
    ParameterKey,
    Period,
    SensorId,
    from_ms,
    to_ms,
)
from storage import Store

YEAR = year_of(date(2026, 1, 1)).reach  # in its March the edition changes
WIDE = Interval(YEAR.start - timedelta(days=2), YEAR.end + timedelta(days=2))
SENSORS = {
    "air-lianhua-2": ("pm25", "o3", "rain"),
    "noise-guiyuan-1": ("laeq",),
    "water-daya-bay-2": ("salinity",),
}
DAY_MS = 86_400_000
OpenStore = Callable[[str], Store]


@pytest.fixture
def few(tmp_path: Path) -> Registry:
    """A registry of three stations with one hourly sensor each."""
    url = f"sqlite:///{tmp_path}/few.db"
    migrate(url)
    registry = open_registry(url)
    places, _, stations, sensors = demo_city()
    kept = [
        sensor.model_copy(update={"parameters": SENSORS[sensor.id], "cadence_s": 3600})
        for sensor in sensors
        if sensor.id in SENSORS
    ]
    wanted = {sensor.station for sensor in kept}
    registry.add(
        chiefs=river_chiefs(),
        places=places,
        stations=[s for s in stations if s.id in wanted],
        sensors=kept,
    )
    return registry


def reading(sensor: str, hour: datetime, more: float = 0.0) -> FlaggedReading:
    ts, n = to_ms(hour), hour.timestamp() / 3600
    values: dict[ParameterKey, float | None] = {
        ParameterKey(key): round(40 + 20 * math.sin(n * (place + 1)) + more, 3)
        for place, key in enumerate(SENSORS[sensor])
    }
    return FlaggedReading(SensorId(sensor), ts, values, {}, ts)


def a_year_with_gaps(rng: random.Random) -> list[FlaggedReading]:
    """A year without a week in April and three days in October, and with a hole here and there."""
    silent = [
        Interval(month_of(date(2026, month, 1)).reach.start, until)
        for month, until in (
            (4, datetime(2026, 4, 8, tzinfo=CITY_TIME)),
            (10, datetime(2026, 10, 4, tzinfo=CITY_TIME)),
        )
    ]
    return [
        reading(sensor, hour.start)
        for hour in YEAR.hours()
        if not any(hour.start in span for span in silent)
        for sensor in SENSORS
        if rng.random() > 0.02
    ]


def steps() -> list[Interval]:
    """The year in spans of four weeks, but day by day where February ends: the edition changes."""
    bounds = [YEAR.start]
    while bounds[-1] < YEAR.end:
        daily = datetime(2026, 2, 25, tzinfo=UTC) <= bounds[-1] < datetime(2026, 3, 5, tzinfo=UTC)
        bounds.append(min(bounds[-1] + timedelta(days=1 if daily else 28), YEAR.end))
    return [Interval(start, end) for start, end in pairwise(bounds)]


def live(store: Store, registry: Registry, stream: list[FlaggedReading], rng: random.Random) -> int:
    """The timetable of each step, and late data in between; returns how many readings were late.

    A part of some days' readings comes days or weeks late. Now and then they are judged again.
    """
    arriving = sorted(
        (
            reading.ts_ms
            + rng.choice((0, 0, 0, 2, 40)) * (reading.ts_ms // DAY_MS % 9 == 0) * DAY_MS,
            n,
        )
        for n, reading in enumerate(stream)
    )
    late = 0
    for n, step in enumerate([*steps(), Interval(YEAR.end, YEAR.end + timedelta(days=41))]):
        here = [stream[n] for ts, n in arriving if step.start <= from_ms(ts) < step.end]
        store.write(here)
        if step.end <= YEAR.end:
            days = [Interval.city_day(step.start - timedelta(hours=1)), *step.city_days()]
            aggregate_hours(list(step.hours()), store=store, registry=registry)
            assess_hours(list(step.hours()), store=store, registry=registry)
            aggregate_days(days, store=store, registry=registry)
            assess_days(days, store=store, registry=registry)
            aggregate_periods(days, until=step.end, store=store, registry=registry)
        late += sum(from_ms(reading.ts_ms) < step.start for reading in here)
        if n % 2 or step.end > YEAR.end:
            now = step.end + timedelta(hours=6, minutes=10)
            rejudge_pending(now, store=store, registry=registry)
    return late


def rebuild(store: Store, registry: Registry) -> None:
    days = [Interval.city_day(YEAR.start - timedelta(hours=1)), *YEAR.city_days()]
    aggregate_hours(list(YEAR.hours()), store=store, registry=registry)
    aggregate_days(days, store=store, registry=registry)
    aggregate_periods(days, until=YEAR.end, store=store, registry=registry)
    assess_hours(list(YEAR.hours()), store=store, registry=registry)
    assess_days(days, store=store, registry=registry)


def test_a_year_rebuilt_at_once_has_the_rows_of_the_year_as_it_was_lived(
    open_store_at: OpenStore, few: Registry
) -> None:
    rng = random.Random(11)
    stream = a_year_with_gaps(rng)
    lived, rebuilt = open_store_at("lived"), open_store_at("rebuilt")
    assert live(lived, few, stream, rng) > 500
    rng.shuffle(stream)
    rebuilt.write(stream)
    rebuild(rebuilt, few)
    for period in Period:
        expected = rebuilt.read_aggregates(WIDE, period=period)
        assert not expected.is_empty(), period
        assert lived.read_aggregates(WIDE, period=period).rows() == expected.rows(), period
    months = rebuilt.read_aggregates(
        WIDE, period=Period.MONTH, level=Level.STATION, parameters=["pm25"]
    )
    assert months.filter(~pl.col("valid"))["start"].to_list() == [
        month_of(date(2026, 4, 1)).reach.start  # a week is missing; three days of October may
    ]
    assert months["edition"].to_list() == ["HJ663-2013"] * 2 + ["HJ663-2026"] * 10


def test_a_late_hour_re_opens_its_periods_and_leaves_all_others_to_the_last_bit(
    open_store_at: OpenStore, few: Registry
) -> None:
    store = open_store_at("year")
    store.write([reading(sensor, hour.start) for hour in YEAR.hours() for sensor in SENSORS])
    rebuild(store, few)
    store.settle_hours(store.pending_hours(WIDE.end))
    before = {period: set(store.read_aggregates(WIDE, period=period).rows()) for period in Period}

    three = datetime(2026, 12, 1, 3, tzinfo=CITY_TIME)  # the night of 30 November
    store.write([reading("noise-guiyuan-1", three.astimezone(UTC), more=30.0)])
    done = rejudge_pending(YEAR.end + timedelta(days=20), store=store, registry=few)

    subjects = {"noise-guiyuan-1", "st-noise-guiyuan", "guiyuan", "luohu", "city"}
    first, november = three.replace(hour=0), datetime(2026, 11, 1, tzinfo=CITY_TIME)
    of_december = [first + timedelta(days=n) for n in range(31)]
    new_year = YEAR.start
    reopened = {
        Period.HOUR: [three],
        Period.DAY: [first],
        Period.NIGHT: [first - timedelta(hours=2)],
        Period.MONTH: [first],
        Period.MONTH_NIGHT: [november],
        Period.YEAR: [new_year],
        Period.YEAR_NIGHT: [new_year],
        Period.YEAR_TO_DATE: of_december,
        Period.YEAR_TO_DATE_NIGHT: [first - timedelta(days=1), *of_december],
    }
    # The night was above the limit before and still is: no verdict is another.
    for period in Period:
        after = store.read_aggregates(WIDE, period=period)
        changed = set(after.rows()) - before[period]
        assert len(after) == len(before[period])
        measured = {(row[1], row[2], row[4]) for row in changed}
        assert measured == {
            (subject, "laeq", start) for subject in subjects for start in reopened.get(period, [])
        }, period
        assert len(measured) == len(changed), period
    assert (done.hours, done.days) == (1, 2)
    # Of the days 30 November and 1 December: two months, a year, and 32 years to date.
    assert done.periods == 2 + 1 + 32
