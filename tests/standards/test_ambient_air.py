"""Limits of ambient air in both editions, means and their validity, assessment of a year."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards.air_means import daily_max_8h, daily_mean, percentile, running_mean
from standards.air_year import assess_year, assess_year_by, lacking_days
from standards.ambient_air import NoLimit, attainment, in_force, limit
from standards.editions import edition

RULES = edition("air_assessment", named="HJ663-2013")
BEFORE, AFTER, LATER = date(2026, 2, 28), date(2026, 3, 1), date(2031, 1, 1)


def days(year: int, value: object = 20, *, without: int = 0) -> dict[date, Decimal]:
    first = date(year, 1, 1)
    count = (date(year + 1, 1, 1) - first).days
    return {first + timedelta(n): Decimal(str(value)) for n in range(without, count)}


@pytest.mark.parametrize(
    ("parameter", "period", "before", "after", "later"),
    [
        ("pm25", "year", 35, 30, 25),
        ("pm25", "24h", 75, 60, 50),
        ("pm10", "year", 70, 60, 50),
        ("pm10", "24h", 150, 120, 100),
        ("so2", "year", 60, 60, 20),
        ("so2", "24h", 150, 150, 50),
        ("so2", "1h", 500, 500, 150),
        ("no2", "year", 40, 40, 30),
        ("no2", "24h", 80, 80, 50),
        ("no2", "1h", 200, 200, 200),
        ("co", "24h", 4, 4, 4),
        ("o3", "8h_max", 160, 160, 160),
        ("o3", "1h", 200, 200, 200),
    ],
)
def test_class_2_limits_before_in_and_after_the_transition(parameter, period, before, after, later):
    found = [limit(parameter, period, on=on) for on in (BEFORE, AFTER, date(2030, 12, 31), LATER)]
    assert [at.value for at in found] == [before, after, after, later]
    assert [at.edition for at in found] == ["GB3095-2012"] + 3 * ["GB3095-2026"]
    assert "2030-12-31" in found[1].clause
    assert found[0].unit == ("mg/m3" if parameter == "co" else "ug/m3")


def test_class_1_of_fine_particulates():
    found = [
        limit("pm25", p, area=1, on=on).value for p in ("year", "24h") for on in (AFTER, LATER)
    ]
    assert found == [15, 10, 35, 25]


def test_a_limit_that_was_not_established_is_said_to_be_unknown():
    assert limit("tsp", "24h", on=BEFORE).value == 300
    with pytest.raises(NoLimit, match=r"no limit known in GB3095-2026 for tsp 24h.*one source"):
        limit("tsp", "24h", on=AFTER)
    with pytest.raises(NoLimit):
        limit("pm25", "1h", on=AFTER)
    with pytest.raises(NoLimit):
        limit("pm25", "year", area=3, on=AFTER)


def test_an_edition_named_before_its_time_lends_its_first_limits():
    assert limit("pm25", "year", on=date(2025, 6, 1), named="GB3095-2026").value == 30


def test_a_value_is_revised_before_it_is_compared():
    at = limit("pm25", "24h", on=AFTER)
    assert attainment("60.5", at).attains is True
    assert attainment("60.5", at).value == 60
    exceeding = attainment("60.51", at)
    assert (exceeding.attains, exceeding.times_over) == (False, Decimal("0.02"))
    assert attainment("4.05", limit("co", "24h", on=AFTER)).attains is True
    assert attainment("4.06", limit("co", "24h", on=AFTER)).attains is False


@pytest.mark.parametrize(
    ("mean", "old", "new"),
    [("30", True, True), ("30.4", True, None), ("31", True, False), ("35.5", False, False)],
)
def test_a_verdict_that_hangs_on_unknown_decimals_is_left_open(mean, old, new):
    verdicts = [
        attainment(mean, limit("pm25", "year", on=on), kind="statistics") for on in (BEFORE, AFTER)
    ]
    assert [v.attains for v in verdicts] == [old, new]
    assert all((v.attains is None) == bool(v.note) for v in verdicts)


def test_three_hour_means_need_their_hours_and_never_fill_a_gap():
    values = [Decimal(3), None, Decimal(6), Decimal(9), None, None]
    assert running_mean(values, 3, 2) == [None, None, Decimal("4.5"), Decimal("7.5"), 7.5, None]
    with pytest.raises(ValueError, match="1 to 3"):
        running_mean(values, 3, 4)


def test_a_daily_mean_needs_twenty_hours():
    assert daily_mean([Decimal(5)] * 20 + [None] * 4, RULES) == 5
    assert daily_mean([Decimal(5)] * 19 + [None] * 5, RULES) is None
    with pytest.raises(ValueError, match="24 hourly values"):
        daily_mean([Decimal(5)] * 23, RULES)


def test_the_daily_maximum_of_ozone_is_of_the_means_that_end_from_08_to_24():
    afternoon = [Decimal(40)] * 12 + [Decimal(200)] * 8 + [Decimal(40)] * 4
    assert daily_max_8h(afternoon, RULES) == 200
    dark = [Decimal(300)] * 7 + [Decimal(20)] * 17
    assert daily_max_8h(dark, RULES) == (7 * 300 + 20) / Decimal(8)


def test_a_short_ozone_day_counts_only_when_it_exceeds_the_limit():
    hours = [None] * 10 + [Decimal(170)] * 14
    assert len([m for m in running_mean(hours, 8, 6)[7:] if m is not None]) == 9
    assert daily_max_8h(hours, RULES) is None
    assert daily_max_8h(hours, RULES, limit("o3", "8h_max", on=AFTER).value) == 170
    assert daily_max_8h(hours, RULES, Decimal(170)) is None
    assert daily_max_8h([None] * 24, RULES, Decimal(160)) is None


def test_a_percentile_lies_between_its_neighbours():
    values = [Decimal(n) for n in range(1, 366)]
    assert percentile(values, 90) == Decimal("328.6")
    assert percentile(values[::-1], 98) == Decimal("357.72")
    assert percentile([Decimal(7)], 95) == 7
    with pytest.raises(ValueError, match="needs values"):
        percentile([], 95)


@given(st.lists(st.decimals(0, 500, places=1), min_size=1), st.integers(0, 100))
def test_a_percentile_is_within_its_values_and_ignores_their_order(values, percent):
    found = percentile(values, percent)
    assert min(values) <= found <= max(values)
    assert percentile(sorted(values, reverse=True), percent) == found


def test_the_year_of_the_change_has_two_editions_and_others_have_one():
    assert [e.id for e in in_force(2025)] == ["GB3095-2012"]
    assert [e.id for e in in_force(2026)] == ["GB3095-2012", "GB3095-2026"]
    assert [e.id for e in in_force(2027)] == ["GB3095-2026"]


def test_a_year_of_the_change_is_judged_by_both_editions():
    old, new = assess_year("pm25", days(2026, 33), 2026)
    assert (old.edition, old.attains, old.mean.limit.value) == ("GB3095-2012", True, 35)
    assert (new.edition, new.attains, new.mean.limit.value) == ("GB3095-2026", False, 30)
    assert new.percentile.attains is True


def test_a_year_attains_only_when_mean_and_percentile_do():
    daily = days(2025, 20)
    daily |= {day: Decimal(160) for day in list(daily)[:20]}
    [year] = assess_year("pm25", daily, 2025)
    assert year.mean.attains is True
    assert year.percentile.value == 160
    assert year.attains is False


def test_ozone_is_judged_by_its_90th_percentile_alone():
    daily = days(2025, 100)
    daily |= {day: Decimal(200) for day in list(daily)[:36]}
    [year] = assess_year("o3", daily, 2025)
    assert year.mean is None
    assert year.percentile.value == 100
    assert year.attains is True


def test_a_year_with_too_few_days_has_no_verdict_but_reasons():
    [year] = assess_year("no2", days(2025, 20, without=42), 2025)
    assert (year.days, year.mean, year.percentile, year.attains) == (323, None, None, None)
    assert year.lacking == (
        "2025: 323 valid days of 324",
        "2025-01: 0 valid days of 27",
        "2025-02: 17 valid days of 25",
    )


def test_february_needs_25_days_and_other_months_27():
    whole = list(days(2025))
    assert lacking_days([d for d in whole if d.month != 2 or d.day > 3], 2025, RULES) == ()
    assert lacking_days([d for d in whole if d.month != 4 or d.day > 4], 2025, RULES) == (
        "2025-04: 26 valid days of 27",
    )


def test_any_edition_can_judge_any_year_and_other_parameters_are_refused():
    later = edition("ambient_air", named="GB3095-2026")
    assert assess_year_by(later, "pm25", days(2031, 27), 2031).attains is False
    assert assess_year_by(later, "pm25", days(2024, 27), 2024).attains is True
    with pytest.raises(ValueError, match="does not assess 'tsp'"):
        assess_year("tsp", {}, 2025)
