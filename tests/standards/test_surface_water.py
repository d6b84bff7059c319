"""Surface water: worked examples, rivers and lakes, oxygen by saturation, basins, a real river."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards import edition
from standards.assess import ERROR, assess_rows
from standards.rows import Measured
from standards.surface_water import (
    WATER,
    Basin,
    basin,
    basin_of_classes,
    judge,
    means,
    section_state,
    separate_classes,
)

ON = date(2026, 5, 1)
HERE = Path(__file__).parent
GB3838 = edition("surface_water", on=ON)
UG_PER_MG = 1000
COLUMNS = {
    "OXYGEN DISSOLVED": "do",
    "PH": "ph",
    "AMMONIA DISSOLVED": "nh3n",
    "AMMONIA TOTAL": "nh3n",
    "PHOSPHORUS TOTAL": "tp",
    "ARSENIC TOTAL": "as",
    "CADMIUM TOTAL": "cd",
    "COPPER TOTAL": "cu",
    "LEAD TOTAL": "pb",
    "SELENIUM TOTAL": "se",
    "ZINC TOTAL": "zn",
    "FLUORIDE": "fluoride",
    "FLUORIDE DISSOLVED": "fluoride",
}


def assess(row: dict[str, str]) -> dict[str, str]:
    return next(assess_rows([row], WATER, named=None, on=ON))


def sample(**contents: str) -> dict[str, Measured]:
    return {item: Measured(Decimal(text)) for item, text in contents.items()}


def vectors() -> list[dict[str, str]]:
    with (HERE / "vectors" / "water.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", vectors(), ids=lambda row: row["id"])
def test_worked_examples_come_out_digit_for_digit(row: dict[str, str]) -> None:
    found = assess(row)
    assert {name: found[name] for name in WATER.results} == {
        name: row[f"expected_{name}"] for name in WATER.results
    }
    assert found[ERROR] == ""


def test_without_a_target_none_is_met_or_missed() -> None:
    assert assess({"cod": "12"}) == {
        "cod": "12",
        "class": "I",
        "deciding": "",
        "meets_target": "",
        "error": "",
    }


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"cod": "abc"}, "cod"),
        ({"cod": "-1"}, "cod"),
        ({"ph": "15"}, "ph"),
        ({"cod": "10", "target": "VI"}, "target"),
        ({"cod": "10", "target": "worse_than_V"}, "target"),
        ({"cod": "10", "body": "pond"}, "body"),
        ({"cod": "10", "temperature": "cold"}, "temperature"),
        ({"cod": "", "target": "III"}, "row"),
        ({"turbidity": "3", "tn": "1"}, "row"),
    ],
)
def test_a_row_that_cannot_be_judged_names_the_field(row: dict[str, str], field: str) -> None:
    found = assess(row)
    assert found[ERROR].startswith(f"{field} = ")
    assert found["class"] == found["deciding"] == found["meets_target"] == ""


def test_the_error_of_an_empty_row_names_what_could_be_filled_in() -> None:
    error = assess({"cod": "", "nh3n": "-"})[ERROR]
    assert "codmn" in error
    assert "nh3n" in error


def test_lakes_have_their_own_phosphorus() -> None:
    assert assess({"tp": "0.04"})["class"] == "II"
    assert assess({"tp": "0.04", "body": "river"})["class"] == "II"
    assert assess({"tp": "0.04", "body": "lake"})["class"] == "III"


def test_nitrogen_and_coliforms_are_judged_by_themselves() -> None:
    found = sample(cod="10", tn="3.1", faecal_coliform="9000")
    assert judge(found, GB3838).water_class == "I"
    assert separate_classes(found, GB3838) == {"tn": "worse_than_V", "faecal_coliform": "III"}
    assert separate_classes(sample(cod="10"), GB3838) == {}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"do": "7.4"}, "II"),
        ({"do": "7.5"}, "I"),
        ({"do": "7.0", "do_saturation": "90"}, "I"),
        ({"do": "7.0", "do_saturation": "89.9"}, "II"),
        ({"do": "7.0", "temperature": "30"}, "I"),  # 468 / 61.6 = 7.60 mg/L, 90 % = 6.84
        ({"do": "6.8", "temperature": "30"}, "II"),
        ({"do": "7.0", "water_temperature": "20"}, "II"),  # 90 % = 8.16
        ({"do": "7.5", "water_temperature": "5"}, "I"),  # 7.5 mg/L stands beside the 90 %
        ({"do": "5.9", "do_saturation": "0"}, "III"),
    ],
)
def test_oxygen_of_class_one_is_also_reached_by_saturation(
    row: dict[str, str], expected: str
) -> None:
    assert assess(row)["class"] == expected


def test_saturation_opens_class_one_alone() -> None:
    warm = judge(sample(do="5.5"), GB3838, temperature=Decimal(30))
    assert warm.water_class == "III"


def test_below_detection_counts_half_the_limit() -> None:
    assert assess({"hg": "<0.0001"})["class"] == "I"
    assert assess({"hg": "0.0001"})["class"] == "III"
    assert assess({"cyanide": "0.004L"})["class"] == "I"


def test_multiples_are_given_over_the_target_but_not_for_ph_and_oxygen() -> None:
    verdict = judge(sample(cod="50", nh3n="0.9", do="1.0", ph="9.5"), GB3838, target="III")
    assert verdict.exceeding == {"cod": Decimal("1.5"), "do": None, "ph": None}
    assert verdict.meets_target is False


def test_a_section_has_a_state_by_its_class() -> None:
    states = [section_state(name, GB3838) for name in GB3838.tables["classes"]]
    assert states == ["excellent", "excellent", "good", "light", "moderate", "heavy"]
    assert GB3838.tables["states"]["heavy"] == {"zh": "重度污染", "en": "heavily polluted"}


@pytest.mark.parametrize(
    ("classes", "state"),
    [
        (["II"] * 9 + ["IV"], "excellent"),
        (["III"] * 8 + ["IV"] * 2, "good"),
        (["III"] * 3 + ["worse_than_V"], None),
        (["III"] * 15 + ["worse_than_V"] * 5, "good"),
        (["III"] * 7 + ["V"] * 3, "light"),
        (["III"] * 4 + ["V"] * 5 + ["worse_than_V"], "light"),
        (["III"] * 4 + ["V"] * 4 + ["worse_than_V"] * 2, "moderate"),
        (["III"] * 3 + ["worse_than_V"] * 2, "heavy"),
    ],
)
def test_a_basin_is_described_by_the_shares_of_its_sections(
    classes: list[str], state: str | None
) -> None:
    if state is None:
        with pytest.raises(ValueError, match="at least 5"):
            basin_of_classes(classes, GB3838)
    else:
        assert basin_of_classes(classes, GB3838) == Basin(state, "shares")


def test_a_basin_of_few_sections_is_judged_by_their_mean() -> None:
    sections = [sample(nh3n="0.4", cod="12"), sample(nh3n="1.4"), sample(nh3n="1.8")]
    assert basin(sections, GB3838) == Basin("light", "means", "IV")
    assert basin(sections * 2, GB3838).by == "shares"


def test_ph_is_averaged_by_its_ions_and_missing_values_are_no_zeros() -> None:
    mean = means([sample(ph="6", cod="10"), sample(ph="8")])
    assert mean["cod"].value == 10
    assert round(mean["ph"].value, 3) == Decimal("6.297")


@given(st.lists(st.sampled_from(GB3838.tables["classes"]), min_size=5, max_size=40))
def test_a_basin_never_gets_better_when_a_section_gets_worse(classes: list[str]) -> None:
    order = list(GB3838.tables["states"])
    before = order.index(basin_of_classes(classes, GB3838).state)
    after = order.index(basin_of_classes([*classes[1:], "worse_than_V"], GB3838).state)
    assert after >= before


def river_days(path: Path) -> dict[str, dict[str, str]]:
    """Samples by day, in the table's units: metals were in mg/L, later in ug/L."""
    days: dict[str, dict[str, str]] = defaultdict(dict)
    with path.open(encoding="utf-8") as file:
        for one in csv.DictReader(file):
            column = COLUMNS.get(one["Variable"])
            if column is not None:
                value = Decimal(one["Value"])
                in_mg = value / UG_PER_MG if one["Units"] == "UG/L" else value
                days[one["SiteID"] + one["Date"]][column] = f"{in_mg:f}"
    return days


