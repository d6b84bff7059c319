"""Drinking water: compliance, disinfectants by place, trihalomethanes as a sum of ratios."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards import edition
from standards.assess import ERROR, assess_rows
from standards.drinking_water import DRINKING, judge
from standards.rows import Measured

ON = date(2026, 5, 1)
GB5749 = edition("drinking_water", on=ON)
THMS = ("chloroform", "dibromochloromethane", "bromodichloromethane", "bromoform")


def assess(**row: str) -> dict[str, str]:
    return next(assess_rows([row], DRINKING, named=None, on=ON))


def sample(**contents: str) -> dict[str, Measured]:
    return {item: Measured(Decimal(text)) for item, text in contents.items()}


@pytest.mark.parametrize(
    ("row", "compliant", "over"),
    [
        (
            {"turbidity": "0.17", "ph": "8.21", "total_hardness": "260", "fluoride": "0.59"},
            "true",
            "",
        ),
        ({"turbidity": "1"}, "true", ""),
        ({"turbidity": "1.01", "fe": "0.31"}, "false", "fe;turbidity"),
        ({"total_coliform": "0", "e_coli": "<1"}, "true", ""),
        ({"total_coliform": "1"}, "false", "total_coliform"),
        ({"ph": "8.6"}, "false", "ph"),
        ({"gross_alpha": "0.6"}, "false", "gross_alpha"),
        ({"free_chlorine": "0.1"}, "true", ""),
        ({"free_chlorine": "0.1", "place": "tap"}, "true", ""),
        ({"free_chlorine": "0.1", "place": "plant"}, "false", "free_chlorine"),
        ({"free_chlorine": "2.1", "place": "plant"}, "false", "free_chlorine"),
        ({"free_chlorine": "0.04"}, "false", "free_chlorine"),
    ],
)
def test_a_sample_complies_or_names_what_does_not(
    row: dict[str, str], compliant: str, over: str
) -> None:
    found = assess(**row)
    assert (found["compliant"], found["exceeding"], found[ERROR]) == (compliant, over, "")


def test_trihalomethanes_are_summed_where_all_four_are_known() -> None:
    each = dict.fromkeys(THMS, "0.03")
    verdict = judge(sample(**each), GB5749)
    assert verdict.exceeding == {"trihalomethanes": Decimal("0.6")}  # 0.5 + 0.3 + 0.5 + 0.3 = 1.6
    del each["bromoform"]
    assert judge(sample(**each), GB5749).compliant


def test_multiples_are_over_the_limit() -> None:
    verdict = judge(sample(nitrate="25", ph="9", e_coli="3"), GB5749)
    assert verdict.exceeding == {"e_coli": None, "nitrate": Decimal("1.5"), "ph": None}


@pytest.mark.parametrize(
    ("row", "field"),
    [({"place": "well", "ph": "7"}, "place"), ({"place": "tap"}, "row"), ({"ph": "?"}, "ph")],
)
def test_a_row_that_cannot_be_judged_names_the_field(row: dict[str, str], field: str) -> None:
    assert assess(**row)[ERROR].startswith(f"{field} = ")


def test_nothing_measured_has_no_verdict() -> None:
    with pytest.raises(ValueError, match="no item"):
        judge({}, GB5749)


@given(
    st.dictionaries(
        st.sampled_from(sorted(GB5749.tables["items"])),
        st.decimals(0, 2000, places=3),
        min_size=1,
    )
)
def test_an_item_exceeds_or_complies_whatever_stands_beside_it(
    contents: dict[str, Decimal],
) -> None:
    whole = judge({item: Measured(value) for item, value in contents.items()}, GB5749)
    alone = {
        item
        for item, value in contents.items()
        if not judge({item: Measured(value)}, GB5749).compliant
    }
    assert alone <= set(whole.exceeding) <= alone | {"trihalomethanes"}
