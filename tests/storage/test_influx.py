"""The store on a real InfluxDB: cut-off writes, several workers, moved sensors, hostile names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import FlaggedReading, Interval, Outcome, ParameterKey, SensorId, SeriesTags, to_ms
from storage import Store, StoreUnavailable, open_store, prepare
from storage.buckets import InfluxAddress
from storage.influx_http import InfluxHttp
from tests import influx
from tests.influx import RunningInflux

pytestmark = pytest.mark.influx
T0 = datetime(2026, 11, 24, tzinfo=UTC)
DAY = Interval(T0, T0 + timedelta(days=1))
HERE, THERE = SeriesTags("air", "st-1", "d-1"), SeriesTags("air", "st-2", "d-2")


def reading(minute: float, tags: SeriesTags = HERE, **values: float | None) -> FlaggedReading:
    at = to_ms(T0 + timedelta(minutes=minute))
    given_values = {ParameterKey(key): value for key, value in values.items()}
    return FlaggedReading(SensorId("air-a-1"), at, given_values, {}, at + 500, tags)


FIRST = [reading(0, pm25=1.0, no2=1.0), reading(1, pm25=1.0), reading(61, pm25=1.0)]
# A repeat, another value, one value less, a late one, a new one.
THEN = [
    reading(1, pm25=1.0),
    reading(61, pm25=2.0),
    reading(0, pm25=1.0),
    reading(30, pm25=5.0),
    reading(121, pm25=6.0),
]
OUTCOMES = [
    Outcome.DUPLICATE,
    Outcome.REVISED,
    Outcome.REVISED,
    Outcome.STORED,
    Outcome.STORED,
]


def state(store: Store) -> list[Any]:
    return [
        store.read(DAY).rows(),
        store.latest().rows(),
        store.count_readings(),
        store.revisions(DAY).rows(),
        store.account(DAY).rows(),
        store.pending_hours(DAY.end),
    ]


class Cut:
    """Breaks the connection at the nth request from now on, before or after it took effect."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, nth: int, *, after: bool) -> None:
        self.happened = False
        real, seen = InfluxHttp._send, 0

        def send(http: InfluxHttp, *request: Any, **more: Any) -> httpx.Response:
            nonlocal seen
            seen += 1
            cut = seen == nth
            self.happened |= cut
            if cut and not after:
                raise StoreUnavailable("cut off")
            answer = real(http, *request, **more)
            if cut:
                raise StoreUnavailable("cut off")
            return answer

        monkeypatch.setattr(InfluxHttp, "_send", send)


def each_cut(
    monkeypatch: pytest.MonkeyPatch, new_store: Callable[[], Store], *, after: bool
) -> list[Store]:
    """Stores in which the second write was cut off, one for each request that it makes."""
    stores = []
    for nth in range(1, 50):
        store = new_store()
        store.write(FIRST)
        with monkeypatch.context() as patch:
            cut = Cut(patch, nth, after=after)
            if not cut.happened:
                try:
                    store.write(THEN)
                except StoreUnavailable:
                    stores.append(store)
                    continue
        return stores
    raise AssertionError("a write makes fewer requests than that")