def test_a_real_river_is_judged_across_its_change_of_units() -> None:
    days = river_days(HERE / "data" / "fraser_river_extract.csv")
    found = {day[-10:]: assess({**row, "target": "III"}) for day, row in days.items()}
    assert {day: (row["class"], row["deciding"]) for day, row in found.items()} == {
        "2002-02-19": ("II", "tp"),
        "2002-06-11": ("III", "tp"),
        "2003-02-25": ("II", "tp"),
        "2003-05-27": ("IV", "tp"),
        "2014-05-07": ("V", "tp"),
        "2014-07-02": ("II", "do;tp"),
        "2015-02-11": ("V", "tp"),
        "2015-07-29": ("II", "tp"),
    }
    assert [day for day, row in found.items() if row["meets_target"] == "false"] == [
        "2003-05-27",
        "2014-05-07",
        "2015-02-11",
    ]


WHOLE = HERE.parents[2] / "shared" / "data" / "water" / "fraser_river_samples.csv"


@pytest.mark.skipif(not WHOLE.exists(), reason="the whole recording is not beside the project")
def test_every_day_of_the_whole_recording_gets_a_class() -> None:
    days = river_days(WHOLE)
    assert len(days) > 300
    for row in days.values():
        assert assess(row)[ERROR] == ""
