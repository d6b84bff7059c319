"""Soil: limits by pH and land, indices, classes of risk at their bounds, real samples."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards.assess import ERROR, assess_rows
from standards.editions import edition
from standards.rows import Assessor, Measured
from standards.soil import (
    DetectionLimitTooHigh,
    construction_limits,
    farmland_limits,
    largest,
    nemerow,
    nemerow_grade,
    risk,
    risk_grade,
    single_factors,
)
from standards.soil_rows import SOIL, SOIL_RISK

ON = date(2026, 5, 1)
HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared" / "data" / "soil"
FARMLAND = edition("soil_farmland", on=ON)
SITES = edition("soil_construction", on=ON)
INDICES = edition("soil_indices", on=ON)
TINY = Decimal("1e-20")

factors = st.lists(st.decimals(0, 50, places=3), min_size=1, max_size=8)


def assess(row: dict[str, str], assessor: Assessor = SOIL) -> dict[str, str]:
    return next(assess_rows([row], assessor, named=None, on=ON))


def sample(**contents: str) -> dict[str, Measured]:
    return {item: Measured(Decimal(text)) for item, text in contents.items()}


def vectors() -> list[dict[str, str]]:
    with (HERE / "vectors" / "soil.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", vectors(), ids=lambda row: row["id"])
def test_worked_examples_come_out_digit_for_digit(row: dict[str, str]) -> None:
    found = assess(row)
    assert {name: found[name] for name in SOIL.results} == {
        name: row[f"expected_{name}"] for name in SOIL.results
    }
    assert found[ERROR] == ""


# Limits


@pytest.mark.parametrize(
    ("ph", "cd"),
    [
        ("0", "0.3"),
        ("5.5", "0.3"),
        ("5.51", "0.4"),
        ("6.5", "0.4"),
        ("6.6", "0.6"),
        ("7.5", "0.6"),
        ("7.51", "0.8"),
        ("14", "0.8"),
    ],
)
def test_a_ph_on_a_bound_belongs_to_the_lower_band(ph: str, cd: str) -> None:
    assert farmland_limits(FARMLAND, "paddy", ph)["cd"].screening == Decimal(cd)


def test_land_decides_copper_by_orchard_and_the_other_metals_by_paddy() -> None:
    by_land = {land: farmland_limits(FARMLAND, land, 6) for land in ("paddy", "orchard", "other")}
    assert [by_land[land]["cu"].screening for land in by_land] == [50, 150, 50]
    assert [by_land[land]["hg"].screening for land in by_land] == [
        Decimal("0.5"),
        Decimal("1.8"),
        Decimal("1.8"),
    ]
    assert by_land["paddy"]["zn"].intervention is None
    assert by_land["paddy"]["as"].intervention == 150


def test_construction_land_has_the_45_basic_items_and_class_1_is_never_laxer() -> None:
    first, second = (construction_limits(SITES, land) for land in ("class_1", "class_2"))
    assert len(first) == 45 + 7
    for item in first:
        assert first[item].screening <= second[item].screening
        for limits in (first[item], second[item]):
            assert limits.intervention is not None
            assert limits.screening <= limits.intervention


def test_cas_numbers_have_their_check_digit() -> None:
    for item, row in SITES.tables["items"].items():
        for number in (row["cas"] or "").split(", ") if row["cas"] else []:
            *digits, check = number.replace("-", "")
            total = sum(place * int(d) for place, d in enumerate(reversed(digits), start=1))
            assert total % 10 == int(check), item


@pytest.mark.parametrize("land", ["class_3", ""])
def test_an_unknown_land_names_those_that_there_are(land: str) -> None:
    with pytest.raises(ValueError, match="class_1, class_2"):
        construction_limits(SITES, land)
    with pytest.raises(ValueError, match="paddy, orchard, other"):
        farmland_limits(FARMLAND, land, 7)


# Indices


@given(factors)
def test_nemerows_index_lies_between_the_mean_and_the_largest_factor(found: list[Decimal]) -> None:
    index = nemerow(found)
    assert sum(found) / len(found) - TINY <= index <= max(found) + TINY


@given(factors, st.integers(0, 7), st.decimals(0, 5, places=2))
def test_more_of_an_item_never_lowers_the_index(
    found: list[Decimal], which: int, more: Decimal
) -> None:
    worse = list(found)
    worse[which % len(found)] += more
    assert nemerow(worse) >= nemerow(found)


def test_an_index_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        nemerow([])


@pytest.mark.parametrize(
    ("index", "grade"),
    [
        ("0", "清洁"),
        ("0.7", "清洁"),
        ("0.7001", "尚清洁"),
        ("1", "尚清洁"),
        ("2", "轻度污染"),
        ("3", "中度污染"),
        ("3.0001", "重度污染"),
    ],
)
def test_a_bound_belongs_to_the_better_grade(index: str, grade: str) -> None:
    assert nemerow_grade(INDICES, index).zh == grade


def test_items_that_share_the_largest_factor_are_all_named() -> None:
    limits = farmland_limits(FARMLAND, "other", 7)
    found = single_factors(sample(zn="125", cu="50", cd="0.03", gold="9"), limits)
    assert set(largest(found)) == {"zn", "cu"}
    row = {"land": "other", "ph": "7", "zn": "125", "cu": "50", "cd": "0.03"}
    assert assess(row)["max_item"] == "cu;zn"


def test_what_was_not_detected_counts_as_half_the_detection_limit() -> None:
    row = {"land": "other", "ph": "7", "cd": "<0.06"}
    assert assess(row)["max_p"] == "0.100"


def test_a_detection_limit_above_the_screening_value_decides_nothing() -> None:
    limits = farmland_limits(FARMLAND, "other", 7)
    with pytest.raises(DetectionLimitTooHigh):
        risk({"cd": Measured(Decimal("0.31"), below=True)}, limits)
    assert risk({"cd": Measured(Decimal("0.3"), below=True)}, limits).risk == "low"


# Risk


@pytest.mark.parametrize(
    ("cd", "expected"), [("0.3", "low"), ("0.301", "between"), ("3.0", "between"), ("3.01", "high")]
)
def test_a_content_on_a_limit_keeps_it(cd: str, expected: str) -> None:
    found = risk(sample(cd=cd, zn="10"), farmland_limits(FARMLAND, "other", 7))
    assert found.risk == expected
    assert found.deciding == (() if expected == "low" else ("cd",))


def test_zinc_has_no_intervention_value_and_is_never_a_high_risk() -> None:
    limits = farmland_limits(FARMLAND, "other", 7)
    assert risk(sample(zn="90000"), limits).risk == "between"


@given(st.decimals(0, 400, places=1), st.decimals(0, 400, places=1))
def test_more_arsenic_is_never_less_risk(a: Decimal, b: Decimal) -> None:
    order = ("low", "between", "high")
    less, more = sorted((a, b))
    for land in ("class_1", "class_2"):
        limits = construction_limits(SITES, land)
        found = [risk(sample(**{"as": str(c)}), limits).risk for c in (less, more)]
        assert order.index(found[0]) <= order.index(found[1])


@pytest.mark.parametrize(
    ("row", "zh", "deciding"),
    [
        ({"land": "class_1", "as": "20", "benzene": "1"}, "风险一般可以忽略", ""),
        ({"land": "class_2", "as": "61", "pb": "801"}, "应开展详细调查", "as;pb"),
        ({"land": "class_1", "as": "121", "pb": "401"}, "通常存在不可接受风险", "as"),
        ({"land": "paddy", "ph": "5.5", "cr": "801"}, "风险高", "cr"),
    ],
)
def test_rows_get_the_words_of_their_lands_standard(
    row: dict[str, str], zh: str, deciding: str
) -> None:
    found = assess(row, SOIL_RISK)
    assert (found["risk"], found["deciding"], found[ERROR]) == (zh, deciding, "")


def test_classes_of_risk_have_words_in_both_languages() -> None:
    for standard in (FARMLAND, SITES):
        assert len({risk_grade(standard, r).en for r in ("low", "between", "high")}) == 3


def test_a_sample_from_before_the_standards_is_not_judged_by_them() -> None:
    found = assess({"land": "class_1", "as": "5", "date": "2018-07-31"})
    assert "no edition of soil_farmland holds on 2018-07-31" in found[ERROR]


# Cells


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"land": "meadow"}, "land"),
        ({"land": ""}, "land"),
        ({"ph": ""}, "ph"),
        ({"ph": "14.1"}, "ph"),
        ({"ph": "-0.1"}, "ph"),
        ({"ph": "<5"}, "ph"),
        ({"ph": "acid"}, "ph"),
        ({"cd": "-0.1"}, "cd"),
        ({"cd": "much"}, "cd"),
        ({"cd": "1e9"}, "cd"),
        ({"cd": "<0.5"}, "cd"),
        ({"cd": ""}, "items"),
    ],
)
def test_a_bad_cell_leaves_only_an_error_that_names_it(cells: dict[str, str], field: str) -> None:
    for assessor in (SOIL, SOIL_RISK):
        found = assess({"land": "other", "ph": "7", "cd": "0.1"} | cells, assessor)
        assert [found[name] for name in assessor.results] == [""] * len(assessor.results)
        assert found[ERROR].startswith(f"{field} = ")


def test_construction_land_needs_no_ph() -> None:
    assert assess({"land": "class_2", "hg": "3.8"})["max_p"] == "0.100"


# Real samples. USGS and US EPA by way of the Water Quality Portal, CC0 1.0: sites in Pennsylvania,
# 2020-11-09 and 2021-04-21, mg/kg; "<" where the source says Not Detected, with its limit.


@pytest.mark.parametrize(
    ("row", "max_p", "items", "verdict"),
    [
        (
            {
                "land": "class_1",
                "as": "8.9",
                "cd": "3.0",
                "cr6": "2.3",
                "pb": "40",
                "hg": "0.1",
                "ni": "33",
                "sb": "<1.1",
                "be": "1.0",
                "co": "19",
                "v": "33",
            },
            "0.950",
            "co",
            "风险一般可以忽略",
        ),
        (
            {"land": "class_1", "as": "8.9", "cr6": "<0.5", "co": "24", "v": "40", "sb": "<1.3"},
            "1.200",
            "co",
            "应开展详细调查",
        ),
        (
            {
                "land": "other",
                "ph": "6.86",
                "as": "8.9",
                "cd": "3.0",
                "cr": "28",
                "pb": "40",
                "hg": "0.1",
                "ni": "33",
                "zn": "260",
            },
            "10.000",
            "cd",
            "可能存在风险",
        ),
    ],
)
def test_real_samples(row: dict[str, str], max_p: str, items: str, verdict: str) -> None:
    found = assess(row)
    assert (found["max_p"], found["max_item"], found[ERROR]) == (max_p, items, "")
    assert assess(row, SOIL_RISK)["risk"] == verdict


@pytest.mark.skipif(not SHARED.exists(), reason="the recordings that cannot be shipped are absent")
@pytest.mark.parametrize("file", ["kola_ohorizon.csv", "kola_chorizon.csv"])
def test_a_whole_survey_is_assessed_and_agrees_with_binary_arithmetic(file: str) -> None:
    with (SHARED / file).open(encoding="utf-8") as source:
        rows = [
            {name.lower(): cell for name, cell in row.items()} | {"land": "other"}
            for row in csv.DictReader(source)
        ]
    assessed = 0
    for row in rows:
        found = assess(row)
        if not row["ph"]:
            assert found[ERROR].startswith("ph = ")
            continue
        limits = farmland_limits(FARMLAND, "other", row["ph"])
        p = [float(row[i]) / float(s.screening) for i, s in limits.items() if row.get(i)]
        index = ((max(p) ** 2 + (sum(p) / len(p)) ** 2) / 2) ** 0.5
        assert abs(float(found["nemerow"]) - index) < 0.000501
        assert abs(float(found["max_p"]) - max(p)) < 0.000501
        assessed += 1
    assert assessed > 290
