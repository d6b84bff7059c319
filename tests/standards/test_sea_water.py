"""Sea water: classes, nitrogen as a sum, bays by number and by area, a real estuary."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from standards import edition
from standards.assess import ERROR, assess_rows
from standards.rows import Measured
from standards.sea_water import SEA, Bay, Station, bay, judge, with_sums

ON = date(2026, 5, 1)
HERE = Path(__file__).parent
GB3097 = edition("sea_water", on=ON)


def assess(**row: str) -> dict[str, str]:
    return next(assess_rows([row], SEA, named=None, on=ON))


def sample(**contents: str) -> dict[str, Measured]:
    return {item: Measured(Decimal(text)) for item, text in contents.items()}


@pytest.mark.parametrize(
    ("row", "expected", "deciding"),
    [
        ({"ph": "8.1", "do": "6.5", "codmn": "1.2", "inorganic_nitrogen": "0.18"}, "I", ""),
        ({"inorganic_nitrogen": "0.30"}, "II", "inorganic_nitrogen"),
        ({"active_phosphate": "0.030"}, "II", "active_phosphate"),
        ({"active_phosphate": "0.031"}, "IV", "active_phosphate"),
        (
            {"inorganic_nitrogen": "0.51", "codmn": "5.1"},
            "worse_than_IV",
            "codmn;inorganic_nitrogen",
        ),
        ({"ph": "7.5"}, "III", "ph"),
        ({"ph": "6.7"}, "worse_than_IV", "ph"),
        ({"petroleum": "0.06"}, "III", "petroleum"),
        ({"cu": "0.006", "zn": "0.03", "pb": "0.002"}, "II", "cu;pb;zn"),
    ],
)
def test_the_worst_item_decides(row: dict[str, str], expected: str, deciding: str) -> None:
    found = assess(**row)
    assert (found["class"], found["deciding"], found[ERROR]) == (expected, deciding, "")


def test_oxygen_must_lie_above_its_limit() -> None:
    assert assess(do="6.01")["class"] == "I"
    assert assess(do="6")["class"] == "II"
    assert assess(do="3")["class"] == "worse_than_IV"


def test_inorganic_nitrogen_is_a_sum_of_its_parts() -> None:
    parts = {"nitrate": "0.20", "nitrite": "0.02", "nh3n": "0.08"}
    assert assess(**parts)["class"] == "II"
    assert assess(**parts, inorganic_nitrogen="0.1")["class"] == "I", "the given sum goes before"
    half = with_sums({**sample(nitrate="0.2", nitrite="0.02"), "nh3n": below("0.08")}, GB3097)
    assert half["inorganic_nitrogen"].value == Decimal("0.26")


def below(text: str) -> Measured:
    return Measured(Decimal(text), below=True)


def test_a_missing_part_is_not_zero() -> None:
    assert "inorganic_nitrogen" not in with_sums(sample(nitrate="0.9", nitrite="0.1"), GB3097)
    assert assess(nitrate="0.9", nitrite="0.1")[ERROR].startswith("row = ")
    assert assess(nitrate="0.9", do="6.5")["class"] == "I"


def test_the_target_is_held_against_every_item() -> None:
    assert assess(do="4.5", target="II")["meets_target"] == "false"
    assert assess(do="4.5", target="III")["meets_target"] == "true"
    assert assess(do="4.5", target="V")[ERROR].startswith("target = 'V'")
    verdict = judge(sample(inorganic_nitrogen="0.75", do="2"), GB3097, target="II")
    assert verdict.exceeding == {"do": None, "inorganic_nitrogen": Decimal("1.5")}


def test_a_bay_counts_its_stations() -> None:
    found = bay([Station("I"), Station("II"), Station("worse_than_IV")], GB3097)
    assert found == Bay(
        shares={
            "I": Decimal("33.3"),
            "II": Decimal("33.3"),
            "III": Decimal("0.0"),
            "IV": Decimal("0.0"),
            "worse_than_IV": Decimal("33.3"),
        },
        good=Decimal("66.7"),
        worst="worse_than_IV",
    )


def test_a_bay_weighs_its_stations_by_area_where_all_have_one() -> None:
    found = bay([Station("II", Decimal(30)), Station("IV", Decimal(10))], GB3097)
    assert found.good == Decimal("75.0")
    assert found.worst == "IV"


@pytest.mark.parametrize(
    "stations",
    [
        [],
        [Station("I", Decimal(1)), Station("I")],
        [Station("I", Decimal(0))],
    ],
)
def test_a_bay_without_a_fair_weight_is_refused(stations: list[Station]) -> None:
    with pytest.raises(ValueError, match="area"):
        bay(stations, GB3097)


def test_an_estuary_is_judged_by_its_real_nutrients() -> None:
    found = {}
    with (HERE / "data" / "nerr_nutrients_extract.csv").open(encoding="utf-8") as file:
        for one in csv.DictReader(file):
            row = {
                "active_phosphate": one["po4f"],
                "nitrate": one["no3f"],
                "nitrite": one["no2f"],
                "nitrate_nitrite": one["no23f"],
                "nh3n": one["nh4f"],
            }
            found[one["datetimestamp"][:10]] = assess(**row)
    assert found["2006-07-05"][ERROR].startswith("row = "), "nothing was measured that day"
    assert {day: row["class"] for day, row in found.items() if row["deciding"]} == {
        "2003-06-02": "II",  # 0.223 + 0.009 + 0.061 = 0.293
        "2005-06-06": "III",  # 0.312
        "2006-01-03": "III",  # 0.312
        "2007-01-09": "II",  # from here nitrate and nitrite as one: 0.214
        "2009-06-09": "II",  # 0.227
        "2010-04-06": "II",  # 0.279
        "2013-04-02": "III",  # 0.339
    }
