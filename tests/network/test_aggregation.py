"""Aggregation: hours, roll-ups and days, by hand-made examples and by properties."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.averaging import average
from network.days import day_rows, part_of_day
from network.hours import channels, sensor_hours
from network.rollup import all_levels, areas_of, stations_of
from network.run import touched_days
from registry.seed import demo_city
from schemas import CITY_TIME, Interval, Period, catalogue
from schemas.observation import AGGREGATES, OBSERVATIONS
from schemas.registry import Sensor

T0 = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
NONE_SLOW = pl.DataFrame(schema={"subject": pl.String, "hours": pl.Int32})


def sensor(
    key: str, cadence_s: int = 600, medium: str = "air", *more: str, **fields: str
) -> Sensor:
    return Sensor.model_validate(
        {
            "id": "s-001",
            "station": "st-1",
            "medium": medium,
            "model": "m",
            "serial": "1",
            "parameters": (key, *more),
            "cadence_s": cadence_s,
            **fields,
        }
    )


def observed(values: list, key: str = "pm25", every_s: int = 600, quality: int = 1) -> pl.DataFrame:
    rows = [
        ("s-001", T0 + timedelta(seconds=i * every_s), key, value, quality)
        for i, value in enumerate(values)
    ]
    return pl.DataFrame(rows, schema=OBSERVATIONS, orient="row")


def hour(observations: pl.DataFrame, one: Sensor) -> dict:
    rows = sensor_hours(observations, channels([one], catalogue()), [T0])
    return rows.filter(pl.col("parameter") == one.parameters[0]).row(0, named=True)


def test_an_hour_is_the_mean_of_its_usable_values() -> None:
    row = hour(observed([10.0, 20.0, 30.0, 40.0, 50.0, 60.0]), sensor("pm25"))
    assert (row["value"], row["minimum"], row["maximum"]) == (35.0, 10.0, 60.0)
    assert (row["count"], row["expected"], row["completeness"]) == (6, 6, 1.0)
    assert (row["valid"], row["reason"], row["method"]) == (True, "", "mean")


@pytest.mark.parametrize(("count", "valid"), [(9, True), (8, False)])
def test_an_hour_needs_45_minutes_of_data(count: int, valid: bool) -> None:
    row = hour(observed([10.0] * count, every_s=300), sensor("pm25", 300))
    assert row["valid"] is valid
    assert row["value"] == 10.0
    assert row["reason"] == ("" if valid else "incomplete")


def test_suspect_bad_and_missing_values_do_not_count_and_are_not_filled() -> None:
    good = observed([10.0] * 4)
    bad = observed([999.0] * 6, quality=24).tail(1)
    missing = observed([None] * 5).tail(1)
    row = hour(pl.concat([good, bad, missing]), sensor("pm25"))
    assert (row["value"], row["count"], row["valid"]) == (10.0, 4, False)


def test_an_hour_says_which_edition_it_was_held_to() -> None:
    one = sensor("pm25")
    spans = [datetime(2026, 2, 28, 15, tzinfo=UTC), datetime(2026, 2, 28, 16, tzinfo=UTC)]
    rows = sensor_hours(observed([]), channels([one], catalogue()), spans).sort("start")
    assert rows["edition"].to_list() == ["HJ663-2013", "HJ663-2026"]  # midnight in the city
    long_ago = [datetime(2010, 1, 1, tzinfo=UTC)]
    rows = sensor_hours(observed([]), channels([one], catalogue()), long_ago)
    assert rows["edition"].to_list() == ["HJ663-2013"]


def test_an_hour_without_data_is_shown_as_such() -> None:
    row = hour(observed([]), sensor("pm25"))
    assert (row["value"], row["count"], row["valid"], row["reason"]) == (None, 0, False, "no_data")


def test_a_retired_sensor_is_not_expected() -> None:
    one = sensor("pm25", state="retired")
    assert sensor_hours(observed([]), channels([one], catalogue()), [T0]).is_empty()


def test_sound_is_averaged_as_energy() -> None:
    row = hour(observed([60.0, 60.0, 60.0, 70.0, 70.0, 70.0], "laeq"), sensor("laeq", 600, "noise"))
    assert row["value"] == pytest.approx(10 * math.log10((1e6 + 1e7) / 2))
    assert row["method"] == "energy"


def test_wind_is_averaged_as_vectors_weighted_by_speed() -> None:
    one = sensor("wind_direction", 1800, "air", "wind_speed")
    row = hour(
        pl.concat(
            [
                observed([350.0, 10.0], "wind_direction", 1800),
                observed([2.0, 2.0], "wind_speed", 1800),
            ]
        ),
        one,
    )
    assert row["value"] == pytest.approx(0.0, abs=1e-6) or row["value"] == pytest.approx(360.0)
    row = hour(
        pl.concat(
            [
                observed([0.0, 90.0], "wind_direction", 1800),
                observed([1.0, 3.0], "wind_speed", 1800),
            ]
        ),
        one,
    )
    assert row["value"] == pytest.approx(math.degrees(math.atan2(3, 1)))


def test_rain_is_summed() -> None:
    row = hour(observed([0.5] * 6, "rain"), sensor("rain"))
    assert row["value"] == 3.0


levels = st.lists(st.floats(30, 120), min_size=1, max_size=30)


@given(values=levels, order=st.randoms(use_true_random=False))
def test_energy_mean_lies_between_mean_and_maximum_in_any_order(values, order) -> None:
    shuffled = values[:]
    order.shuffle(shuffled)
    means = []
    for given_values in (values, shuffled):
        frame = pl.DataFrame({"value": given_values}).with_columns(
            group=pl.lit(1),
            method=pl.lit("energy"),
            weight=pl.lit(1.0),
            low=pl.col("value"),
            high=pl.col("value"),
        )
        means.append(average(frame, ["group"])["value"][0])
    assert means[0] == pytest.approx(means[1], abs=1e-8)
    assert sum(values) / len(values) - 1e-6 <= means[0] <= max(values) + 1e-6


PLACES, ENTERPRISES, STATIONS, SENSORS = demo_city()
STATION = {station.id: station for station in STATIONS}


def city_hour(values: dict[str, float], key: str) -> pl.DataFrame:
    """All levels of one hour in which the named sensors measured one value throughout."""
    rows = []
    for one in SENSORS:
        if one.id in values:
            for n in range(3600 // one.cadence_s or 1):
                at = T0 + timedelta(seconds=n * one.cadence_s)
                rows.append((one.id, at, key, values[one.id], 1))
    observations = pl.DataFrame(rows, schema=OBSERVATIONS, orient="row")
    return all_levels(
        sensor_hours(observations, channels(SENSORS, catalogue()), [T0]),
        stations_of(SENSORS),
        areas_of(STATIONS),
    )


def value_of(rows: pl.DataFrame, level: str, subject: str, key: str) -> dict:
    found = rows.filter(
        pl.col("level") == level, pl.col("subject") == subject, pl.col("parameter") == key
    )
    assert found.height == 1, (level, subject, key)
    return found.row(0, named=True)


def test_stations_make_subdistricts_districts_and_the_city() -> None:
    air = [s.id for s in SENSORS if "pm25" in s.parameters and s.state == "active"]
    rows = city_hour({name: 10.0 + index for index, name in enumerate(air)}, "pm25")
    assert dict(rows.schema) == AGGREGATES
    city = value_of(rows, "city", "city", "pm25")
    stations = rows.filter(pl.col("level") == "station", pl.col("parameter") == "pm25")
    assert city["value"] == pytest.approx(stations["value"].mean())
    assert city["count"] == city["expected"] == stations.height
    futian = value_of(rows, "district", "futian", "pm25")
    inside = stations.filter(
        pl.col("subject").is_in([s.id for s in STATIONS if s.district == "futian"])
    )
    assert futian["value"] == pytest.approx(inside["value"].mean())


def test_an_area_with_too_few_stations_is_shown_as_invalid() -> None:
    rows = city_hour({"air-lianhua-1": 12.0}, "pm25")
    city = value_of(rows, "city", "city", "pm25")
    assert (city["value"], city["valid"], city["reason"]) == (12.0, False, "incomplete")
    assert value_of(rows, "district", "yantian", "pm25")["reason"] == "no_data"


def test_roads_sites_and_enterprises_are_judged_by_themselves() -> None:
    sound = {s.id: 80.0 for s in SENSORS if "laeq" in s.parameters}
    quiet = [s.id for s in SENSORS if STATION[s.station].kind == "residential"]
    rows = city_hour({**sound, **dict.fromkeys(quiet, 50.0)}, "laeq")
    assert value_of(rows, "city", "city", "laeq")["value"] == pytest.approx(50.0)
    effluent = {s.id: 9.0 for s in SENSORS if STATION[s.station].kind == "outfall"}
    rivers = {s.id: 1.0 for s in SENSORS if STATION[s.station].kind == "river"}
    rows = city_hour({**effluent, **rivers}, "nh3n")
    assert value_of(rows, "basin", "maozhou", "nh3n")["value"] == pytest.approx(1.0)
    assert rows.filter(pl.col("level") == "city", pl.col("parameter") == "nh3n").is_empty()


def test_sea_stations_make_bays() -> None:
    rows = city_hour({"water-dapeng-bay-1": 33.0}, "salinity")
    assert value_of(rows, "bay", "dapeng-bay", "salinity")["value"] == pytest.approx(33.0)


def hourly(values: list[float | None], start: datetime, method: str = "mean") -> pl.DataFrame:
    rows = [
        (
            *("sensor", "s-001", "pm25" if method == "mean" else "laeq", "hour"),
            start + timedelta(hours=index),
            *(value, value, value, 6, 6, 1.0, value is not None, "", method, "HJ663-2026"),
        )
        for index, value in enumerate(values)
    ]
    return pl.DataFrame(rows, schema=AGGREGATES, orient="row")


DAY = Interval.city_day(T0)


@pytest.mark.parametrize(("hours", "valid"), [(20, True), (19, False)])
def test_a_day_needs_20_hours(hours: int, valid: bool) -> None:
    values: list[float | None] = [10.0] * hours + [None] * (24 - hours)
    row = day_rows(hourly(values, DAY.start), [DAY], Period.DAY, NONE_SLOW).row(0, named=True)
    assert (row["value"], row["count"], row["expected"]) == (10.0, hours, 24)
    assert row["valid"] is valid


def test_the_night_runs_over_midnight_and_belongs_to_the_day_it_begins_on() -> None:
    night = part_of_day(DAY, Period.NIGHT)
    assert night.start.astimezone(CITY_TIME).hour == 22
    assert night.end.astimezone(CITY_TIME).hour == 6
    values: list[float | None] = [60.0] * 22 + [40.0] * 8
    hours = hourly(values, DAY.start, "energy")
    rows = {
        p: day_rows(hours, [DAY], p, NONE_SLOW).row(0, named=True)
        for p in (Period.NIGHT, Period.DAYTIME)
    }
    assert rows[Period.NIGHT]["value"] == pytest.approx(40.0)
    assert rows[Period.NIGHT]["start"] == night.start
    assert rows[Period.DAYTIME]["value"] == pytest.approx(60.0)
    assert rows[Period.DAYTIME]["expected"] == 16


def test_only_sound_has_a_night() -> None:
    assert day_rows(hourly([1.0] * 24, DAY.start), [DAY], Period.NIGHT, NONE_SLOW).is_empty()


def test_a_daily_sensor_is_complete_with_one_hour_a_day() -> None:
    slow = pl.DataFrame(
        {"subject": ["s-001"], "hours": [1]}, schema={"subject": pl.String, "hours": pl.Int32}
    )
    row = day_rows(hourly([10.0], DAY.start), [DAY], Period.DAY, slow).row(0, named=True)
    assert (row["valid"], row["expected"]) == (True, 1)


def test_an_hour_touches_its_day_and_the_night_before() -> None:
    five = Interval.hour(datetime(2026, 11, 24, 5, tzinfo=CITY_TIME))
    noon = Interval.hour(datetime(2026, 11, 24, 12, tzinfo=CITY_TIME))
    later = datetime(2026, 11, 26, tzinfo=UTC)
    assert [d.start.astimezone(CITY_TIME).day for d in touched_days([five], later)] == [23, 24]
    assert [d.start.astimezone(CITY_TIME).day for d in touched_days([noon], later)] == [24]
    assert touched_days([noon], T0) == []
