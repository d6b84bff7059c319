"""Months, years and years to date: values, what makes them valid, and what a day touches."""

from __future__ import annotations

import math
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.averaging import average, running
from network.cadences import SLOW
from network.hours import minimum_data
from network.periods import (
    MADE_OF,
    MONTHS,
    TO_DATE,
    YEARS,
    month_of,
    period_rows,
    touched_periods,
    year_of,
    year_to,
)
from schemas import CITY_TIME, Interval, Period
from schemas.observation import AGGREGATES
from standards.air_year import lacking_days

Values = dict[date, float | None]
BEGINS = {Period.DAY: 0, Period.DAYTIME: 6, Period.NIGHT: 22}


def all_days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def daily(
    values: Values, key: str = "pm25", method: str = "mean", period: Period = Period.DAY
) -> pl.DataFrame:
    """Daily rows of one sensor; None = a day whose row is invalid."""
    rows = []
    for day, value in values.items():
        start = datetime(day.year, day.month, day.day, BEGINS[period], tzinfo=CITY_TIME)
        number = 99.0 if value is None else value
        valid = value is not None
        rows.append(
            (
                *("sensor", "s-001", key, period, start.astimezone(UTC)),
                *(number, number - 1, number + 1, 24 if valid else 3, 24, 1.0 if valid else 0.125),
                *(valid, "" if valid else "incomplete", method, "HJ663-2026"),
            )
        )
    return pl.DataFrame(rows, schema=AGGREGATES, orient="row")


def only(rows: pl.DataFrame) -> dict:
    assert dict(rows.schema) == AGGREGATES
    return rows.row(0, named=True)


MARCH, YEAR = month_of(date(2027, 3, 9)), year_of(date(2027, 3, 9))
FULL_YEAR: Values = dict.fromkeys(all_days(date(2027, 1, 1), date(2027, 12, 31)), 10.0)


def test_a_month_is_the_mean_of_its_valid_days() -> None:
    values: Values = {day: float(day.day) for day in all_days(MARCH.first, MARCH.last)}
    values[date(2027, 3, 31)] = None
    row = only(period_rows(daily(values), [MARCH], Period.MONTH))
    assert (row["value"], row["minimum"], row["maximum"]) == (15.5, 0.0, 31.0)
    assert (row["count"], row["expected"]) == (30, 31)
    assert row["completeness"] == pytest.approx(30 / 31)
    assert (row["valid"], row["reason"], row["method"]) == (True, "", "mean")
    assert (row["period"], row["edition"]) == ("month", "HJ663-2026")
    assert row["start"].astimezone(CITY_TIME) == datetime(2027, 3, 1, tzinfo=CITY_TIME)


@pytest.mark.parametrize(
    ("month", "days", "valid"),
    [(3, 27, True), (3, 26, False), (4, 27, True), (4, 26, False), (2, 25, True), (2, 24, False)],
)
def test_a_month_needs_27_daily_values_and_february_25(month: int, days: int, valid: bool) -> None:
    span = month_of(date(2027, month, 1))
    every = all_days(span.first, span.last)
    values: Values = {day: 10.0 if n < days else None for n, day in enumerate(every)}
    row = only(period_rows(daily(values), [span], Period.MONTH))
    assert (row["valid"], row["reason"]) == (valid, "" if valid else "incomplete")
    assert (row["value"], row["count"], row["expected"]) == (10.0, days, len(every))


def test_a_month_of_nothing_but_invalid_days_is_shown_without_a_value() -> None:
    row = only(period_rows(daily({MARCH.first: None}), [MARCH], Period.MONTH))
    assert (row["value"], row["valid"], row["reason"]) == (None, False, "no_data")
    assert (row["count"], row["expected"], row["completeness"]) == (0, 31, 0.0)


def test_a_month_in_which_a_channel_had_no_day_has_no_row() -> None:
    april = month_of(date(2027, 4, 1))
    assert period_rows(daily({MARCH.first: 1.0}), [april], Period.MONTH).is_empty()


