"""Groundwater: classes by the worst index, equal limits, pH on both sides, not detected."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from standards import edition
from standards.assess import ERROR, assess_rows
from standards.groundwater import GROUNDWATER, judge
from standards.rows import Measured

ON = date(2026, 5, 1)


def assess(**row: str) -> dict[str, str]:
    return next(assess_rows([row], GROUNDWATER, named=None, on=ON))


@pytest.mark.parametrize(
    ("row", "expected", "deciding"),
    [
        ({"total_hardness": "120", "tds": "280", "nh3n": "0.01"}, "I", ""),
        ({"nitrate": "20.0"}, "III", "nitrate"),
        ({"nitrate": "30.1"}, "V", "nitrate"),
        ({"as": "0.011", "fe": "0.4"}, "IV", "as;fe"),
        ({"turbidity": "3"}, "I", ""),  # equal limits of I, II, III: the better class
        ({"turbidity": "3.1"}, "IV", "turbidity"),
        ({"ph": "6.4"}, "IV", "ph"),
        ({"ph": "9.0"}, "IV", "ph"),
        ({"ph": "5.49"}, "V", "ph"),
        ({"anionic_surfactant": "<0.05"}, "I", ""),
        ({"anionic_surfactant": "0.05"}, "II", "anionic_surfactant"),
        ({"gross_alpha": "9"}, "IV", "gross_alpha"),  # both IV and V are above 0.5 Bq/L
        ({"chloroform": "0.07"}, "IV", "chloroform"),
    ],
)
def test_the_worst_index_decides(row: dict[str, str], expected: str, deciding: str) -> None:
    found = assess(**row)
    assert (found["class"], found["deciding"], found[ERROR]) == (expected, deciding, "")


def test_class_five_is_a_target_that_all_water_meets() -> None:
    assert assess(nitrate="500", target="V")["meets_target"] == "true"
    assert assess(nitrate="500", target="III")["meets_target"] == "false"
    assert assess(nitrate="5", target="0")[ERROR].startswith("target = '0'")
    assert assess(station="well 7")[ERROR].startswith("row = ")


def test_a_target_gives_multiples() -> None:
    gb = edition("groundwater", on=ON)
    verdict = judge({"mn": Measured(Decimal("0.35"))}, gb, target="III")
    assert verdict.exceeding == {"mn": Decimal("2.5")}


def test_all_routine_indices_with_a_number_are_there() -> None:
    assert len(edition("groundwater", on=ON).tables["items"]) == 37


def test_before_the_edition_there_is_none() -> None:
    assert "no edition of groundwater" in assess(date="2018-04-30", nitrate="5")[ERROR]
