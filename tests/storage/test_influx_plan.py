"""What a write will do, decided without a database."""

from __future__ import annotations

from schemas import FlaggedReading, Outcome, ParameterKey, SensorId, SeriesTags
from schemas.clock import HOUR_MS
from storage.influx_plan import Kept, plan, spans

HERE, THERE = SeriesTags("air", "st-1"), SeriesTags("air", "st-2")
KEY = ("air-a-1", 1000)


def reading(ts_ms: int = 1000, tags: SeriesTags = THERE, **values: float | None) -> FlaggedReading:
    given = {ParameterKey(key): value for key, value in values.items()}
    return FlaggedReading(SensorId("air-a-1"), ts_ms, given, {}, 2000, tags)


def test_a_later_version_stays_where_the_earlier_one_stands() -> None:
    made = plan([reading(pm25=2.0)], {KEY: Kept({"pm25": 1.0}, {"pm25": 1}, HERE)})
    assert made.outcomes == [Outcome.REVISED]
    assert made.placed[KEY].tags == HERE
    assert made.revised[0].earlier.values == {"pm25": 1.0}
    assert made.shrunk == []


def test_a_reading_that_loses_a_value_has_shrunk() -> None:
    stored = {KEY: Kept({"pm25": 1.0, "no2": None}, {}, HERE)}
    assert plan([reading(pm25=2.0)], stored).shrunk == [KEY]
    assert plan([reading(pm25=None, no2=1.0)], stored).shrunk == [KEY]
    assert plan([reading(pm25=2.0, no2=1.0, o3=1.0)], stored).shrunk == []


def test_a_duplicate_changes_no_hour() -> None:
    made = plan([reading(pm25=1.0)], {KEY: Kept({"pm25": 1.0}, {"pm25": 33}, HERE)})
    assert made.outcomes == [Outcome.DUPLICATE]
    assert (made.hours, made.placed, made.revised) == (set(), {}, [])


def test_there_and_back_in_one_batch_keeps_both_versions() -> None:
    stored = {KEY: Kept({"pm25": 1.0}, {}, HERE)}
    made = plan([reading(pm25=2.0), reading(pm25=1.0)], stored)
    assert made.outcomes == [Outcome.REVISED, Outcome.REVISED]
    assert [each.earlier.values["pm25"] for each in made.revised] == [1.0, 2.0]


def test_keys_are_looked_up_in_spans_without_long_gaps() -> None:
    keys = {("a", 0), ("b", HOUR_MS // 2), ("a", 5 * HOUR_MS)}
    assert spans(keys) == [
        ((0, HOUR_MS // 2 + 1), {"a", "b"}),
        ((5 * HOUR_MS, 5 * HOUR_MS + 1), {"a"}),
    ]
