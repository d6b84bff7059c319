"""Effluent: grades, ammonia by water temperature, old plants, removal, the amendment of 2026."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from standards import edition
from standards.assess import ERROR, assess_rows
from standards.effluent import EFFLUENT, Plant, TemperatureNeeded, judge
from standards.rows import Measured

ON = date(2026, 5, 1)
GB18918 = edition("effluent", on=ON)


def assess(**row: str) -> dict[str, str]:
    return next(assess_rows([row], EFFLUENT, named=None, on=ON))


def sample(**contents: str) -> dict[str, Measured]:
    return {item: Measured(Decimal(text)) for item, text in contents.items()}


@pytest.mark.parametrize(
    ("row", "compliant", "over"),
    [
        ({"grade": "1A", "cod": "50", "ss": "10", "tp": "0.5", "tn": "15"}, "true", ""),
        ({"grade": "1A", "cod": "51", "ss": "12", "tp": "0.5"}, "false", "cod;ss"),
        ({"grade": "1B", "cod": "51", "ss": "12", "tp": "0.9"}, "true", ""),
        ({"grade": "2", "tn": "90", "cod": "99"}, "true", ""),  # grade 2 has no total nitrogen
        ({"grade": "3", "nh3n": "90", "cod": "120"}, "true", ""),
        ({"grade": "1A", "ph": "9.1"}, "false", "ph"),
        ({"grade": "1A", "faecal_coliform": "1001"}, "false", "faecal_coliform"),
        ({"grade": "2", "hg": "0.002", "alkyl_mercury": "<0.00001"}, "false", "hg"),
        ({"grade": "1A", "nh3n": "6", "water_temperature": "12"}, "true", ""),
        ({"grade": "1A", "nh3n": "6", "temperature": "12.1"}, "false", "nh3n"),
        ({"grade": "1A", "nh3n": "4.9"}, "true", ""),
        ({"grade": "1A", "nh3n": "8.1"}, "false", "nh3n"),
        ({"grade": "1A", "tp": "0.9", "built": "2004"}, "true", ""),
        ({"grade": "1A", "tp": "0.9", "built": "2006"}, "false", "tp"),
    ],
)
def test_a_daily_mean_complies_by_grade(row: dict[str, str], compliant: str, over: str) -> None:
    found = assess(**row)
    assert (found["compliant"], found["exceeding"], found[ERROR]) == (compliant, over, "")


def test_a_verdict_that_hangs_on_the_temperature_asks_for_it() -> None:
    error = assess(grade="1A", nh3n="6")[ERROR]
    assert error.startswith("water_temperature = ")
    assert "nh3n" in error
    with pytest.raises(TemperatureNeeded):
        judge(sample(nh3n="6"), GB18918, Plant("1A"))


def test_grade_three_judges_removal_where_the_influent_is_strong() -> None:
    strong = {"grade": "3", "cod": "150", "cod_in": "400"}
    assert assess(**strong)["compliant"] == "true", "62.5 % removed, more than 60 %"
    assert assess(**{**strong, "cod": "160"})["exceeding"] == "cod", "60 % is not more than 60 %"
    assert assess(**{**strong, "cod_in": "350"})["exceeding"] == "cod", "not strong: 120 mg/L hold"
    assert assess(**{**strong, "grade": "2"})["exceeding"] == "cod", "grade 3 alone"
    assert assess(grade="3", bod5="70", bod5_in="200")["compliant"] == "true"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"cod": "40"}, "grade"),
        ({"grade": "1C", "cod": "40"}, "grade"),
        ({"grade": "1A"}, "row"),
        ({"grade": "3", "tn": "15"}, "row"),
        ({"grade": "1A", "cod": "x"}, "cod"),
        ({"grade": "1A", "cod": "40", "built": "old"}, "built"),
    ],
)
def test_a_row_that_cannot_be_judged_names_the_field(row: dict[str, str], field: str) -> None:
    assert assess(**row)[ERROR].startswith(f"{field} = ")


def test_multiples_are_over_the_limit_and_no_removal_has_one() -> None:
    assert judge(sample(cod="75"), GB18918, Plant("1A")).exceeding == {"cod": Decimal("0.5")}
    plant = Plant("3", influent=sample(cod="400"))
    assert judge(sample(cod="200"), GB18918, plant).exceeding == {"cod": None}
    with pytest.raises(ValueError, match="grade 3"):
        judge(sample(tn="1"), GB18918, Plant("3"))


def test_the_amendment_holds_from_its_day_and_keeps_the_daily_means() -> None:
    before = edition("effluent", on=date(2026, 2, 28))
    after = edition("effluent", on=date(2026, 3, 1))
    assert (before.id, after.id) == ("GB18918-2002", "GB18918-2002-amended-2026")
    assert before.tables["items"] == after.tables["items"]
    assert after.tables["unverified"] == ["ph", "colour", "faecal_coliform"]
