"""Maintenance entered afterwards: what was stored meanwhile is flagged and judged again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingest.directory import SensorDirectory
from ingest.past_maintenance import DAY_MS, PastMaintenance
from ingest.validate import AHEAD_MS
from network import rejudge_pending
from registry import Registry
from registry.maintenance import begin_maintenance
from schemas import Interval, Level, Period, SensorId, catalogue, to_ms
from schemas.clock import HOUR
from schemas.flags import Cause, cause_of
from storage import Store, StoreUnavailable
from tests.city import measured

NAME = SensorId("noise-dongmen-1")
NOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 20 * HOUR


def entered(registry: Registry, start: datetime, end: datetime | None) -> None:
    begin_maintenance(
        registry, NAME, start=start, end=end, reason="cleaned", by="li", at=datetime.now(UTC)
    )


def work_off(registry: Registry, store: Store, *, passes: int = 5) -> None:
    """What the worker does between batches."""
    directory = SensorDirectory(registry, catalogue())
    past = PastMaintenance(store)
    directory.renew()
    past.note(directory.maintenance, to_ms(datetime.now(UTC)))
    for _ in range(passes):
        past.work()


def stored(registry: Registry, store: Store) -> None:
    """Three hours of two sensors, aggregated."""
    sensors, span = registry.sensors(), Interval(NOON - HOUR, NOON + 2 * HOUR)
    for name in (NAME, SensorId("noise-lianhua-1")):
        store.write(list(measured(sensors[name], span)))
    rejudge_pending(NOON + 4 * HOUR, store=store, registry=registry)


def hours(store: Store, sensor: SensorId) -> list[bool]:
    """Whether each of the three hours' level is valid."""
    span = Interval(NOON - HOUR, NOON + 2 * HOUR)
    found = store.read_aggregates(
        span, period=Period.HOUR, level=Level.SENSOR, subjects=[sensor], parameters=["laeq"]
    )
    return found["valid"].to_list()


def test_an_hour_at_work_is_no_longer_valid(registry: Registry, store: Store) -> None:
    stored(registry, store)
    assert hours(store, NAME) == [True, True, True]
    entered(registry, NOON, NOON + HOUR)
    work_off(registry, store)
    pending = [each.hour.start for each in store.pending_hours(NOON + 4 * HOUR)]
    assert pending == [NOON], "that hour, and no other, is judged again"
    rejudge_pending(NOON + 4 * HOUR, store=store, registry=registry)
    assert hours(store, NAME) == [True, False, True]
    assert hours(store, SensorId("noise-lianhua-1")) == [True, True, True]
    kept = store.read(Interval(NOON, NOON + HOUR), sensors=[NAME])
    assert {cause_of(code) for code in kept["quality"]} == {Cause.MAINTENANCE}


def test_an_ingest_that_starts_again_finds_it_done(registry: Registry, store: Store) -> None:
    stored(registry, store)
    entered(registry, NOON, NOON + HOUR)
    work_off(registry, store)
    rejudge_pending(NOON + 4 * HOUR, store=store, registry=registry)
    work_off(registry, store)
    assert store.pending_hours(NOON + 4 * HOUR) == []


def test_what_goes_on_is_flagged_up_to_now(registry: Registry, store: Store) -> None:
    stored(registry, store)
    entered(registry, NOON + HOUR, None)
    work_off(registry, store)
    rejudge_pending(NOON + 4 * HOUR, store=store, registry=registry)
    assert hours(store, NAME) == [True, True, False]


class Recording:
    """A store that only notes what is asked of it, and is away for the first so many times."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.asked: list[tuple[str, int, int]] = []

    def reflag(self, sensor: str, window: Interval, _code: int) -> int:
        if self.away:
            self.away -= 1
            raise StoreUnavailable
        self.asked.append((sensor, to_ms(window.start), to_ms(window.end)))
        return 0


def test_a_long_window_is_done_a_day_at_a_time_and_once() -> None:
    store, now = Recording(), 100 * DAY_MS
    past = PastMaintenance(store)  # type: ignore[arg-type]
    start = now - 2 * DAY_MS - 5
    windows = {NAME: [(start, 2**62)]}
    for _ in range(5):
        past.note(windows, now)
        past.work()
    assert store.asked == [
        (NAME, start, start + DAY_MS),
        (NAME, start + DAY_MS, start + 2 * DAY_MS),
        (NAME, start + 2 * DAY_MS, now + AHEAD_MS),
    ]
    past.note({NAME: [(start, 2**62), (now - 10, now - 5)]}, now)
    past.work()
    past.work()
    assert store.asked[3:] == [(NAME, now - 10, now - 5)], "the new one alone"


def test_one_to_come_is_left_to_the_flags_of_what_comes_in() -> None:
    store, now = Recording(), 100 * DAY_MS
    past = PastMaintenance(store)  # type: ignore[arg-type]
    past.note({NAME: [(now + DAY_MS, now + 2 * DAY_MS)]}, now)
    past.work()
    assert store.asked == []


def test_a_store_that_is_away_is_asked_again() -> None:
    store, now = Recording(away=1), 100 * DAY_MS
    past = PastMaintenance(store)  # type: ignore[arg-type]
    past.note({NAME: [(now - 10, now - 5)]}, now)
    with pytest.raises(StoreUnavailable):
        past.work()
    past.work()
    assert store.asked == [(NAME, now - 10, now - 5)]
