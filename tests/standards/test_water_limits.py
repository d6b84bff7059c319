"""Tables of limits, and what must hold of every standard that classifies water by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards import edition
from standards.rows import Measured
from standards.water_classes import ClassTable, class_table, classify, shares
from standards.water_limits import Found, Kind, Limits, counted, exceeding, read_limits

FAMILIES = {
    "surface_water": "GB3838-2002",
    "sea_water": "GB3097-1997",
    "groundwater": "GBT14848-2017",
    "black_odorous": "BLACK-ODOROUS-2015",
}
TABLES = {family: class_table(edition(family, named=name)) for family, name in FAMILIES.items()}
TINY = Decimal("1e-9")

tables = st.sampled_from(list(TABLES.values()))
values = st.decimals(0, 500, places=4)


@st.composite
def samples(draw: st.DrawFn) -> tuple[ClassTable, dict[str, Measured]]:
    table = draw(tables)
    items = draw(st.lists(st.sampled_from(sorted(table.limits)), min_size=1, unique=True))
    return table, {item: Measured(draw(values), draw(st.booleans())) for item in items}


def rank(table: ClassTable, found: Found) -> int:
    return table.classes.index(classify(table, found).water_class)


@given(samples(), st.decimals(0, 100, places=3), st.data())
def test_more_of_a_pollutant_never_gives_a_better_class(
    sample: tuple[ClassTable, dict[str, Measured]], more: Decimal, data: st.DataObject
) -> None:
    table, found = sample
    item = data.draw(st.sampled_from(sorted(found)))
    before = found[item]
    raised = {**found, item: Measured(before.value + more, before.below)}
    match table.limits[item].kind:
        case Kind.AT_MOST:
            assert rank(table, raised) >= rank(table, found)
        case Kind.AT_LEAST | Kind.ABOVE:
            assert rank(table, raised) <= rank(table, found)


@given(samples(), st.data())
def test_a_further_item_that_is_no_worse_changes_nothing(
    sample: tuple[ClassTable, dict[str, Measured]], data: st.DataObject
) -> None:
    table, found = sample
    verdict = classify(table, found)
    further = data.draw(st.sampled_from(sorted(table.limits)))
    value = Measured(data.draw(values))
    more = {**found, further: value}
    if further not in found and table.limits[further].rank(value) <= rank(table, found):
        assert classify(table, more).water_class == verdict.water_class


@given(samples(), st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(
    sample: tuple[ClassTable, dict[str, Measured]], random: Any
) -> None:
    table, found = sample
    items = list(found)
    random.shuffle(items)
    assert classify(table, {item: found[item] for item in items}) == classify(table, found)


@given(samples(), st.data())
def test_the_target_is_met_exactly_when_nothing_exceeds_it(
    sample: tuple[ClassTable, dict[str, Measured]], data: st.DataObject
) -> None:
    table, found = sample
    target = data.draw(st.sampled_from(table.targets))
    verdict = classify(table, found, target)
    assert verdict.meets_target is (rank(table, found) <= table.classes.index(target))
    assert all(multiple is None or multiple > 0 for multiple in verdict.exceeding.values())


@given(samples())
def test_deciding_items_are_those_of_the_class_and_none_in_the_best(
    sample: tuple[ClassTable, dict[str, Measured]],
) -> None:
    table, found = sample
    verdict = classify(table, found)
    if verdict.water_class == table.classes[0]:
        assert verdict.deciding == ()
    else:
        assert verdict.deciding
        assert {verdict.by_item[item] for item in verdict.deciding} == {verdict.water_class}


BOUNDS = [
    pytest.param(table, item, at, id=f"{family}-{item}-{table.classes[at]}")
    for family, table in TABLES.items()
    for item, limits in table.limits.items()
    for at in range(len(limits.bounds))
]


@pytest.mark.parametrize(("table", "item", "at"), BOUNDS)
def test_a_value_at_its_limit_belongs_to_the_better_class(
    table: ClassTable, item: str, at: int
) -> None:
    limits = table.limits[item]
    bound = limits.bounds[at]
    match limits.kind, bound:
        case Kind.AT_MOST, Decimal():
            assert limits.met(Measured(bound), at)
            assert not limits.met(Measured(bound + TINY), at)
        case Kind.AT_LEAST, Decimal():
            assert limits.met(Measured(bound), at)
            assert not limits.met(Measured(bound - TINY), at)
        case Kind.ABOVE, Decimal():
            assert not limits.met(Measured(bound), at)
            assert limits.met(Measured(bound + TINY), at)
        case Kind.WITHIN, (low, high):
            assert limits.met(Measured(low), at)
            assert limits.met(Measured(high), at)
            assert not limits.met(Measured(low - TINY), at)
            assert not limits.met(Measured(high + TINY), at)
        case _:
            pytest.fail(f"{limits.kind} with {bound}")


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_limits_only_widen_from_class_to_class(table: ClassTable) -> None:
    for item, limits in table.limits.items():
        for stricter, wider in zip(limits.bounds, limits.bounds[1:], strict=False):
            match limits.kind, stricter, wider:
                case Kind.AT_MOST, Decimal(), Decimal():
                    assert stricter <= wider, item
                case Kind.AT_LEAST | Kind.ABOVE, Decimal(), Decimal():
                    assert stricter >= wider, item
                case Kind.WITHIN, (low, high), (lower, higher):
                    assert lower <= low, item
                    assert high <= higher, item
                case _:
                    pytest.fail(item)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_item_has_its_name_in_both_languages_and_a_unit(table: ClassTable) -> None:
    for item, limits in table.limits.items():
        assert all((limits.zh, limits.en, limits.unit)), item


def test_below_detection_counts_half_and_what_shall_not_be_found_is_not_found() -> None:
    below = Measured(Decimal("0.04"), below=True)
    assert counted(below) == Decimal("0.020")
    nothing = read_limits({"e_coli": {"zh": "-", "en": "-", "at_most": 0}}, 1)["e_coli"]
    assert nothing.met(below, 0)
    assert nothing.met(Measured(Decimal(0)), 0)
    assert not nothing.met(Measured(Decimal(1)), 0)
    assert nothing.multiple(Measured(Decimal(1)), 0) is None


def test_the_multiple_is_the_excess_over_the_limit() -> None:
    limits = TABLES["surface_water"].limits
    found = {
        "nh3n": Measured(Decimal("3.4")),
        "do": Measured(Decimal(1)),
        "cu": Measured(Decimal(0)),
    }
    assert exceeding(limits, found, 2) == {"do": None, "nh3n": Decimal("2.4")}


def test_shares_are_percentages_with_one_decimal_and_nothing_has_none() -> None:
    assert shares(["I", "III", "III"], ["I", "II", "III"]) == {
        "I": Decimal("33.3"),
        "II": Decimal("0.0"),
        "III": Decimal("66.7"),
    }
    assert shares([], ["I"]) == {}


@pytest.mark.parametrize(
    "item",
    [
        {"zh": "-", "en": "-"},
        {"zh": "-", "en": "-", "at_most": 1, "at_least": 0},
        {"zh": "-", "en": "-", "at_most": [1, 2, 3]},
        {"zh": "-", "en": "-", "at_most": "many"},
    ],
)
def test_a_table_that_makes_no_sense_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"x: |number"):
        read_limits({"x": item}, 2)


def test_a_range_and_a_number_are_not_confused() -> None:
    wrong = Limits(Kind.WITHIN, (Decimal(1),), "-", "-", "-")
    with pytest.raises(ValueError, match="within"):
        wrong.met(Measured(Decimal(1)), 0)


def test_nothing_measured_and_an_unknown_target_have_no_verdict() -> None:
    table = TABLES["surface_water"]
    with pytest.raises(ValueError, match="no item"):
        classify(table, {"turbidity": Measured(Decimal(1))})
    with pytest.raises(ValueError, match="worse_than_V"):
        classify(table, {"cod": Measured(Decimal(1))}, "worse_than_V")
