"""A day of the demo city through both stores, as a network delivers it: the same bytes come out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from ingest.directory import SensorDirectory
from network import Rejudged, aggregate_periods, rejudge_pending
from registry import Registry
from schemas import (
    CITY_TIME,
    FlaggedReading,
    Interval,
    Level,
    Medium,
    Outcome,
    ParameterKey,
    Period,
    catalogue,
    from_ms,
)
from schemas.clock import HOUR, HOUR_MS
from storage import Store, open_store
from tests import influx

START = datetime(2026, 12, 30, tzinfo=CITY_TIME)
DAY = Interval(START, START + timedelta(days=1))
SPAN = Interval(START, DAY.end + 6 * HOUR)  # with the night that belongs to the day
LATEST = 12 * HOUR  # after its time a reading comes at the latest
NEXT_YEAR = datetime(2027, 1, 1, 1, tzinfo=CITY_TIME)
WIDE = Interval(datetime(2026, 1, 1, tzinfo=CITY_TIME), NEXT_YEAR + timedelta(days=1))
CODES = (1, 1, 2, 33, 54)  # good, good, not evaluated, a spike, a flat line

Arrivals = list[tuple[Interval, list[FlaggedReading]]]


def delivered(readings: Iterable[FlaggedReading], rng: Random) -> Arrivals:
    """Readings by the hour in which they arrive: most at once, some late, twice or corrected."""
    arrivals: dict[int, list[FlaggedReading]] = defaultdict(list)

    def send(reading: FlaggedReading, late: timedelta) -> None:
        at = reading.ts_ms + int(late.total_seconds() * 1000)
        arrivals[at // HOUR_MS].append(replace(reading, arrived_ms=at))

    for reading in readings:
        late = rng.random() * LATEST if rng.random() < 0.05 else timedelta(seconds=1)
        if rng.random() < 0.02:
            doubt = {key: rng.choice(CODES) for key in reading.values}
            reading = replace(reading, quality=doubt)
        send(reading, late)
        if rng.random() < 0.04:
            send(reading, late + rng.random() * HOUR)
        if rng.random() < 0.01:
            send(replace(reading, values=_corrected(reading, rng)), late + HOUR)
    for batch in arrivals.values():
        rng.shuffle(batch)
    return [(Interval.hour(from_ms(n * HOUR_MS)), arrivals[n]) for n in sorted(arrivals)]


def _corrected(reading: FlaggedReading, rng: Random) -> dict[ParameterKey, float | None]:
    """Other values of the same parameters; now and then one is missing now."""
    return {
        key: None if value is None or rng.random() < 0.1 else value * 1.01 + 0.1
        for key, value in reading.values.items()
    }


def written(frame: pl.DataFrame) -> bytes:
    """Every row as text; numbers by the shortest digits that give them back, so bit by bit."""
    return frame.write_csv(None, datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ").encode()


@pytest.mark.influx
def test_a_day_of_the_city_leads_to_the_same_bytes_in_both_stores(
    tmp_path: Path,
    open_store_at: Callable[[str], Store],
    registry: Registry,
    readings: Callable[[Interval], list[FlaggedReading]],
) -> None:
    known = SensorDirectory(registry, catalogue())
    known.renew()
    stream = [replace(each, tags=known.tags(each.sensor)) for each in readings(SPAN)]
    assert {each.tags.medium for each in stream} == set(Medium)
    arrivals = delivered(stream, Random(16))
    with influx.influx(tmp_path) as running:
        stores = open_store_at("city"), open_store(running.clean(), token=running.token)
        told = [live(store, registry, arrivals) for store in stores]
        assert told[0] == told[1]
        assert set(told[0][0]) == {Outcome.STORED, Outcome.DUPLICATE, Outcome.REVISED}
        embedded, production = stores
        for period in Period:
            expected = embedded.read_aggregates(WIDE, period=period)
            if period in (Period.HOUR, Period.DAY):
                assert set(expected["level"]) == set(Level)
                assert expected["valid"].any()
            assert not expected.is_empty()
            found = production.read_aggregates(WIDE, period=period)
            assert written(found) == written(expected), period
        for ask in QUESTIONS:
            assert written(ask(production)) == written(ask(embedded))
        assert production.count_readings() == embedded.count_readings()
        assert sum(embedded.count_readings().values()) == len(stream)
        production.close()


QUESTIONS: list[Callable[[Store], pl.DataFrame]] = [
    lambda store: store.read(SPAN),
    lambda store: store.latest(),
    lambda store: store.revisions(SPAN),
    lambda store: store.account(WIDE),
    lambda store: store.account_sums(WIDE),
]


def live(
    store: Store, registry: Registry, arrivals: Arrivals
) -> tuple[list[Outcome], list[Rejudged]]:
    """What a store says to each reading, and to each judging of what had changed meanwhile.

    Judged every twelve hours, so that late data find aggregates that stand already.
    """
    outcomes: list[Outcome] = []
    judged: list[Rejudged] = []
    for number, (hour, batch) in enumerate(arrivals):
        outcomes += store.write(batch)
        if number % 12 == 11:
            judged.append(rejudge_pending(hour.end, store=store, registry=registry))
    judged.append(rejudge_pending(NEXT_YEAR, store=store, registry=registry))
    assert store.pending_hours(NEXT_YEAR) == []
    days = list(SPAN.city_days())
    aggregate_periods(days, until=NEXT_YEAR, store=store, registry=registry)  # as each morning does
    return outcomes, judged
