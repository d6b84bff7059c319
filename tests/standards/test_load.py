"""Loads: units, gaps that are no zeros, completeness, detection limits, rivers into one sea."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import Interval
from standards.load import Load, SeaLoad, Step, load, to_sea
from standards.rows import Measured

START = datetime(2026, 5, 1, tzinfo=UTC)
DAY = Interval(START, START + timedelta(days=1))
REQUIRED = Decimal("0.75")


def hours(first: int, last: int) -> Interval:
    return Interval(START + timedelta(hours=first), START + timedelta(hours=last))


def step(first: int, last: int, flow: str | None, concentration: str | None) -> Step:
    return Step(
        hours(first, last),
        None if flow is None else Decimal(flow),
        None if concentration is None else Measured(Decimal(concentration)),
    )


def test_one_cubic_metre_a_second_with_one_milligram_a_litre_carries_0_0864_tonnes_a_day() -> None:
    found = load([step(0, 24, "1", "1")], DAY, required=REQUIRED)
    assert found == Load(Decimal("0.0864"), Decimal(1), Decimal("0.0864"))
    assert found.valid


def test_each_interval_carries_its_own() -> None:
    found = load([step(12, 24, "20", "3.5"), step(0, 12, "10", "2")], DAY, required=REQUIRED)
    assert found.tonnes == Decimal("3.888")  # (10 * 2 + 20 * 3.5) * 43 200 / 1e6


def test_a_gap_is_neither_zero_nor_filled() -> None:
    gap = [step(0, 18, "10", "2"), step(18, 21, None, "2"), step(21, 24, "10", None)]
    found = load(gap, DAY, required=REQUIRED)
    assert found.completeness == Decimal("0.75")
    assert found.per_day == Decimal("1.728"), "the mean of the covered time"
    assert found.tonnes == Decimal("1.296")
    assert not load(gap, DAY, required=Decimal("0.76")).valid
    assert load([], DAY, required=Decimal(0)) == Load(Decimal(0), Decimal(0), None)


def test_a_river_that_stands_still_carries_nothing_and_that_is_known() -> None:
    assert load([step(0, 24, "0", "5")], DAY, required=REQUIRED).per_day == 0


def test_below_detection_carries_nothing() -> None:
    below = Step(DAY, Decimal(10), Measured(Decimal("0.05"), below=True))
    assert load([below], DAY, required=REQUIRED).per_day == 0


@pytest.mark.parametrize(
    "steps",
    [
        [step(0, 13, "1", "1"), step(12, 24, "1", "1")],
        [step(23, 25, "1", "1")],
        [step(0, 24, "-1", "1")],
    ],
)
def test_steps_that_contradict_each_other_are_refused(steps: list[Step]) -> None:
    with pytest.raises(ValueError, match=r"overlaps|backwards"):
        load(steps, DAY, required=REQUIRED)


def test_what_reaches_the_sea_names_the_rivers_that_are_missing() -> None:
    whole = load([step(0, 24, "10", "2")], DAY, required=REQUIRED)
    poor = load([step(0, 3, "10", "2")], DAY, required=REQUIRED)
    assert to_sea({"深圳河": whole, "茅洲河": poor}) == SeaLoad(Decimal("1.728"), ("茅洲河",))
    assert to_sea({"茅洲河": poor}) == SeaLoad(None, ("茅洲河",))
    assert to_sea({}) == SeaLoad(None, ())


amounts = st.decimals(0, 500, places=3)


@given(st.lists(st.tuples(amounts, amounts), min_size=24, max_size=24), st.integers(1, 23))
def test_a_day_carries_the_sum_of_its_parts(pairs: list[tuple[Decimal, Decimal]], cut: int) -> None:
    steps = [
        Step(hours(hour, hour + 1), flow, Measured(concentration))
        for hour, (flow, concentration) in enumerate(pairs)
    ]
    whole = load(steps, DAY, required=REQUIRED)
    early = load(steps[:cut], hours(0, cut), required=REQUIRED)
    late = load(steps[cut:], hours(cut, 24), required=REQUIRED)
    assert whole.tonnes == early.tonnes + late.tonnes
    assert load(reversed(steps), DAY, required=REQUIRED) == whole
