"""Assessments: rows of aggregates against the standards, edition by date, missing never zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl

from network.assessments import (
    attainment,
    basin_day,
    bay_day,
    by_place,
    classes_on,
    day_air,
    day_item,
    hour_air,
    hour_health,
    noise_day,
    series,
    water_day,
    zones_of,
)
from schemas import Interval
from schemas.observation import AGGREGATES
from schemas.registry import Station

DAY = Interval.city_day(datetime(2026, 11, 23, 4, tzinfo=UTC))
BEFORE = Interval.city_day(datetime(2026, 2, 27, 4, tzinfo=UTC))  # HJ 633-2012 still holds
CLEAN = {"so2": 10.0, "no2": 20.0, "co": 0.5, "o3": 60.0, "pm10": 40.0, "pm25": 20.0}


def row(parameter: str, start: datetime, value: float | None, **more: object) -> dict:
    given = {
        "level": "station",
        "subject": "s",
        "parameter": parameter,
        "period": "hour",
        "start": start,
        "value": value,
        "minimum": value,
        "maximum": value,
        "count": 12,
        "expected": 12,
        "completeness": 1.0,
        "valid": value is not None,
        "reason": "",
        "method": "mean",
    }
    return {**given, **more}


def frame(rows: list[dict]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=AGGREGATES, orient="row")


def hours_of(day: Interval, **values: float) -> dict:
    """Every hour of a day alike."""
    rows = [row(key, hour.start, value) for hour in day.hours() for key, value in values.items()]
    return series(frame(rows))


def days_of(day: Interval, **values: float) -> dict:
    return series(frame([row(key, day.start, value) for key, value in values.items()]))


LAST = DAY.end - timedelta(hours=1)


def test_the_index_of_an_hour_is_that_of_its_worst_item() -> None:
    found = hour_air(hours_of(DAY, **{**CLEAN, "pm25": 60.0}), LAST)
    assert (found.aqi, found.primary, found.edition) == (100, ("pm25_1h",), "HJ633-2026")
    assert found.category is not None
    assert (found.category.zh, found.category.rgb) == ("良", (255, 255, 0))
    assert found.valid
    assert found.reason == ""


def test_an_index_without_an_item_is_a_lower_bound_and_not_valid() -> None:
    partly = {key: value for key, value in CLEAN.items() if key != "o3"}
    found = hour_air(hours_of(DAY, **partly), LAST)
    assert found.aqi == hour_air(hours_of(DAY, **CLEAN), LAST).aqi
    assert (found.valid, found.reason, found.missing) == (False, "items_missing", ("o3_1h",))
    assert "o3_1h" not in found.means


def test_nothing_measured_has_no_index_rather_than_zero() -> None:
    found = hour_air({}, LAST)
    assert (found.aqi, found.category, found.valid, found.reason) == (None, None, False, "no_data")


def test_invalid_rows_give_no_value() -> None:
    rows = frame([row("pm25", LAST, 300.0, valid=False, reason="incomplete")])
    assert series(rows) == {}


def test_the_edition_is_that_of_the_day() -> None:
    values = {**CLEAN, "pm25": 75.0}
    old = day_air(hours_of(BEFORE, **values), days_of(BEFORE, **values), BEFORE)
    new = day_air(hours_of(DAY, **values), days_of(DAY, **values), DAY)
    assert (old.edition, old.aqi) == ("HJ633-2012", 100)
    assert (new.edition, new.aqi) == ("HJ633-2026", 114)


def test_a_daily_mean_is_revised_before_its_index_where_the_edition_says_so() -> None:
    values = {**CLEAN, "o3": 20.0, "pm10": 10.0, "no2": 5.0, "pm25": 35.4}
    new = day_air(hours_of(DAY, **values), days_of(DAY, **values), DAY)
    old = day_air(hours_of(BEFORE, **values), days_of(BEFORE, **values), BEFORE)
    assert (new.means["pm25"], new.items["pm25"]) == (Decimal(35), 50)
    assert (old.means["pm25"], old.items["pm25"]) == (Decimal("35.4"), 51)


def test_particulates_of_an_hour_are_24_hour_means_in_2012() -> None:
    hours = hours_of(BEFORE, **CLEAN)
    last = BEFORE.end - timedelta(hours=1)
    hours["pm25"][last] = Decimal(440)
    found = hour_air(hours, last)
    assert found.means["pm25_24h"] == (23 * Decimal(20) + 440) / 24
    short = {key: dict(list(own.items())[5:]) for key, own in hours.items()}
    assert set(hour_air(short, last).missing) == {"pm10_24h", "pm25_24h"}


def test_ozone_of_a_day_is_its_largest_eight_hour_mean() -> None:
    hours = hours_of(DAY, **CLEAN)
    for back in range(8):
        hours["o3"][LAST - timedelta(hours=back)] = Decimal(160)
    assert day_air(hours, days_of(DAY, **CLEAN), DAY).means["o3_8h_max"] == 160


def test_a_short_day_of_ozone_counts_only_above_the_limit() -> None:
    def short(value: int) -> tuple[str, ...]:
        hours = hours_of(DAY, **CLEAN)
        kept = list(hours["o3"])[:12]
        hours["o3"] = {start: Decimal(value) for start in kept}
        return day_air(hours, days_of(DAY, **CLEAN), DAY).missing

    assert short(120) == ("o3_8h_max",)
    assert short(200) == ()


def test_the_health_index_needs_all_three_hours() -> None:
    hours = hours_of(DAY, **CLEAN)
    found = hour_health(hours, LAST)
    assert (found.aqhi, found.risk, found.valid, found.edition) == ("3", "low", True, "AQHI-HK")
    del hours["o3"][LAST - timedelta(hours=1)]
    lacking = hour_health(hours, LAST)
    assert (lacking.aqhi, lacking.valid, lacking.reason) == (None, False, "items_missing")
    assert lacking.missing == ("o3",)


def test_ozone_of_a_day_is_named_after_its_eight_hours() -> None:
    assert (day_item("o3"), day_item("pm25")) == ("o3_8h_max", "pm25")


# Sound


def noise(name: str, **more: object) -> Station:
    given = {
        "id": name,
        "zh": name,
        "en": name,
        "level": "district",
        "grade": "city",
        "realm": "land",
        "medium": "noise",
        "district": "futian",
        "zone": "2",
        "kind": "residential",
        "lon": 114.0,
        "lat": 22.5,
    }
    return Station(**{**given, **more})  # type: ignore[arg-type]


def part_rows(name: str, day: float | None, night: float | None, **more: object) -> list[dict]:
    def part(value: float | None, period: str, begins: int, hours: int) -> dict:
        given = {"subject": name, "period": period, "count": hours, "method": "energy", **more}
        return row("laeq", DAY.start + timedelta(hours=begins), value, **given)

    return [part(day, "daytime", 6, 16), part(night, "night", 22, 8)]


def test_a_level_keeps_the_limit_when_it_rounds_to_it() -> None:
    verdicts = noise_day(frame(part_rows("a", 60.4, 50.6)), [noise("a")], DAY)
    day, night = verdicts
    assert (day.level, day.limit, day.ok, day.shown) == (60, 60, True, Decimal("60.4"))
    assert (night.level, night.limit, night.ok) == (51, 50, False)
    assert day.edition == "GB3096-2008"


def test_a_part_of_the_day_without_all_its_hours_is_not_judged() -> None:
    rows = frame(part_rows("a", 50.0, 40.0, count=7))
    day, night = noise_day(rows, [noise("a")], DAY)
    assert (day.ok, day.reason, day.hours, day.required) == (None, "incomplete", 7, 16)
    assert (night.ok, night.reason, night.hours, night.required) == (None, "incomplete", 7, 8)
    none = noise_day(frame([]), [noise("a")], DAY)
    assert [(v.ok, v.reason, v.valid) for v in none] == [(None, "no_data", False)] * 2


def test_the_rate_is_of_those_judged_and_names_the_others() -> None:
    stations = [noise("a"), noise("b"), noise("c"), noise("d", zone="4a", kind="roadside")]
    rows = frame(
        [
            *part_rows("a", 55.0, 45.0),
            *part_rows("b", 66.0, 45.0),
            *part_rows("d", 70.0, 60.0),
        ]
    )
    verdicts = noise_day(rows, stations, DAY)
    assert zones_of(verdicts) == ("2", "4a")
    of_two = attainment(verdicts, "day", "2")
    assert (of_two.attaining, of_two.judged, of_two.without_data) == (1, 2, 1)
    assert of_two.rate == Decimal("50.0")
    assert attainment(verdicts, "day").rate == Decimal("66.7")
    assert attainment(verdicts, "night").rate == Decimal("66.7")
    assert attainment([], "day").rate is None


def test_sites_enterprises_and_unknown_zones_are_no_part_of_a_zone() -> None:
    stations = [
        noise("site", kind="construction"),
        noise("own", enterprise="x"),
        noise("odd", zone="7"),
    ]
    rows = frame([r for s in stations for r in part_rows(s.id, 50.0, 40.0)])
    verdicts = noise_day(rows, stations, DAY)
    assert {(v.station, v.reason, v.valid) for v in verdicts} == {("odd", "no_zone", False)}
    assert attainment(verdicts, "day").judged == 0


# Water


def water(name: str, **more: object) -> Station:
    given = {"medium": "water", "kind": "river", "zone": "IV"}
    return noise(name, **{**given, **more})


MEASURED = ("ph", "do", "codmn", "nh3n", "tp", "water_temperature", "flow")
RIVER = {"ph": 7.2, "do": 5.5, "codmn": 4.1, "nh3n": 0.9, "tp": 0.15, "water_temperature": 24.0}


def test_the_worst_item_decides_the_class_of_a_section() -> None:
    found = water_day(days_of(DAY, **RIVER), water("r"), MEASURED, DAY)
    assert (found.water_class, found.meets_target, found.edition) == ("III", True, "GB3838-2002")
    assert found.deciding == ("codmn", "do", "nh3n", "tp")
    assert found.valid
    worse = water_day(days_of(DAY, **{**RIVER, "nh3n": 2.3}), water("r"), MEASURED, DAY)
    assert (worse.water_class, worse.deciding) == ("worse_than_V", ("nh3n",))
    assert worse.meets_target is False
    assert dict(worse.exceeding) == {"nh3n": Decimal("2.3") / Decimal("1.5") - 1}


def test_a_class_without_an_item_that_should_be_there_is_not_valid() -> None:
    partly = {key: value for key, value in RIVER.items() if key != "nh3n"}
    found = water_day(days_of(DAY, **partly), water("r"), MEASURED, DAY)
    assert (found.water_class, found.valid, found.missing) == ("III", False, ("nh3n",))
    assert found.meets_target is None, "the missing item could still exceed"
    low = water_day(days_of(DAY, **{**partly, "do": 2.5}), water("r"), MEASURED, DAY)
    assert low.meets_target is False, "another item would not help"
    none = water_day({}, water("r"), MEASURED, DAY)
    assert (none.water_class, none.valid, none.reason) == (None, False, "no_data")
    assert none.meets_target is None


def test_a_bay_is_judged_by_the_sea_standard_and_its_worst_station() -> None:
    sea = {"realm": "sea", "kind": "sea", "zone": "II"}
    good = water_day(
        days_of(DAY, ph=8.1, do=6.5, salinity=31.0), water("a", **sea), ("ph", "do"), DAY
    )
    poor = water_day(days_of(DAY, ph=8.1, do=4.5), water("b", **sea), ("ph", "do"), DAY)
    assert (good.water_class, good.edition, good.meets_target) == ("I", "GB3097-1997", True)
    assert (poor.water_class, poor.deciding, poor.meets_target) == ("III", ("do",), False)
    bay = bay_day([good, poor], DAY)
    assert (bay.worst, bay.good, bay.judged, bay.valid) == ("III", Decimal("50.0"), 2, True)
    silent = water_day({}, water("c", **sea), ("ph", "do"), DAY)
    partly = bay_day([good, silent], DAY)
    assert (partly.worst, partly.without_class, partly.valid) == ("I", 1, False)
    nothing = bay_day([silent], DAY)
    assert (nothing.worst, nothing.good, nothing.reason) == (None, None, "no_data")


def test_a_basin_of_few_sections_is_judged_by_their_means() -> None:
    clean = {"ph": 7.0, "do": 8.0, "codmn": 1.5, "nh3n": 0.1, "tp": 0.01}
    sections = [
        water_day(days_of(DAY, **{**clean, "nh3n": value}), water("r"), MEASURED[:5], DAY)
        for value in (0.1, 2.5)
    ]
    assert [section.water_class for section in sections] == ["I", "worse_than_V"]
    found = basin_day(sections, DAY)
    assert (found.by, found.water_class, found.state) == ("means", "IV", "light")
    assert (found.names["zh"], found.valid) == ("轻度污染", True)


def test_a_basin_of_many_sections_is_judged_by_their_shares() -> None:
    sections = [
        water_day(days_of(DAY, nh3n=value), water("r"), ("nh3n",), DAY)
        for value in (0.1, 0.4, 0.9, 0.9, 2.5)
    ]
    found = basin_day(sections, DAY)
    assert (found.by, found.state, found.judged) == ("shares", "good", 5)
    lacking = basin_day([*sections, water_day({}, water("x"), ("nh3n",), DAY)], DAY)
    assert (lacking.valid, lacking.without_class) == (False, 1)
    assert basin_day([], DAY).state is None


def test_classes_stand_in_the_order_of_the_standard() -> None:
    assert classes_on(DAY.start)[-1] == "worse_than_V"
    assert classes_on(DAY.start, "sea_water")[0] == "I"


def test_rows_are_told_apart_by_place() -> None:
    rows = frame([row("pm25", LAST, 1.0), row("pm25", LAST, 2.0, level="district", subject="x")])
    assert set(by_place(rows)) == {("station", "s"), ("district", "x")}