@pytest.mark.parametrize(("absent", "valid"), [(41, True), (42, False)])
def test_a_year_needs_324_daily_values(absent: int, valid: bool) -> None:
    # Three of each month, then a fourth of the long ones: so no month has too few.
    values = dict(FULL_YEAR)
    spread = [date(2027, month, day) for day in (28, 27, 26) for month in range(1, 13)]
    spread += [date(2027, month, 31) for month in (1, 3, 5, 7, 8, 10)]
    for day in spread[:absent]:
        values[day] = None
    row = only(period_rows(daily(values), [YEAR], Period.YEAR))
    assert (row["count"], row["expected"], row["valid"]) == (365 - absent, 365, valid)


def test_a_year_with_a_month_too_thin_is_invalid_however_many_days_it_has() -> None:
    values = dict(FULL_YEAR)
    for day in range(1, 6):
        values[date(2027, 4, day)] = None
    row = only(period_rows(daily(values), [YEAR], Period.YEAR))
    assert (row["count"], row["valid"], row["reason"]) == (360, False, "incomplete")
    begun_late = {day: v for day, v in FULL_YEAR.items() if day.month > 1}
    row = only(period_rows(daily(begun_late), [YEAR], Period.YEAR))
    assert (row["count"], row["valid"]) == (334, False)


@given(st.sets(st.integers(0, 364), max_size=60), st.sampled_from([2027, 2028]))
def test_a_year_is_valid_when_hj_663_finds_nothing_lacking(absent: set[int], year: int) -> None:
    every = all_days(date(year, 1, 1), date(year, 12, 31))
    values: Values = {day: None if n in absent else 10.0 for n, day in enumerate(every)}
    row = only(period_rows(daily(values), [year_of(every[0])], Period.YEAR))
    there = [day for day, value in values.items() if value is not None]
    assert row["valid"] is (lacking_days(there, year, minimum_data(every[-1])) == ())


def test_a_year_to_date_has_a_row_for_each_day_and_expects_the_days_that_have_passed() -> None:
    values: Values = {date(2027, 1, 1): 10.0, date(2027, 1, 2): None, date(2027, 1, 3): 40.0}
    spans = [year_to(day) for day in values]
    rows = period_rows(daily(values), spans, Period.YEAR_TO_DATE).sort("start")
    assert rows.select("value", "count", "expected", "valid").rows() == [
        (10.0, 1, 1, True),
        (10.0, 1, 2, False),
        (25.0, 2, 3, False),
    ]
    assert [start.astimezone(CITY_TIME).date() for start in rows["start"]] == list(values)


def test_a_year_to_date_is_held_to_the_year_s_share_and_to_its_whole_months() -> None:
    ten = {date(2027, 1, 1 + n): 10.0 if n != 4 else None for n in range(10)}
    to_ten = only(period_rows(daily(ten), [year_to(date(2027, 1, 10))], Period.YEAR_TO_DATE))
    assert (to_ten["count"], to_ten["valid"]) == (9, True)  # 10 * 324 / 365 = 8.9
    thin_january = {
        day: None if day.month == 1 and day.day > 26 else v for day, v in FULL_YEAR.items()
    }
    for last, valid in ((date(2027, 1, 30), False), (date(2027, 2, 20), False)):
        row = period_rows(daily(thin_january), [year_to(last)], Period.YEAR_TO_DATE)
        assert only(row)["valid"] is valid
    later = {
        day: None if (day.month, day.day) in ((2, 27), (2, 28)) else v
        for day, v in FULL_YEAR.items()
    }
    row = period_rows(daily(later), [year_to(date(2027, 3, 5))], Period.YEAR_TO_DATE)
    assert only(row)["valid"] is True


