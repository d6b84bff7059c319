"""Black and odorous water: samples, points by the shares of their data, stretches of a body."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from standards import edition
from standards.black_odorous import WaterBody, judge, point, water_body
from standards.rows import Measured

GUIDELINE = edition("black_odorous", on=date(2026, 5, 1))
GOOD = {"transparency_cm": "40", "do": "4", "orp_mv": "120", "nh3n": "1"}


def sample(**contents: str) -> dict[str, Measured]:
    return {item: Measured(Decimal(text)) for item, text in {**GOOD, **contents}.items()}


@pytest.mark.parametrize(
    ("contents", "degree", "deciding"),
    [
        ({}, "none", ()),
        ({"do": "2.0", "nh3n": "8.0", "transparency_cm": "25", "orp_mv": "50"}, "none", ()),
        ({"do": "1.99"}, "light", ("do",)),
        ({"orp_mv": "-200", "nh3n": "15"}, "light", ("nh3n", "orp_mv")),
        ({"orp_mv": "-201", "do": "1"}, "heavy", ("orp_mv",)),
        ({"nh3n": "15.1"}, "heavy", ("nh3n",)),
        ({"transparency_cm": "9.9"}, "heavy", ("transparency_cm",)),
        ({"do": "0.19"}, "heavy", ("do",)),
    ],
)
def test_the_worst_item_decides(
    contents: dict[str, str], degree: str, deciding: tuple[str, ...]
) -> None:
    verdict = judge(sample(**contents), GUIDELINE)
    assert (verdict.water_class, verdict.deciding) == (degree, deciding)


def test_in_shallow_water_transparency_is_not_judged() -> None:
    shallow = sample(transparency_cm="5")
    assert judge(shallow, GUIDELINE, depth_cm=20).water_class == "none"
    assert judge(shallow, GUIDELINE, depth_cm=25).water_class == "heavy"
    only = {"transparency_cm": Measured(Decimal(5))}
    with pytest.raises(ValueError, match="no item"):
        judge(only, GUIDELINE, depth_cm=Decimal("24.9"))


@pytest.mark.parametrize(
    ("samples", "degree"),
    [
        ([{}] * 5, "none"),
        ([{"do": "1"}] + [{}] * 4, "light"),
        ([{"do": "0.1"}] * 3 + [{}] * 2, "heavy"),  # one item in 60 % of its data
        ([{"do": "0.1"}] * 2 + [{}] * 3, "light"),
        ([{"do": "0.1", "nh3n": "20"}] * 3 + [{}] * 7, "heavy"),  # two items in 30 % of theirs
        ([{"do": "0.1", "nh3n": "20"}] * 2 + [{}] * 8, "light"),
    ],
)
def test_a_point_is_graded_by_the_shares_of_its_data(
    samples: list[dict[str, str]], degree: str
) -> None:
    assert point([sample(**one) for one in samples], GUIDELINE) == degree


def test_a_share_is_of_the_data_that_there_are() -> None:
    some = [{"do": Measured(Decimal("0.1"))}, {"nh3n": Measured(Decimal(1))}]
    assert point(some, GUIDELINE) == "heavy"
    with pytest.raises(ValueError, match="no item"):
        point([{}], GUIDELINE)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (["none"] * 4, WaterBody("none", ())),
        (["none", "light", "heavy"], WaterBody("light", ())),
        (["heavy"] * 3 + ["light"] * 2, WaterBody("heavy", ((0, 2),))),
        (["light"] * 4 + ["heavy"] * 3, WaterBody("light", ((4, 6),))),
        (["heavy", "heavy", "light", "heavy"], WaterBody("heavy", ())),
    ],
)
def test_a_water_body_is_graded_by_its_points(points: list[str], expected: WaterBody) -> None:
    assert water_body(points, GUIDELINE) == expected


def test_a_water_body_without_points_has_no_degree() -> None:
    with pytest.raises(ValueError, match="points"):
        water_body([], GUIDELINE)
