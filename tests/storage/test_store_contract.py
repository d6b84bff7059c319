"""What every store promises, run against each that is configured.

The embedded store always; a real InfluxDB where there is one, see `tests/influx.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import FlaggedReading, Interval, Level, Outcome, ParameterKey, Period, SensorId, to_ms
from schemas.observation import ACCOUNT, ACCOUNT_SUMS, AGGREGATES, OBSERVATION_COUNTS, OBSERVATIONS
from storage import Store

T0 = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
DAY = Interval(T0, T0 + timedelta(days=1))
PM25, NO2, LAEQ = ParameterKey("pm25"), ParameterKey("no2"), ParameterKey("laeq")
KINDS = ["embedded", pytest.param("influx", marks=pytest.mark.influx)]


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> Store:
    new_store: Callable[[], Store] = request.getfixturevalue(f"new_{request.param}_store")
    return new_store()


def reading(
    minute: float = 0,
    sensor: str = "air-a-1",
    quality: dict[ParameterKey, int] | None = None,
    **values: float | None,
) -> FlaggedReading:
    at = to_ms(T0 + timedelta(minutes=minute))
    given_values = {ParameterKey(k): v for k, v in (values or {"pm25": 10.0}).items()}
    return FlaggedReading(SensorId(sensor), at, given_values, quality or {}, at + 500)


def rows(frame: pl.DataFrame) -> list[tuple[str, float | None]]:
    return list(frame.select("parameter", "value").rows())


def test_what_is_written_is_read_back(store: Store) -> None:
    written = [reading(0, pm25=12.3, no2=None, quality={NO2: 69}), reading(1, pm25=12.4)]
    assert store.write(written) == [Outcome.STORED, Outcome.STORED]
    found = store.read(DAY)
    assert dict(found.schema) == OBSERVATIONS
    assert found.rows() == [
        ("air-a-1", T0, "no2", None, 69),
        ("air-a-1", T0, "pm25", 12.3, 1),
        ("air-a-1", T0 + timedelta(minutes=1), "pm25", 12.4, 1),
    ]


def test_an_empty_store_answers_with_empty_frames_of_the_right_columns(store: Store) -> None:
    assert dict(store.read(DAY).schema) == OBSERVATIONS
    assert dict(store.latest().schema) == OBSERVATIONS
    assert dict(store.account(DAY).schema) == ACCOUNT
    assert dict(store.read_aggregates(DAY, period=Period.HOUR).schema) == AGGREGATES
    assert dict(store.revisions(DAY).schema) == {**OBSERVATIONS, "replaced": OBSERVATIONS["ts"]}
    assert store.count_readings() == {}
    assert store.pending_hours(DAY.end) == []
    assert store.write([]) == []


def test_the_same_reading_again_changes_nothing(store: Store) -> None:
    store.write([reading(pm25=1.0)])
    before = store.read(DAY)
    again = reading(pm25=1.0, quality={PM25: 33})  # flagged otherwise after a restart
    assert store.write([again, again]) == [Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert store.read(DAY).equals(before)
    assert store.revisions(DAY).is_empty()


def test_missing_equals_missing(store: Store) -> None:
    store.write([reading(pm25=None)])
    assert store.write([reading(pm25=None)]) == [Outcome.DUPLICATE]


def test_other_values_win_and_the_earlier_ones_stay_readable(store: Store) -> None:
    store.write([reading(pm25=1.0)])
    assert store.write([reading(pm25=2.0)]) == [Outcome.REVISED]
    assert rows(store.read(DAY)) == [("pm25", 2.0)]
    assert rows(store.revisions(DAY)) == [("pm25", 1.0)]
    assert store.count_readings() == {"air-a-1": 1}


def test_a_revision_with_other_parameters_replaces_the_whole_reading(store: Store) -> None:
    store.write([reading(0, pm25=1.0), reading(1, pm25=1.0, no2=5.0)])
    assert store.write([reading(1, pm25=1.0)]) == [Outcome.REVISED]
    assert rows(store.read(DAY)) == [("pm25", 1.0), ("pm25", 1.0)]
    assert rows(store.latest()) == [("pm25", 1.0)]


def test_a_reflag_takes_the_good_values_of_one_sensors_window(store: Store) -> None:
    good, code, spike = 1, 204, 108
    given = [
        reading(0, pm25=1.0),
        reading(60, pm25=2.0, no2=5.0),
        reading(120, pm25=3.0, quality={PM25: spike}),
        reading(60, "air-b-1", pm25=9.0),
    ]
    store.write(given)
    store.settle_hours(store.pending_hours(DAY.end))
    window = Interval(T0 + timedelta(hours=1), T0 + timedelta(hours=3))
    before = store.account(DAY).rows()
    assert store.reflag("air-a-1", window, code) == 1
    expected = [good, code, code, spike, good]
    assert store.read(DAY)["quality"].to_list() == expected
    assert store.read(DAY)["value"].to_list() == [1.0, 5.0, 2.0, 3.0, 9.0], "no value changes"
    assert [each.hour.start for each in store.pending_hours(DAY.end)] == [window.start]
    assert sorted(rows(store.revisions(DAY))) == [("no2", 5.0), ("pm25", 2.0)]
    assert store.revisions(DAY)["quality"].to_list() == [good, good]
    assert store.account(DAY).rows() == before

    assert store.reflag("air-a-1", window, code) == 0, "and again changes nothing"
    assert store.reflag("nobody", window, code) == 0
    assert store.write(given) == [Outcome.DUPLICATE] * 4
    assert store.read(DAY)["quality"].to_list() == expected, "the same again brings nothing back"


def test_repeats_within_one_batch_count_the_same_way(store: Store) -> None:
    outcomes = store.write([reading(pm25=1.0), reading(pm25=1.0), reading(pm25=2.0)])
    assert outcomes == [Outcome.STORED, Outcome.DUPLICATE, Outcome.REVISED]
    assert rows(store.read(DAY)) == [("pm25", 2.0)]


def test_a_window_holds_its_start_and_not_its_end(store: Store) -> None:
    store.write([reading(0), reading(60), reading(120)])
    hour = Interval(T0 + timedelta(hours=1), T0 + timedelta(hours=2))
    assert store.read(hour)["ts"].to_list() == [T0 + timedelta(hours=1)]
    assert store.count_readings(hour) == {"air-a-1": 1}


def test_reading_can_be_narrowed_to_sensors_and_parameters(store: Store) -> None:
    store.write([reading(pm25=1.0, no2=2.0), reading(sensor="noise-b-1", laeq=60.0)])
    assert rows(store.read(DAY, sensors=["noise-b-1"])) == [("laeq", 60.0)]
    assert rows(store.read(DAY, parameters=["no2", "laeq"])) == [("no2", 2.0), ("laeq", 60.0)]
    assert store.read(DAY, sensors=[]).is_empty()
    assert store.read(DAY, sensors=["nobody"]).is_empty()


def test_latest_is_the_newest_of_each_channel_whatever_the_order_of_arrival(store: Store) -> None:
    store.write([reading(10, pm25=3.0), reading(5, pm25=2.0, no2=7.0)])
    store.write([reading(1, no2=1.0), reading(0, sensor="noise-b-1", laeq=50.0)])
    found = store.latest()
    assert rows(found) == [("no2", 7.0), ("pm25", 3.0), ("laeq", 50.0)]
    assert rows(store.latest(sensors=["noise-b-1"])) == [("laeq", 50.0)]


def test_earliest_is_the_oldest_of_each_channel_whatever_the_order_of_arrival(
    store: Store,
) -> None:
    store.write([reading(5, pm25=2.0, no2=None), reading(3, no2=1.0)])
    store.write([reading(1, pm25=1.0), reading(2, sensor="air-b-1", pm25=7.0)])
    found = store.earliest()
    assert dict(found.schema) == OBSERVATIONS
    assert found.select("sensor", "parameter", "value").rows() == [
        ("air-a-1", "pm25", 1.0),
        ("air-a-1", "no2", 1.0),
        ("air-b-1", "pm25", 7.0),
    ]
    assert store.earliest(sensors=["air-b-1"])["value"].to_list() == [7.0]
    assert store.earliest(sensors=[]).is_empty()


def test_observations_are_counted_by_channel_those_without_value_too(store: Store) -> None:
    assert dict(store.count_observations().schema) == OBSERVATION_COUNTS
    store.write([reading(0, pm25=1.0), reading(1, pm25=2.0, no2=None), reading(1600, pm25=3.0)])
    store.write([reading(0, sensor="air-b-1", no2=7.0), reading(0, pm25=9.0)])  # a revision
    assert store.count_observations().rows() == [
        ("air-a-1", "no2", 1),
        ("air-a-1", "pm25", 3),
        ("air-b-1", "no2", 1),
    ]
    found = store.count_observations(DAY, sensors=["air-a-1"])
    assert found.rows() == [("air-a-1", "no2", 1), ("air-a-1", "pm25", 2)]
    assert dict(found.schema) == OBSERVATION_COUNTS
    assert store.count_observations(sensors=[]).is_empty()


def test_the_account_balances_by_sensor_and_hour_of_arrival(store: Store) -> None:
    store.write([reading(0, pm25=1.0), reading(0, pm25=1.0), reading(1, pm25=1.0)])
    store.write([reading(1, pm25=9.0), reading(70)])
    key = (SensorId("air-a-1"), to_ms(T0))
    store.write([], received={key: 2}, dead_lettered={key: 2})
    account = store.account(DAY)
    assert account.rows() == [
        ("air-a-1", T0, 6, 3, 1, 2),
        ("air-a-1", T0 + timedelta(hours=1), 1, 1, 0, 0),
    ]


def test_the_account_is_summed_by_sensor_over_the_hours_of_a_window(store: Store) -> None:
    assert dict(store.account_sums(DAY).schema) == ACCOUNT_SUMS
    assert store.account_sums(DAY).is_empty()
    store.write([reading(70, sensor="air-b-1"), reading(70, sensor="air-b-1"), reading(0)])
    store.write([reading(130), reading(1500), reading(0, pm25=9.0)])
    key = (SensorId("air-b-1"), to_ms(T0 + timedelta(hours=3)))
    store.write([], received={key: 2}, dead_lettered={key: 2})
    sums = store.account_sums(DAY)
    assert dict(sums.schema) == ACCOUNT_SUMS
    assert sums.rows() == [("air-a-1", 3, 3, 0, 0), ("air-b-1", 4, 1, 1, 2)]
    later = Interval(T0 + timedelta(hours=1), T0 + timedelta(hours=3))
    assert store.account_sums(later).rows() == [("air-a-1", 1, 1, 0, 0), ("air-b-1", 2, 1, 1, 0)]


def test_every_changed_hour_is_pending_once_it_has_ended(store: Store) -> None:
    store.write([reading(0), reading(61)])
    assert store.pending_hours(T0 + timedelta(minutes=59)) == []
    first = store.pending_hours(T0 + timedelta(hours=1))
    assert [pending.hour.start for pending in first] == [T0]
    assert len(store.pending_hours(DAY.end)) == 2


def test_settled_hours_are_pending_again_only_when_changed(store: Store) -> None:
    store.write([reading(0)])
    store.settle_hours(store.pending_hours(DAY.end))
    store.write([reading(0)])  # a duplicate
    assert store.pending_hours(DAY.end) == []
    store.write([reading(1)])  # late
    assert len(store.pending_hours(DAY.end)) == 1


def test_an_hour_that_changed_while_it_was_aggregated_stays_pending(store: Store) -> None:
    store.write([reading(0)])
    seen = store.pending_hours(DAY.end)
    store.write([reading(1)])
    store.settle_hours(seen)
    still = store.pending_hours(DAY.end)
    assert len(still) == 1
    store.settle_hours(still)
    store.write([reading(2)])
    store.settle_hours(still)  # an old note settles nothing new
    assert len(store.pending_hours(DAY.end)) == 1


def aggregate(start: datetime, value: float | None, subject: str = "air-a-1") -> pl.DataFrame:
    row = (Level.SENSOR, subject, "pm25", Period.HOUR, start, value, value, value)
    return pl.DataFrame(
        [(*row, 12, 12, 1.0, value is not None, "" if value else "no data", "mean", "HJ663-2026")],
        schema=AGGREGATES,
        orient="row",
    )


def test_aggregates_are_replaced_by_their_key(store: Store) -> None:
    store.write_aggregates(pl.concat([aggregate(T0, 1.0), aggregate(T0, 5.0, "air-b-1")]))
    store.write_aggregates(aggregate(T0, 2.0))
    found = store.read_aggregates(DAY, period=Period.HOUR)
    assert dict(found.schema) == AGGREGATES
    assert found["value"].to_list() == [2.0, 5.0]
    assert found.row(0) == aggregate(T0, 2.0).row(0)


def test_an_aggregate_without_value_stays_without_value(store: Store) -> None:
    store.write_aggregates(aggregate(T0, 1.0))
    store.write_aggregates(aggregate(T0, None))
    found = store.read_aggregates(DAY, period=Period.HOUR, level=Level.SENSOR)
    assert found["value"].to_list() == [None]
    assert found["valid"].to_list() == [False]


def test_every_aggregate_keeps_its_own_reason(store: Store) -> None:
    hours = [T0 + timedelta(hours=n) for n in range(24)]
    written = [aggregate(hour, None if hour.hour in (0, 7, 8, 20) else 1.0) for hour in hours]
    store.write_aggregates(pl.concat(written))
    found = store.read_aggregates(DAY, period=Period.HOUR)
    assert found.rows() == pl.concat(written).rows()


def test_aggregates_are_narrowed_by_period_level_subject_parameter(store: Store) -> None:
    store.write_aggregates(aggregate(T0, 1.0))
    assert store.read_aggregates(DAY, period=Period.DAY).is_empty()
    assert store.read_aggregates(DAY, period=Period.HOUR, level=Level.CITY).is_empty()
    assert store.read_aggregates(DAY, period=Period.HOUR, subjects=["x"]).is_empty()
    assert store.read_aggregates(DAY, period=Period.HOUR, parameters=["no2"]).is_empty()
    assert store.read_aggregates(DAY, period=Period.HOUR, parameters=["pm25"]).height == 1


moments = st.integers(0, 200)
values = st.one_of(st.none(), st.floats(-1e9, 1e9, allow_nan=False))
sent_values = st.dictionaries(st.sampled_from([PM25, NO2]), values, min_size=1)


shuffles = given(
    sent=st.dictionaries(
        moments, st.dictionaries(st.sampled_from([PM25, NO2]), values, min_size=1)
    ),
    order=st.randoms(use_true_random=False),
    cuts=st.lists(st.integers(0, 400), max_size=3),
)
reused = [HealthCheck.function_scoped_fixture]


@shuffles
@settings(max_examples=25, suppress_health_check=reused)
def test_a_shuffled_doubled_stream_ends_in_the_same_state(
    new_embedded_store: Callable[[], Store], sent, order, cuts
) -> None:
    shuffled_and_ordered_agree(new_embedded_store, sent, order, cuts)


@pytest.mark.influx
@shuffles
@settings(max_examples=5, suppress_health_check=reused)
def test_a_shuffled_doubled_stream_ends_in_the_same_state_in_influx(
    new_influx_store: Callable[[], Store], sent, order, cuts
) -> None:
    shuffled_and_ordered_agree(new_influx_store, sent, order, cuts)


def shuffled_and_ordered_agree(new_store: Callable[[], Store], sent, order, cuts) -> None:
    stream = [reading(minute, **kept) for minute, kept in sent.items()]
    ordered = new_store()
    ordered.write(stream)
    shuffled = stream * 2
    order.shuffle(shuffled)
    late = new_store()
    edges = sorted({0, *(min(cut, len(shuffled)) for cut in cuts), len(shuffled)})
    for start, end in pairwise(edges):
        late.write(shuffled[start:end])
    assert late.read(DAY).equals(ordered.read(DAY))
    assert late.latest().equals(ordered.latest())
    assert late.count_readings() == ordered.count_readings()
    assert late.revisions(DAY).is_empty()
    late.close()
    ordered.close()