@pytest.mark.parametrize("year", [2027, 2028])
def test_on_31_december_the_year_to_date_is_the_year(year: int) -> None:
    every = all_days(date(year, 1, 1), date(year, 12, 31))
    days = daily({day: math.sin(n) * 50 if n % 9 else None for n, day in enumerate(every)})
    whole = only(period_rows(days, [year_of(every[0])], Period.YEAR))
    to_date = only(period_rows(days, [year_to(every[-1])], Period.YEAR_TO_DATE))
    named = {"period", "start"}
    assert {k: v for k, v in whole.items() if k not in named} == {
        k: v for k, v in to_date.items() if k not in named
    }


def test_the_edition_is_that_of_the_last_day() -> None:
    february, march = month_of(date(2026, 2, 1)), month_of(date(2026, 3, 1))
    values: Values = dict.fromkeys(all_days(february.first, march.last), 1.0)
    rows = period_rows(daily(values), [february, march], Period.MONTH).sort("start")
    assert rows["edition"].to_list() == ["HJ663-2013", "HJ663-2026"]
    spans = [year_to(february.last), year_to(march.first)]
    rows = period_rows(daily(values), spans, Period.YEAR_TO_DATE).sort("start")
    assert rows["edition"].to_list() == ["HJ663-2013", "HJ663-2026"]
    assert only(period_rows(daily(values), [year_of(march.first)], Period.YEAR))["edition"] == (
        "HJ663-2026"
    )


def test_an_installation_that_fixes_an_edition_sees_it_in_the_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONENET_EDITIONS", "air_assessment=HJ663-2013")
    row = only(period_rows(daily({MARCH.first: 1.0}), [MARCH], Period.MONTH))
    assert row["edition"] == "HJ663-2013"


def test_nights_and_daytimes_of_a_month_are_energy_means_of_their_own() -> None:
    nights: Values = {
        day: 40.0 if day.day % 2 else 50.0 for day in all_days(MARCH.first, MARCH.last)
    }
    rows = daily(nights, "laeq", "energy", Period.NIGHT)
    row = only(period_rows(rows, [MARCH], Period.MONTH_NIGHT))
    expected = 10 * math.log10((16 * 1e4 + 15 * 1e5) / 31)
    assert (row["period"], row["method"]) == ("month_night", "energy")
    assert row["value"] == pytest.approx(expected, abs=1e-8)
    assert row["expected"] == 31  # the night that begins on the 31st at 22:00 is March's


def test_rain_of_a_month_is_the_sum_of_its_days() -> None:
    values: Values = dict.fromkeys(all_days(MARCH.first, MARCH.last), 0.1)
    row = only(period_rows(daily(values, "rain", "sum"), [MARCH], Period.MONTH))
    assert row["value"] == 3.1


def test_a_span_has_the_same_row_alone_and_among_others() -> None:
    every = all_days(date(2027, 1, 1), date(2027, 5, 31))
    days = pl.concat(
        daily({day: 9 + n / 7 if n % (3 + place) else None for n, day in enumerate(every)}, key)
        for place, key in enumerate(("pm25", "no2", "o3", "so2"))
    )
    for period, spans in (
        (Period.MONTH, [month_of(date(2027, month, 1)) for month in range(1, 6)]),
        (Period.YEAR_TO_DATE, [year_to(day) for day in every]),
    ):
        together = period_rows(days, spans, period)
        alone = pl.concat(period_rows(days, [span], period) for span in spans)
        order = ["parameter", "start"]
        assert alone.sort(order).rows() == together.sort(order).rows()


@given(st.randoms(use_true_random=False), st.sampled_from(["mean", "sum", "energy", "vector"]))
def test_the_order_of_the_days_leaves_no_trace(rng: object, method: str) -> None:
    every = all_days(date(2027, 1, 1), date(2027, 4, 30))
    days = daily({day: 20 + 7 * math.cos(n) for n, day in enumerate(every)}, "x", method)
    shuffled = days.sample(fraction=1, shuffle=True, seed=rng.randrange(1000))  # type: ignore[attr-defined]
    for period, spans in (
        (Period.MONTH, [month_of(date(2027, m, 1)) for m in range(1, 5)]),
        (Period.YEAR_TO_DATE, [year_to(day) for day in every]),
    ):
        ordered = period_rows(days, spans, period).sort("start")
        assert ordered.rows() == period_rows(shuffled, spans, period).sort("start").rows()


