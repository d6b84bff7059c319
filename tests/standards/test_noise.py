"""Noise: means by energy, percentiles, verdicts at the limit, what missing hours leave over."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards.assess import ERROR, assess_rows
from standards.editions import Edition, edition
from standards.noise import (
    LimitNotVerified,
    UnknownZone,
    area_mean,
    city_grade,
    day_levels,
    hours_of,
    judge,
    judge_night_peak,
    road_mean,
)
from standards.noise_levels import energy_mean, exceeded, statistics
from standards.noise_rows import HOURS, NOISE
from standards.rounding import revise

ON = date(2026, 5, 1)
HERE = Path(__file__).parent
RECORDINGS = HERE.parents[1] / "simulators" / "data"
ZONES = edition("noise_quality", on=ON)
BOUNDARY = edition("noise_boundary", on=ON)
CITY = edition("noise_grades", on=ON)

levels = st.decimals(20, 120, places=1)
series = st.lists(levels, min_size=1, max_size=40)
TINY = Decimal("1e-15")


def assess(row: dict[str, str]) -> dict[str, str]:
    return next(assess_rows([row], NOISE, named=None, on=ON))


def day(level: str = "50", **cells: str) -> dict[str, str]:
    return {"zone": "2"} | dict.fromkeys(HOURS, level) | cells


def vectors() -> list[dict[str, str]]:
    with (HERE / "vectors" / "noise.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", vectors(), ids=lambda row: row["id"])
def test_worked_examples_come_out_digit_for_digit(row: dict[str, str]) -> None:
    found = assess(row)
    assert {name: found[name] for name in NOISE.results} == {
        name: row[f"expected_{name}"] for name in NOISE.results
    }
    assert found[ERROR] == ""


# Means


def test_two_equal_sources_are_three_decibels_above_one_of_two() -> None:
    assert revise(energy_mean(["60", "0"]), 1) == Decimal("57.0")
    assert revise(energy_mean([50, 60, 70]), 2) == Decimal("65.68")


@given(series)
def test_an_energy_mean_lies_between_the_arithmetic_mean_and_the_highest_level(
    found: list[Decimal],
) -> None:
    mean = energy_mean(found)
    assert min(found) <= mean <= max(found)
    assert mean >= sum(found) / len(found) - TINY


@given(st.decimals(20, 120, places=3), st.integers(1, 9))
def test_equal_levels_have_themselves_as_mean(level: Decimal, count: int) -> None:
    assert energy_mean([level] * count) == level


@given(series, st.randoms())
def test_the_order_of_windows_does_not_matter(found: list[Decimal], rng: object) -> None:
    mixed = list(found)
    rng.shuffle(mixed)  # type: ignore[attr-defined]
    assert abs(energy_mean(mixed) - energy_mean(found)) < TINY


@given(series, series)
def test_means_of_parts_weighted_by_their_length_give_the_mean_of_the_whole(
    first: list[Decimal], second: list[Decimal]
) -> None:
    parts = [energy_mean(first), energy_mean(second)]
    assert abs(energy_mean(parts, [len(first), len(second)]) - energy_mean(first + second)) < TINY


@given(series, st.integers(0, 39), st.decimals(0, 20, places=1))
def test_a_louder_window_never_lowers_the_mean(
    found: list[Decimal], which: int, more: Decimal
) -> None:
    louder = list(found)
    louder[which % len(found)] += more
    assert energy_mean(louder) >= energy_mean(found)


@pytest.mark.parametrize(("found", "weights"), [([], None), ([50], [0]), ([50, 60], [2, -1])])
def test_a_mean_of_nothing_is_refused(found: list[int], weights: list[int] | None) -> None:
    with pytest.raises(ValueError, match="needs a level"):
        energy_mean(found, weights)


def test_a_mean_needs_one_weight_a_level() -> None:
    with pytest.raises(ValueError, match="2 levels have 1 weights"):
        energy_mean([50, 60], [1])


def test_percentiles_are_the_10th_50th_and_90th_of_100_samples() -> None:
    samples = list(range(1, 101))
    assert [exceeded(samples, p) for p in (10, 50, 90)] == [91, 51, 11]
    with pytest.raises(ValueError, match="no level"):
        exceeded([], 10)


@given(series)
def test_statistics_are_in_their_order(found: list[Decimal]) -> None:
    s = statistics(found)
    assert s.lmax >= s.l10 >= s.l50 >= s.l90 >= s.lmin
    assert s.lmax >= s.leq >= s.lmin


# The day


def test_the_day_is_from_06_to_22_and_the_night_the_rest() -> None:
    assert hours_of(ZONES, "day") == tuple(range(6, 22))
    assert hours_of(ZONES, "night") == (22, 23, 0, 1, 2, 3, 4, 5)


def test_a_night_that_is_ten_decibels_quieter_leaves_ldn_at_ld() -> None:
    hourly = {hour: 60 if 6 <= hour < 22 else 50 for hour in range(24)}
    found = day_levels(ZONES, hourly)
    assert (found.ld, found.ln, found.ldn) == (60, 50, 60)


def test_a_part_with_a_missing_hour_has_no_result_and_the_other_part_keeps_its_own() -> None:
    found = assess(day(h03="", h23="-"))
    assert [found[name] for name in NOISE.results] == ["50.0", "", "", "true", ""]
    assert "h03;h23" in found[ERROR]
    assert "the night" in found[ERROR]
    assert "the day" not in found[ERROR]


def test_a_day_without_any_hour_says_so() -> None:
    found = assess({"zone": "2"})
    assert [found[name] for name in NOISE.results] == [""] * 5
    assert "the day and the night" in found[ERROR]


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"zone": "5"}, "zone"),
        ({"zone": ""}, "zone"),
        ({"h00": "-3"}, "h00"),
        ({"h07": "loud"}, "h07"),
        ({"h07": "999"}, "h07"),
        ({"h07": "<30"}, "h07"),
        ({"h07": "NaN"}, "h07"),
        ({"date": "1.5.2026"}, "date"),
    ],
)
def test_a_bad_cell_leaves_only_an_error_that_names_it(cells: dict[str, str], field: str) -> None:
    found = assess(day(**cells))
    assert [found[name] for name in NOISE.results] == [""] * 5
    assert found[ERROR].startswith(f"{field} = ")
    assert found[ERROR].count(";") >= 1


# Verdicts


@pytest.mark.parametrize(
    ("zone", "day_limit", "night_limit"),
    [("0", 50, 40), ("1", 55, 45), ("2", 60, 50), ("3", 65, 55), ("4a", 70, 55), ("4b", 70, 60)],
)
def test_a_level_on_the_limit_keeps_it_and_the_next_integer_does_not(
    zone: str, day_limit: int, night_limit: int
) -> None:
    assert judge(ZONES, "day", day_limit, zone).ok
    assert judge(ZONES, "night", night_limit, zone).ok
    assert judge(ZONES, "day", day_limit + 1, zone).excess == 1
    assert not judge(ZONES, "night", night_limit + 1, zone).ok
    assert judge_night_peak(ZONES, night_limit + 15, "sudden", zone).ok
    assert not judge_night_peak(ZONES, night_limit + 16, "sudden", zone).ok


@pytest.mark.parametrize(
    ("level", "ok"), [("60.4", True), ("60.5", True), ("60.5001", False), ("61.4", False)]
)
def test_a_level_is_rounded_once_to_an_integer_and_a_five_to_the_even(level: str, ok: bool) -> None:
    assert judge(ZONES, "day", level, "2").ok is ok


@given(levels, levels, st.sampled_from(["0", "1", "2", "3", "4a", "4b"]))
def test_a_quieter_level_never_fails_where_a_louder_one_passes(
    a: Decimal, b: Decimal, zone: str
) -> None:
    quiet, loud = sorted((a, b))
    assert judge(ZONES, "night", quiet, zone).ok >= judge(ZONES, "night", loud, zone).ok


def test_an_enterprise_beside_a_main_road_has_the_limits_of_class_4() -> None:
    assert judge(BOUNDARY, "night", 55, "4a").ok
    assert not judge(BOUNDARY, "night", 56, "4b").ok  # 60 for a zone 4b, 55 for an enterprise there


def test_frequent_peaks_of_an_enterprise_may_exceed_by_less_than_occasional_ones() -> None:
    assert judge_night_peak(BOUNDARY, 60, "frequent", "2").ok
    assert not judge_night_peak(BOUNDARY, 61, "frequent", "2").ok
    assert judge_night_peak(BOUNDARY, 65, "occasional", "2").ok
    with pytest.raises(UnknownZone, match="frequent, occasional"):
        judge_night_peak(BOUNDARY, 60, "sudden", "2")


def test_an_unknown_zone_names_those_that_there_are() -> None:
    with pytest.raises(UnknownZone, match="it has 0, 1, 2, 3, 4a, 4b"):
        judge(ZONES, "day", 50, "4")


@pytest.mark.parametrize(
    ("on", "name"), [(date(2025, 12, 31), "GB12523-2011"), (date(2026, 1, 1), "GB12523-2025")]
)
def test_a_construction_site_is_judged_by_the_edition_of_the_day(on: date, name: str) -> None:
    site = edition("noise_construction", on=on)
    assert site.id == name
    assert judge(site, "day", "70.5", "site").ok
    assert not judge(site, "night", 56).ok


def test_a_limit_that_was_not_verified_gives_no_verdict() -> None:
    old = edition("noise_construction", on=date(2025, 12, 31))
    new = edition("noise_construction", on=date(2026, 1, 1))
    assert judge_night_peak(old, 70, "maximum").ok
    with pytest.raises(LimitNotVerified, match=r"GB12523-2025: .* not verified for this edition"):
        judge_night_peak(new, 70, "maximum")


# Grades of a city


@pytest.mark.parametrize(
    ("of", "part", "mean", "level"),
    [
        ("area", "day", "50.0", "一级"),
        ("area", "day", "50.04", "一级"),
        ("area", "day", "50.06", "二级"),
        ("area", "night", "55.1", "五级"),
        ("road", "day", "68.0", "一级"),
        ("road", "day", "70.1", "三级"),
        ("road", "night", "64.0", "四级"),
    ],
)
def test_a_city_is_graded_by_its_mean_with_one_decimal(
    of: str, part: str, mean: str, level: str
) -> None:
    assert city_grade(CITY, of, part, mean).level == level  # type: ignore[arg-type]


def test_means_of_a_city_are_arithmetic_and_roads_count_by_their_length() -> None:
    assert area_mean([50, 60]) == 55
    assert road_mean([70, 60], ["3", "1"]) == Decimal("67.5")
    with pytest.raises(ValueError, match="length above zero"):
        area_mean([])


# Recordings: Dublin City Council (CC BY 4.0) and noisemonitor contributors (Apache-2.0), see
# simulators/data/DATA-LICENSES.md


def column(file: str, name: str) -> list[tuple[str, str]]:
    with (RECORDINGS / file).open(encoding="utf-8") as source:
        return [(row["datetime"], row[name]) for row in csv.DictReader(source)]


def test_a_recorded_street_agrees_with_a_sum_of_energies_in_binary() -> None:
    by_day: dict[str, dict[str, str]] = {}
    for stamp, level in column("dublin_dolphinsbarn.csv", "laeq"):
        by_day.setdefault(stamp[:10], {"zone": "4a"})[f"h{stamp[11:13]}"] = level
    whole = [row for row in by_day.values() if len(row) == 25]
    assert len(whole) > 20
    for row in whole:
        energies = [10 ** (float(row[f"h{hour:02d}"]) / 10) for hour in range(6, 22)]
        mean = Decimal(sum(energies) / 16).log10() * 10
        assert abs(Decimal(assess(row)["ld"]) - mean) <= Decimal("0.0500001")


def test_hours_of_a_recording_made_of_its_minutes_give_its_day() -> None:
    minutes = [level for _, level in column("noisemonitor_1min.csv", "LEQ dB -A")][: 24 * 60]
    hours = [energy_mean(minutes[start : start + 60]) for start in range(0, 24 * 60, 60)]
    assert abs(energy_mean(hours) - energy_mean(minutes)) < TINY
    found = statistics(minutes)
    assert found.l50 < found.leq < found.lmax  # peaks carry the energy


def test_every_noise_edition_tells_how_it_was_verified() -> None:
    found: list[Edition] = [ZONES, BOUNDARY, CITY, edition("noise_construction", on=ON)]
    assert all(one.source and one.verified and one.title["zh"] and one.title["en"] for one in found)
