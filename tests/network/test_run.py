"""Aggregation over a real store: late data, re-runs and rebuilds end in the same rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from network import (
    aggregate_days,
    aggregate_hours,
    aggregate_periods,
    assess_days,
    assess_hours,
    districts_of,
    rejudge_pending,
    roll_up_days,
    roll_up_hours,
    roll_up_periods,
)
from network.views import city_board, station_view
from registry import Registry
from schemas import (
    CITY_TIME,
    FlaggedReading,
    Interval,
    Medium,
    Period,
    SensorId,
    StationId,
    indices,
)
from schemas.clock import HOUR
from storage import Store
from tests.network.alerted import add_alert

START = datetime(2026, 11, 20, tzinfo=CITY_TIME).astimezone(UTC)
SPAN = Interval(START, START + timedelta(days=2))
WIDE = Interval(START - timedelta(days=2), START + timedelta(days=4))
NOW = SPAN.end + timedelta(hours=7)

OpenStore = Callable[[str], Store]
Readings = Callable[[Interval], list[FlaggedReading]]


def all_rows(store: Store) -> list:
    return [store.read_aggregates(WIDE, period=period).rows() for period in Period]


def test_shuffled_late_data_end_in_the_rows_of_an_ordered_rebuild(
    open_store_at: OpenStore, registry: Registry, readings: Readings
) -> None:
    stream = readings(SPAN)
    ordered, late = open_store_at("ordered"), open_store_at("late")
    ordered.write(stream)
    aggregate_hours(list(SPAN.hours()), store=ordered, registry=registry)
    with_the_night_before = Interval(SPAN.start - timedelta(days=1), SPAN.end)
    days = list(with_the_night_before.city_days())
    aggregate_days(days, store=ordered, registry=registry)
    aggregate_periods(days, until=NOW, store=ordered, registry=registry)
    assess_hours(list(SPAN.hours()), store=ordered, registry=registry)
    assess_days(days, store=ordered, registry=registry)

    shuffled = stream[:]
    random.Random(7).shuffle(shuffled)
    third = len(shuffled) // 3
    for part in (shuffled[:third], shuffled[third : 2 * third], shuffled[2 * third :]):
        late.write(part)
        rejudge_pending(NOW, store=late, registry=registry)
    assert all_rows(late) == all_rows(ordered)
    assert late.pending_hours(NOW) == []


def test_late_readings_re_judge_exactly_what_they_touch(
    open_store_at: OpenStore, registry: Registry, readings: Readings
) -> None:
    store = open_store_at("city")
    stream = readings(SPAN)
    noon = Interval.hour(START + timedelta(hours=12))
    held = [
        r
        for r in stream
        if r.sensor == "air-lianhua-1"
        and noon.start.timestamp() * 1000 <= r.ts_ms < noon.end.timestamp() * 1000
    ]
    store.write([r for r in stream if r not in held])
    rejudge_pending(NOW, store=store, registry=registry)
    before = store.read_aggregates(WIDE, period=Period.HOUR)
    store.write(held)
    done = rejudge_pending(NOW, store=store, registry=registry)
    # The day that was touched is 20 November; its year to date runs on through the 21st.
    assert (done.hours, done.days, done.periods) == (1, 1, 2)
    after = store.read_aggregates(WIDE, period=Period.HOUR)
    changed = set(after.rows()) - set(before.rows())
    assert {row[4] for row in changed if row[2] not in indices()} == {noon.start}
    reached = {
        key: {row[4] for row in changed if row[2] == key}
        for key in ("aqi", "iaqi_o3", "aqhi", "o3_3h", "o3_8h")
    }
    ahead = [noon.start + timedelta(hours=n) for n in range(8)]
    assert reached["o3_8h"] == set(ahead), "a mean of eight hours has seven more ahead of it"
    assert reached["o3_3h"] == set(ahead[:3])
    assert reached["aqi"] == reached["iaqi_o3"] == {noon.start}
    assert set() < reached["aqhi"] <= set(ahead[:3]), "bands are wide: not each of them changes"
    assert {row[2] for row in changed if row[4] > ahead[2]} == {"o3_8h"}
    assert rejudge_pending(NOW, store=store, registry=registry).rows == 0


def test_districts_one_by_one_and_then_what_lies_over_them_give_the_same_rows(
    open_store_at: OpenStore, registry: Registry, readings: Readings
) -> None:
    whole, shared = open_store_at("whole"), open_store_at("shared")
    stream = readings(SPAN)
    weekly = registry.sensors()[SensorId("soil-kuichong-2")]
    registry.add(sensors=[weekly.model_copy(update={"cadence_s": 604_800})])
    for store in (whole, shared):
        store.write(stream)
    hours, days = list(SPAN.hours()), list(SPAN.city_days())
    aggregate_hours(hours, store=whole, registry=registry)
    aggregate_days(days, store=whole, registry=registry)
    aggregate_periods(days, until=NOW, store=whole, registry=registry)

    districts = districts_of(registry)
    assert len(districts) > 5
    for district in reversed(districts):  # in any order
        aggregate_hours(hours, store=shared, registry=registry, districts=[district])
    roll_up_hours(hours, store=shared, registry=registry)
    for some in (districts[:4], districts[4:]):
        aggregate_days(days, store=shared, registry=registry, districts=some)
    roll_up_days(days, store=shared, registry=registry)
    for district in districts:
        aggregate_periods(days, until=NOW, store=shared, registry=registry, districts=[district])
    roll_up_periods(days, until=NOW, store=shared, registry=registry)
    assert all_rows(shared) == all_rows(whole)
    for period in (Period.HOUR, Period.DAY, Period.NIGHT, Period.YEAR_TO_DATE):
        levels = set(whole.read_aggregates(WIDE, period=period)["level"])
        assert {"sensor", "district", "city"} <= levels


def test_work_is_not_shared_out_to_a_district_that_cannot_do_it_alone(
    open_store_at: OpenStore, registry: Registry
) -> None:
    store, hours = open_store_at("city"), list(SPAN.hours())[:1]
    with pytest.raises(ValueError, match="district 'atlantis' has no stations; there are: baoan"):
        aggregate_hours(hours, store=store, registry=registry, districts=["atlantis"])
    odd = registry.stations()[StationId("st-air-lianhua")].model_copy(update={"district": "luohu"})
    registry.add(stations=[odd])
    with pytest.raises(ValueError, match="subdistrict 'lianhua' has stations in 'luohu' and, by"):
        aggregate_days(list(SPAN.city_days()), store=store, registry=registry, districts=["futian"])


def test_running_again_changes_nothing(
    open_store_at: OpenStore, registry: Registry, readings: Readings
) -> None:
    store = open_store_at("city")
    store.write(readings(Interval(START, START + timedelta(hours=3))))
    hours = list(Interval(START, START + timedelta(hours=3)).hours())
    rows = aggregate_hours(hours, store=store, registry=registry)
    verdicts = assess_hours(hours, store=store, registry=registry)
    before = all_rows(store)
    assert aggregate_hours(hours, store=store, registry=registry) == rows
    assert assess_hours(hours, store=store, registry=registry) == verdicts > 0
    assert all_rows(store) == before


def test_the_board_shows_every_medium_with_current_values(
    open_store_at: OpenStore, registry: Registry, readings: Readings
) -> None:
    store = open_store_at("city")
    store.write(readings(SPAN))
    rejudge_pending(NOW, store=store, registry=registry)
    board = city_board(store=store, registry=registry, now=SPAN.end)
    assert board.account.difference == 0
    assert {m.medium for m in board.mediums} == set(Medium)
    for medium in board.mediums:
        assert medium.reporting > 0
        assert medium.figures
    assert {s.state for s in board.stations} <= {"ok", "suspect", "alert", "stale", "silent"}
    later = city_board(store=store, registry=registry, now=SPAN.end + timedelta(days=3))
    assert {s.state for s in later.stations} == {"silent"}


def test_a_station_is_exceeding_while_its_breach_goes_on(
    open_store_at: OpenStore, registry: Registry, readings: Readings
) -> None:
    """An alert whose breach is over waits for people, and its station is back to normal."""
    store = open_store_at("city")
    store.write(readings(SPAN))
    on, over = "noise-lianhua-1", "noise-dongmen-1"
    add_alert(registry, sensor=on, severity="red", started=SPAN.end - HOUR)
    add_alert(
        registry, sensor=over, severity="red", started=SPAN.end - 2 * HOUR, ended=SPAN.end - HOUR
    )
    board = city_board(store=store, registry=registry, now=SPAN.end)
    sensors = registry.sensors()
    exceeding = {s.station.id for s in board.stations if s.state == "alert"}
    assert exceeding == {sensors[SensorId(on)].station}
    for name, state in ((on, "alert"), (over, "ok")):
        station = sensors[SensorId(name)].station
        view = station_view(station, store=store, registry=registry, now=SPAN.end)
        assert view is not None
        assert view.state.state == state


def test_a_station_is_shown_with_its_last_day(
    open_store_at: OpenStore, registry: Registry, readings: Readings
) -> None:
    store = open_store_at("city")
    store.write(readings(SPAN))
    rejudge_pending(NOW, store=store, registry=registry)
    view = station_view("st-air-lianhua", store=store, registry=registry, now=SPAN.end)
    assert view is not None
    assert view.observations.height > 1000
    assert view.hours.height >= 23 * 11
    assert station_view("nowhere", store=store, registry=registry, now=SPAN.end) is None