@given(
    st.lists(st.one_of(st.none(), st.floats(1, 120)), min_size=1, max_size=40),
    st.sampled_from(["mean", "sum", "energy", "vector"]),
)
def test_what_runs_up_to_the_end_is_the_average_to_the_last_bit(
    values: list[float | None], method: str
) -> None:
    frame = pl.DataFrame(
        {
            "g": ["a"] * len(values),
            "n": range(len(values)),
            "method": [method] * len(values),
            "value": values,
            "weight": [1.0] * len(values),
            "low": values,
            "high": values,
        },
        schema_overrides={"value": pl.Float64, "low": pl.Float64, "high": pl.Float64},
    )
    whole = average(frame.filter(pl.col("value").is_not_null()), ["g"])
    last = running(frame, ["g"], "n").tail(1)
    if whole.is_empty():
        assert last.select("value", "minimum", "maximum", "count").row(0) == (None, None, None, 0)
    else:
        assert last.select(whole.columns).row(0) == whole.row(0)


def city_day(day: date) -> Interval:
    return Interval.city_day(datetime(day.year, day.month, day.day, 12, tzinfo=CITY_TIME))


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CITY_TIME)


def test_a_day_touches_its_month_its_year_and_every_later_year_to_date() -> None:
    touched = touched_periods([city_day(date(2027, 3, 30))], midnight(date(2027, 4, 3)))
    assert set(touched) == set(MADE_OF)
    for period in MONTHS:
        assert touched[period] == [MARCH]
    for period in YEARS:
        assert touched[period] == []  # not over
    for period in TO_DATE:
        assert [span.last.isoformat() for span in touched[period]] == [
            "2027-03-30",
            "2027-03-31",
            "2027-04-01",
            "2027-04-02",
        ]


def test_a_day_of_last_year_touches_nothing_of_this_one() -> None:
    touched = touched_periods([city_day(date(2026, 12, 30))], midnight(date(2027, 1, 20)))
    assert touched[Period.MONTH] == [month_of(date(2026, 12, 1))]
    assert touched[Period.YEAR] == [year_of(date(2026, 12, 1))]
    assert [span.last.day for span in touched[Period.YEAR_TO_DATE]] == [30, 31]


def test_a_period_that_is_not_over_is_not_touched() -> None:
    days = [city_day(date(2027, 3, 30)), city_day(date(2027, 3, 31))]
    before = touched_periods(days, midnight(date(2027, 4, 1)) - timedelta(seconds=1))
    assert before[Period.MONTH] == []
    assert [span.last.day for span in before[Period.YEAR_TO_DATE]] == [30]
    assert touched_periods(days, midnight(date(2027, 4, 1)))[Period.MONTH] == [MARCH]


@pytest.mark.parametrize("month", range(1, 13))
def test_a_month_reaches_from_midnight_to_midnight_in_the_city(month: int) -> None:
    span = month_of(date(2028, month, 15))
    assert span.days == monthrange(2028, month)[1]
    assert span.reach.start == midnight(date(2028, month, 1))
    assert span.reach.length == timedelta(days=span.days)


# Slower than daily: passive samplers changed every week, month or season

DAY_S = 86_400


def slow(cadence_s: int, key: str = "pm25") -> pl.DataFrame:
    return pl.DataFrame([("sensor", "s-001", key, cadence_s)], schema=SLOW, orient="row")


def every(days: int, first: date, last: date, without: int = 0) -> Values:
    """A value each so many days, without the first few of them."""
    return dict.fromkeys(all_days(first, last)[::days][without:], 10.0)