@pytest.mark.parametrize("after", [False, True])
def test_a_cut_off_write_that_is_made_again_ends_as_if_it_had_not_been_cut(
    new_influx_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    whole = new_influx_store()
    whole.write(FIRST)
    assert whole.write(THEN) == OUTCOMES
    stores = each_cut(monkeypatch, new_influx_store, after=after)
    assert len(stores) >= 6
    for store in stores:
        assert store.write(THEN) == OUTCOMES
        assert state(store) == state(whole)


@pytest.mark.parametrize("after", [False, True])
def test_a_killed_worker_loses_nothing_and_leaves_no_changed_hour_unmarked(
    running_influx: RunningInflux,
    new_influx_store: Callable[[], Store],
    monkeypatch: pytest.MonkeyPatch,
    after: bool,
) -> None:
    whole = new_influx_store()
    whole.write(FIRST)
    whole.write(THEN)
    for killed in each_cut(monkeypatch, new_influx_store, after=after):
        killed.settle_hours(killed.pending_hours(DAY.end))  # an aggregation before the restart
        observed = killed.read(DAY)
        address: InfluxAddress = killed._address  # type: ignore[attr-defined]
        url = f"{running_influx.url}?prefix={address.prefix}"
        restarted = open_store(url, token=running_influx.token)
        restarted.write(THEN)
        assert restarted.read(DAY).equals(whole.read(DAY))
        assert restarted.latest().equals(whole.latest())
        kept = restarted.revisions(DAY).drop("replaced").unique().sort("ts", "parameter")
        assert kept.equals(whole.revisions(DAY).drop("replaced"))
        account = restarted.account(DAY)
        assert account["received"].sum() == account["stored"].sum() + account["duplicate"].sum()
        if not observed.equals(restarted.read(DAY)):
            assert restarted.pending_hours(DAY.end) != []
        restarted.settle_hours(restarted.pending_hours(DAY.end))
        assert restarted.pending_hours(DAY.end) == []
        restarted.close()


def test_an_hour_whose_write_was_cut_off_stays_pending_until_its_worker_is_back(
    running_influx: RunningInflux, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = running_influx.clean()
    killed = open_store(url, token=running_influx.token)
    killed.write(FIRST[:1])
    killed.settle_hours(killed.pending_hours(DAY.end))
    with monkeypatch.context() as patch:
        Cut(patch, 3, after=True)  # look up, intend, place
        with pytest.raises(StoreUnavailable):
            killed.write([reading(5, pm25=9.0)])
    for _ in range(2):
        killed.settle_hours(killed.pending_hours(DAY.end))
        assert len(killed.pending_hours(DAY.end)) == 1
    killed.close()
    back = open_store(url, token=running_influx.token)
    back.write([reading(5, pm25=9.0)])
    back.settle_hours(back.pending_hours(DAY.end))
    assert back.pending_hours(DAY.end) == []
    back.close()


def test_another_batch_after_a_cut_off_one_counts_on_from_what_arrived(
    new_influx_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in each_cut(monkeypatch, new_influx_store, after=True):
        store.settle_hours(store.pending_hours(DAY.end))
        store.write([reading(2, pm25=7.0)])
        assert DAY.start in {each.hour.start for each in store.pending_hours(DAY.end)}
        account = store.account(DAY)
        assert account["received"].sum() == account["stored"].sum() + account["duplicate"].sum()
        assert account["received"].sum() in (len(FIRST) + 1, len(FIRST) + len(THEN) + 1)


def test_a_restarted_worker_counts_on(running_influx: RunningInflux) -> None:
    url = running_influx.clean()
    for minute in range(3):
        store = open_store(url, token=running_influx.token)
        store.write([reading(minute, pm25=1.0), reading(0, pm25=1.0)])
        store.close()
    store = open_store(url, token=running_influx.token)
    assert store.account(DAY).rows() == [("air-a-1", T0, 6, 3, 3, 0)]
    assert [each.version for each in store.pending_hours(DAY.end)] == [3]
    store.close()


def test_workers_write_side_by_side(running_influx: RunningInflux) -> None:
    url = running_influx.clean()

    def work(worker: int) -> None:
        store = open_store(f"{url}&worker={worker}", token=running_influx.token)
        for turn in range(10):
            store.write([reading(turn * 4 + worker, pm25=1.0) for _ in range(2)])
        store.close()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(1, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = open_store(url, token=running_influx.token)
    assert store.count_readings() == {"air-a-1": 30}
    assert store.account(DAY).rows() == [("air-a-1", T0, 60, 30, 30, 0)]
    assert store.account_sums(DAY).rows() == [("air-a-1", 60, 30, 30, 0)]
    seen = store.pending_hours(DAY.end)
    assert [each.version for each in seen] == [30]
    store.settle_hours(seen)
    assert store.pending_hours(DAY.end) == []
    store.close()


def test_what_one_worker_stored_is_a_duplicate_to_the_other(running_influx: RunningInflux) -> None:
    url = running_influx.clean()
    one = open_store(f"{url}&worker=1", token=running_influx.token)
    two = open_store(f"{url}&worker=2", token=running_influx.token)
    one.write([reading(0, pm25=1.0)])
    two.write([reading(9, pm25=1.0)])
    one.write([reading(5, pm25=1.0)])
    assert two.write([reading(5, pm25=1.0)]) == [Outcome.DUPLICATE]
    assert one.write([reading(9, pm25=2.0)]) == [Outcome.REVISED]
    one.close()
    two.close()


def test_a_sensor_that_moved_does_not_get_its_readings_twice(
    new_influx_store: Callable[[], Store],
) -> None:
    store = new_influx_store()
    store.write([reading(0, pm25=1.0), reading(1, pm25=1.0)])
    outcomes = store.write([reading(0, THERE, pm25=1.0), reading(1, THERE, pm25=2.0)])
    assert outcomes == [Outcome.DUPLICATE, Outcome.REVISED]
    store.write([reading(2, THERE, pm25=3.0)])
    assert store.read(DAY)["value"].to_list() == [1.0, 2.0, 3.0]
    assert store.count_readings() == {"air-a-1": 3}
    assert store.latest()["value"].to_list() == [3.0]


def test_a_value_that_became_missing_is_missing(new_influx_store: Callable[[], Store]) -> None:
    store = new_influx_store()
    store.write([reading(0, pm25=1.0, no2=2.0), reading(1, pm25=3.0)])
    store.write([reading(0, pm25=None, no2=2.0)])
    expected = [("no2", 2.0), ("pm25", None), ("pm25", 3.0)]
    assert store.read(DAY).select("parameter", "value").rows() == expected


def test_the_newest_observation_counts_even_if_it_is_missing(
    new_influx_store: Callable[[], Store],
) -> None:
    store = new_influx_store()
    store.write([reading(0, pm25=1.0), reading(1, pm25=None)])
    assert store.latest().rows() == [("air-a-1", T0 + timedelta(minutes=1), "pm25", None, 1)]


def test_a_reading_of_the_wrong_type_is_refused_alone(running_influx: RunningInflux) -> None:
    url = running_influx.clean()
    bucket = InfluxAddress.parse(url).bucket("observations")
    answer = httpx.post(
        f"{running_influx.http}/api/v2/write",
        params={"org": influx.ORG, "bucket": bucket},
        headers={"Authorization": f"Token {running_influx.token}"},
        content=f"air,sensor=someone-else no2=1i {to_ms(T0) * 1_000_000}",
    )
    answer.raise_for_status()
    store = open_store(url, token=running_influx.token)
    outcomes = store.write([reading(0, pm25=1.0), reading(1, no2=1.0), reading(2, pm25=1.0)])
    assert outcomes == [Outcome.STORED, Outcome.REFUSED, Outcome.STORED]
    assert store.read(DAY, sensors=["air-a-1"])["value"].to_list() == [1.0, 1.0]
    assert store.account(DAY).rows() == [("air-a-1", T0, 3, 2, 0, 1)]
    store.close()


def test_buckets_are_made_once_with_their_retention(running_influx: RunningInflux) -> None:
    url = f"{running_influx.url}?prefix=prepared_"
    made = prepare(url, token=running_influx.token)
    assert made == [
        "prepared_observations",
        "prepared_aggregates_hour",
        "prepared_aggregates",
        "prepared_accounts",
    ]
    assert prepare(url, token=running_influx.token) == []
    answer = httpx.get(
        f"{running_influx.http}/api/v2/buckets",
        params={"org": influx.ORG, "limit": 100, "name": "prepared_observations"},
        headers={"Authorization": f"Token {running_influx.token}"},
    )
    (bucket,) = answer.json()["buckets"]
    assert bucket["retentionRules"][0]["everySeconds"] == 90 * 86_400


@pytest.fixture
def one_store(new_influx_store: Callable[[], Store]) -> Store:
    return new_influx_store()


@given(name=st.text(min_size=1, max_size=40), station=st.text(max_size=40))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hostile_names_come_back_as_they_went_in(one_store: Store, name: str, station: str) -> None:
    sent = FlaggedReading(
        SensorId(name), to_ms(T0), {ParameterKey("pm25"): 1.0}, {}, 0, SeriesTags("air", station)
    )
    assert one_store.write([sent])[0] in (Outcome.STORED, Outcome.DUPLICATE)
    assert one_store.read(DAY, sensors=[name])["sensor"].to_list() == [name]
    assert one_store.latest(sensors=[name]).height == 1


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_float_survives_bit_by_bit(one_store: Store, floats: list[float]) -> None:
    readings = [reading(n, pm25=x) for n, x in enumerate(floats)]
    sensor = SensorId(f"air-{uuid4().hex}")
    one_store.write([replace(each, sensor=sensor) for each in readings])
    found = one_store.read(DAY, sensors=[sensor])["value"]
    assert [x.hex() for x in found] == [x.hex() for x in floats]


def test_more_sensors_than_a_filter_takes_are_narrowed_all_the_same(
    new_influx_store: Callable[[], Store],
) -> None:
    store = new_influx_store()
    readings = [reading(0, pm25=1.0) for _ in range(300)]
    for n, each in enumerate(readings):
        each.sensor = SensorId(f"air-{n:03}")
    store.write(readings)
    wanted = [f"air-{n:03}" for n in range(250)]
    assert store.read(DAY, sensors=wanted)["sensor"].to_list() == wanted
    assert store.latest(sensors=wanted).height == 250
    assert isinstance(store.read(DAY), pl.DataFrame)
