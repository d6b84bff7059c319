"""Aggregation: hours, roll-ups and days, by hand-made examples and by properties."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from network.averaging import average
from network.cadences import NONE_SLOW, slow_channels
from network.city_points import city_points, points_of
from network.days import day_rows, part_of_day
from network.hours import channels, sensor_hours
from network.rollup import all_levels, areas_of, stations_of
from network.run import touched_days
from registry.seed import demo_city
from schemas import CITY_TIME, Interval, Period, catalogue
from schemas.observation import AGGREGATES, OBSERVATIONS
from schemas.registry import Sensor

T0 = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


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


@given(
    values=st.lists(st.none() | st.floats(30, 120), min_size=4, max_size=40),
    cut=st.integers(1, 3),
    order=st.randoms(use_true_random=False),
)
def test_hours_in_two_windows_and_in_any_order_are_the_hours_of_one(values, cut, order) -> None:
    one, hours = sensor("laeq", 600, "noise"), [T0 + timedelta(hours=n) for n in range(4)]
    seen = observed(values, "laeq")
    known = channels([one], catalogue())
    whole = sensor_hours(seen.sample(fraction=1, shuffle=True, seed=7), known, hours)
    apart = [sensor_hours(seen, known, part) for part in (hours[:cut], hours[cut:])]
    order.shuffle(apart)
    assert pl.concat(apart).sort("start").rows() == whole.sort("start").rows()


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
    air = [s.id for s in SENSORS if "humidity" in s.parameters and s.state == "active"]
    rows = city_hour({name: 10.0 + index for index, name in enumerate(air)}, "humidity")
    assert dict(rows.schema) == AGGREGATES
    city = value_of(rows, "city", "city", "humidity")
    stations = rows.filter(pl.col("level") == "station", pl.col("parameter") == "humidity")
    assert city["value"] == pytest.approx(stations["value"].mean())
    assert city["count"] == city["expected"] == stations.height
    futian = value_of(rows, "district", "futian", "humidity")
    inside = stations.filter(
        pl.col("subject").is_in([s.id for s in STATIONS if s.district == "futian"])
    )
    assert futian["value"] == pytest.approx(inside["value"].mean())


# The city's air is that of its assessment points (HJ 663)

POINTS = [s.id for s in STATIONS if s.medium == "air" and s.grade == "national"]


def pm25_hour(national: list[float | None], others: float) -> pl.DataFrame:
    """An hour of PM2.5: one value for each national point, None = silent; one for all others."""
    at_points = dict(zip(POINTS, national, strict=True))
    values = {
        s.id: at_points.get(s.station, others)
        for s in SENSORS
        if "pm25" in s.parameters and s.state == "active"
    }
    return city_hour({key: v for key, v in values.items() if v is not None}, "pm25")


def test_the_citys_air_is_the_mean_of_its_national_points() -> None:
    rows = pm25_hour([10.0, 20.0, 30.0, 40.0, 50.0, 60.0], others=999.0)
    city = value_of(rows, "city", "city", "pm25")
    assert (city["value"], city["count"], city["expected"], city["valid"]) == (35.0, 6, 6, True)
    assert value_of(rows, "district", "longhua", "pm25")["value"] == pytest.approx(999.0), (
        "a district is that of all its stations"
    )


@pytest.mark.parametrize(("silent", "valid"), [(1, True), (2, False)])
def test_three_quarters_of_the_points_are_needed(silent: int, valid: bool) -> None:
    national: list[float | None] = [None] * silent + [20.0] * (6 - silent)
    city = value_of(pm25_hour(national, others=20.0), "city", "city", "pm25")
    assert (city["count"], city["expected"], city["valid"]) == (6 - silent, 6, valid)
    assert city["reason"] == ("" if valid else "incomplete")


def test_with_fewer_than_four_points_half_are_enough() -> None:
    rules = city_points()
    assert [rules.needed(points) for points in (1, 3, 4, 20)] == [0.5, 0.5, 0.75, 0.75]
    few = [s for s in STATIONS if s.id not in POINTS[:3]]
    keys = {"pm25": [s.id for s in SENSORS if s.station in POINTS[3:] and s.state == "active"]}
    readings = [
        (name, T0 + timedelta(minutes=5 * n), "pm25", 20.0, 1)
        for name in keys["pm25"]
        if not name.startswith(POINTS[3].removeprefix("st-"))
        for n in range(12)
    ]
    rows = all_levels(
        sensor_hours(
            pl.DataFrame(readings, schema=OBSERVATIONS, orient="row"),
            channels(SENSORS, catalogue()),
            [T0],
        ),
        stations_of(SENSORS),
        areas_of(few),
    )
    city = value_of(rows, "city", "city", "pm25")
    assert (city["count"], city["expected"], city["valid"]) == (2, 3, True)


def test_a_city_without_national_points_is_the_mean_of_all_its_stations() -> None:
    local = [s.model_copy(update={"grade": "city"}) for s in STATIONS]
    sensors = [s for s in SENSORS if "pm25" in s.parameters and s.state == "active"]
    hours = pl.concat(
        [hourly([float(n)], T0).with_columns(subject=pl.lit(s.id)) for n, s in enumerate(sensors)]
    )
    rows = all_levels(hours, stations_of(sensors), areas_of(local))
    stations = rows.filter(pl.col("level") == "station")
    city = value_of(rows, "city", "city", "pm25")
    assert city["count"] == city["expected"] == stations.height
    assert city["value"] == pytest.approx(stations["value"].mean())


def test_an_installation_chooses_its_own_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = yaml.safe_load(Path(str(files("network") / "city_points.yaml")).read_text("utf-8"))
    own = tmp_path / "points.yaml"
    own.write_text(yaml.safe_dump({**shipped, "grades": ["provincial"]}), "utf-8")
    monkeypatch.setenv("ONENET_CITY_POINTS", str(own))
    city_points.cache_clear()
    try:
        assert points_of(STATIONS) == {"st-air-yuehai"}
        own.write_text(yaml.safe_dump({**shipped, "least": 7}), "utf-8")
        city_points.cache_clear()
        with pytest.raises(ValueError, match=r"points.yaml: least: .*less than or equal to 1"):
            city_points()
    finally:
        city_points.cache_clear()


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


def slow_of(*sensors: Sensor) -> pl.DataFrame:
    return slow_channels(sensors, stations_of(sensors), areas_of([]))


def test_a_daily_sensor_is_complete_with_one_hour_a_day() -> None:
    slow = slow_of(sensor("pm25", 86_400))
    row = day_rows(hourly([10.0], DAY.start), [DAY], Period.DAY, slow).row(0, named=True)
    assert (row["valid"], row["expected"]) == (True, 1)


@pytest.mark.parametrize(
    ("cadence_s", "day", "night"),
    [(3600, 24, 8), (7200, 12, 4), (3 * 3600, 8, 2), (12 * 3600, 2, 1), (604_800, 1, 1)],
)
def test_a_slow_sensor_is_expected_as_often_as_its_cadence_fits(
    cadence_s: int, day: int, night: int
) -> None:
    slow = slow_of(sensor("laeq", cadence_s, "noise"))
    hours = hourly([50.0] + [None] * 22 + [50.0], DAY.start, "energy")
    found = [
        day_rows(hours, [DAY], period, slow)["expected"][0] for period in (Period.DAY, Period.NIGHT)
    ]
    assert found == [day, night]


def test_a_station_and_its_areas_keep_the_pace_of_their_quickest_sensor() -> None:
    weekly = sensor("no2", 604_800, id="s-001", station="st-air-ebu")
    daily = sensor("no2", 86_400, id="s-002", station="st-air-minzhi")
    gone = sensor("no2", 60, id="s-003", station="st-air-ebu", state="retired")
    sensors = [weekly, daily, gone]
    slow = slow_channels(sensors, stations_of(sensors), areas_of(STATIONS))
    pace = {(level, name): s for level, name, _, s in slow.iter_rows()}
    assert pace[("sensor", "s-001")] == pace[("station", "st-air-ebu")] == 604_800
    assert pace[("district", "shenshan")] == 604_800, "what was replaced sets no pace"
    assert pace[("district", "longhua")] == 86_400
    assert ("sensor", "s-003") not in pace
    only_gone = slow_channels([gone], stations_of([gone]), areas_of(STATIONS))
    assert only_gone.is_empty(), "of what is gone, its own pace"


def test_an_hour_touches_its_day_and_the_night_before() -> None:
    five = Interval.hour(datetime(2026, 11, 24, 5, tzinfo=CITY_TIME))
    noon = Interval.hour(datetime(2026, 11, 24, 12, tzinfo=CITY_TIME))
    later = datetime(2026, 11, 26, tzinfo=UTC)
    assert [d.start.astimezone(CITY_TIME).day for d in touched_days([five], later)] == [23, 24]
    assert [d.start.astimezone(CITY_TIME).day for d in touched_days([noon], later)] == [24]
    assert touched_days([noon], T0) == []
