"""A made-up past: what it writes, by which way, and that the present joins on to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ingest import Message
from ingest.past import take_in
from network import aggregate_hours
from onenet.past import Past, span_of, write_past
from registry import Registry, migrate, open_registry, seed_demo_city
from schemas import CITY_TIME, Interval, Level, Period, catalogue
from simulators.past import SEASONS, factor
from storage import Store, open_store, prepare
from tests.city import demo_registry
from tests.influx import influx

END = datetime(2026, 11, 1, tzinfo=CITY_TIME)
SPAN = Interval(END - timedelta(days=31), END)  # October


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Registry, Past]]:
    home = tmp_path_factory.mktemp("past")
    migrate(f"sqlite:///{home}/r.db")
    registry, store = open_registry(f"sqlite:///{home}/r.db"), open_store(f"sqlite:///{home}/o.db")
    seed_demo_city(registry)
    yield store, registry, write_past(SPAN, store=store, registry=registry)
    store.close()
    registry.close()


def test_a_month_of_the_past_is_valid_and_so_are_the_months_of_districts_and_city(city) -> None:
    store, _, done = city
    assert done.taken.refused == 0
    assert done.taken.stored == done.taken.received > 25_000
    months = store.read_aggregates(SPAN, period=Period.MONTH, parameters=["pm25", "laeq", "nh3n"])
    for level, subject, parameter in (
        ("city", "city", "pm25"),
        ("district", "futian", "pm25"),
        ("basin", "maozhou", "nh3n"),
        ("station", "st-noise-lianhua", "laeq"),
    ):
        row = months.filter(level=level, subject=subject, parameter=parameter)
        assert row["valid"].to_list() == [True], (level, subject)


def test_every_reading_went_through_the_tests_of_quality(city) -> None:
    store, registry, done = city
    seen = store.read(SPAN)
    assert set(seen["sensor"]) == {s.id for s in registry.sensors().values() if "-log" in s.id}
    flagged = seen.filter(pl.col("quality") % 10 > 2).height
    assert flagged == done.taken.flagged
    assert 0 < flagged < 0.01 * seen.height, "a plausible past, of which a little is suspect"
    account = store.account(Interval(SPAN.start, SPAN.end + timedelta(days=1)))
    assert account["received"].sum() == done.taken.received
    assert account["stored"].sum() == done.taken.stored


def test_the_loggers_are_retired_and_the_present_sensors_come_after_them(city) -> None:
    _, registry, done = city
    sensors = registry.sensors().values()
    loggers = [s for s in sensors if s.id.endswith("-log")]
    assert len(loggers) == done.loggers > 30
    assert {s.state for s in loggers} == {"retired"}
    assert all(s.source is None for s in loggers), "the fleet plays none of them"
    present = [s for s in sensors if s not in loggers]
    assert {s.installed for s in present} == {SPAN.end}


def test_hours_before_a_sensor_was_installed_are_not_its_gaps(city) -> None:
    store, registry, _ = city
    noon = SPAN.start + timedelta(hours=12)
    rows = store.read_aggregates(Interval.hour(noon), period=Period.HOUR, level=Level.STATION)
    lianhua = rows.filter(subject="st-air-lianhua", parameter="pm25")
    assert (lianhua["expected"][0], lianhua["valid"][0]) == (1, True), "the logger alone"
    later = Interval.hour(SPAN.end + timedelta(hours=1))
    aggregate_hours([later], store=store, registry=registry)
    rows = store.read_aggregates(later, period=Period.HOUR, level=Level.STATION)
    lianhua = rows.filter(subject="st-air-lianhua", parameter="pm25")
    assert (lianhua["expected"][0], lianhua["reason"][0]) == (2, "no_data")


def test_doing_it_again_ends_in_the_same_rows(city) -> None:
    store, registry, _ = city
    week = Interval(SPAN.end - timedelta(days=8), SPAN.end - timedelta(days=1))
    before = [store.read_aggregates(week, period=period).rows() for period in Period]
    done = write_past(SPAN, store=store, registry=registry)
    assert done.taken.duplicate == done.taken.received
    assert [store.read_aggregates(week, period=period).rows() for period in Period] == before


def test_a_year_reaches_back_to_what_is_compared() -> None:
    def month(today: date, until: date) -> tuple[date, date]:
        span = span_of(today, until)
        first, end = (m.astimezone(CITY_TIME).date() for m in (span.start, span.end))
        return first, end

    assert month(date(2026, 11, 25), date(2026, 10, 27)) == (date(2025, 10, 1), date(2026, 10, 27))
    assert month(date(2027, 1, 9), date(2026, 12, 11)) == (date(2025, 12, 1), date(2026, 12, 11))


@pytest.mark.parametrize("key", SEASONS)
def test_the_past_runs_into_the_present(key: str) -> None:
    joins = END.timestamp()
    assert factor(key, joins, joins) == pytest.approx(1.0)
    day_before = factor(key, joins - 86_400, joins)
    assert day_before == pytest.approx(1.0, abs=0.02)
    year_before = factor(key, joins - 365.25 * 86_400, joins)
    assert year_before == pytest.approx(1 / (1 + SEASONS[key].yearly), rel=0.01)


def test_a_registry_without_played_sensors_is_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/r.db"
    migrate(url)
    registry, store = open_registry(url), open_store(f"sqlite:///{tmp_path}/o.db")
    with pytest.raises(ValueError, match="seed it first"):
        write_past(SPAN, store=store, registry=registry)
    store.close()
    registry.close()


@pytest.mark.influx
def test_a_store_that_keeps_nothing_so_old_is_told_at_once(tmp_path: Path) -> None:
    registry = demo_registry(tmp_path)
    with influx(tmp_path) as server:
        url = f"{server.url}?prefix=past_"
        prepare(url, token=server.token)
        store = open_store(url, token=server.token)
        long_ago = Interval(END - timedelta(days=400), END)
        with pytest.raises(ValueError, match=r"nothing as old as 2025-09-27.* 90 days"):
            write_past(long_ago, store=store, registry=registry)
        assert store.count_readings() == {}
        store.close()
    registry.close()


def test_old_messages_are_taken_in_as_if_they_arrived_then(city) -> None:
    store, registry, _ = city
    sensor = next(s for s in registry.sensors().values() if s.id == "air-lianhua-1")
    then = datetime(2019, 5, 1, tzinfo=CITY_TIME)
    ts = int(then.timestamp() * 1000)
    body = f'[{{"ts": {ts}, "values": {{"pm25": 12.5}}}}, {{"ts": 5, "values": {{"pm25": 1}}}}]'
    topic = f"onenet/v1/air/{sensor.id}/data/json"
    sent = [Message(topic, body.encode(), ts + 60_000), Message(topic, b"{", ts + 60_000)]
    done = take_in(sent, store=store, registry=registry, catalogue=catalogue())
    assert (done.received, done.stored, done.refused) == (3, 1, 2)
    assert {letter.code for letter in registry.dead_letters(sensor=sensor.id)} == {
        "too_old",
        "json_broken",
    }
    assert store.read(Interval.hour(then))["value"].to_list() == [12.5]