@pytest.mark.parametrize(("lost", "valid", "reason"), [(1, True, ""), (2, False, "incomplete")])
def test_a_weekly_sampler_needs_the_share_of_its_month_that_hj_663_asks_for(
    lost: int, valid: bool, reason: str
) -> None:
    values = every(7, MARCH.first, MARCH.last, without=lost)  # five Mondays
    row = only(period_rows(daily(values), [MARCH], Period.MONTH, slow(7 * DAY_S)))
    assert (row["count"], row["expected"]) == (5 - lost, 4), "31 // 7; 27/31 of four is all four"
    assert (row["valid"], row["reason"], row["value"]) == (valid, reason, 10.0)
    assert row["completeness"] == min(1.0, (5 - lost) / 4)


def test_a_weekly_sampler_is_not_held_to_daily_values() -> None:
    values = every(7, MARCH.first, MARCH.last)
    as_if_daily = only(period_rows(daily(values), [MARCH], Period.MONTH))
    assert (as_if_daily["expected"], as_if_daily["valid"]) == (31, False)
    assert only(period_rows(daily(values), [MARCH], Period.MONTH, slow(7 * DAY_S)))["valid"]


@pytest.mark.parametrize(
    ("days", "expected", "least"), [(2, 182, 162), (7, 52, 47), (30, 12, 11), (91, 4, 4)]
)
def test_a_slow_year_needs_the_share_of_324_days(days: int, expected: int, least: int) -> None:
    whole = every(days, YEAR.first, YEAR.last)
    row = only(period_rows(daily(whole), [YEAR], Period.YEAR, slow(days * DAY_S)))
    assert (row["expected"], row["valid"], row["completeness"]) == (expected, True, 1.0)
    thin = dict(list(whole.items())[: least - 1])
    row = only(period_rows(daily(thin), [YEAR], Period.YEAR, slow(days * DAY_S)))
    assert (row["valid"], row["reason"]) == (False, "incomplete")


def test_a_slow_year_to_date_meets_its_year_on_the_last_day() -> None:
    values = every(7, YEAR.first, YEAR.last)
    spans = [year_to(day) for day in all_days(YEAR.first, YEAR.last)]
    rows = period_rows(daily(values), spans, Period.YEAR_TO_DATE, slow(7 * DAY_S)).sort("start")
    assert rows["expected"][0] == 1
    assert rows["expected"].is_sorted()
    assert rows["valid"].all(), "nothing is missing on any day of the year"
    year = only(period_rows(daily(values), [YEAR], Period.YEAR, slow(7 * DAY_S)))
    last = rows.row(-1, named=True)
    same = ("value", "count", "expected", "completeness", "valid")
    assert [last[name] for name in same] == [year[name] for name in same]


@given(
    cadence_s=st.integers(3601, 3 * 365 * DAY_S),
    days=st.sets(st.sampled_from(list(FULL_YEAR)), min_size=1),
    period=st.sampled_from([Period.MONTH, Period.YEAR, Period.YEAR_TO_DATE]),
)
def test_whatever_the_cadence_every_row_says_what_is_expected_and_why_it_is_invalid(
    cadence_s: int, days: set[date], period: Period
) -> None:
    values = dict.fromkeys(sorted(days), 10.0)
    spans = {
        Period.MONTH: [month_of(day) for day in FULL_YEAR if day.day == 1],
        Period.YEAR: [YEAR],
    }.get(period, [year_to(day) for day in FULL_YEAR if day.day in (1, 17)])
    for row in period_rows(daily(values), spans, period, slow(cadence_s)).iter_rows(named=True):
        assert row["expected"] >= 1
        assert 0.0 <= row["completeness"] <= 1.0
        assert row["valid"] == (row["reason"] == "")
        assert row["reason"] in ("", "no_data", "incomplete")
