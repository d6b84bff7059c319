"""A determinand over the years: marks for what was found, open ones for what was not, limits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawing.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from drawing.history import FAR, Held, Spot, history_chart
from schemas import CITY_TIME

NOW = datetime(2026, 11, 24, 12, tzinfo=CITY_TIME)
YEAR = timedelta(days=365)
FIRST = datetime(2023, 6, 8, tzinfo=CITY_TIME)


def spot(year: int, value: float, below: bool = False, series: str = "") -> Spot:
    return Spot(FIRST + year * YEAR, value, below, series, str(value))


def held(value: float, kind: str = "screening") -> Held:
    return Held(FIRST, NOW, value, kind)


def test_a_line_joins_what_was_found_and_stops_at_what_was_not() -> None:
    drawn = history_chart([spot(0, 4), spot(1, 3), spot(2, 1, below=True), spot(3, 2)], [], NOW)
    (path,) = drawn.paths
    assert (path.count("M"), path.count("L")) == (2, 1)
    assert [mark.below for mark in drawn.marks] == [False, False, True, False]


def test_each_depth_has_its_own_line() -> None:
    spots = [spot(0, 4, series="a"), spot(0, 2, series="b"), spot(1, 5, series="a")]
    drawn = history_chart([*spots, spot(1, 1, series="b")], [], NOW)
    assert len(drawn.paths) == 2


def test_a_limit_far_above_everything_is_told_and_not_drawn() -> None:
    drawn = history_chart([spot(0, 9)], [held(20), held(120, "intervention")], NOW)
    assert [step.kind for step in drawn.steps] == ["screening"]
    assert drawn.beyond == ("intervention",)
    near = history_chart([spot(0, 60)], [held(20), held(120, "intervention")], NOW)
    assert (len(near.steps), near.beyond) == (2, ())


def test_the_lowest_limit_is_always_drawn() -> None:
    assert len(history_chart([spot(0, 0.001)], [held(8)], NOW).steps) == 1


@pytest.mark.parametrize(("years", "most"), [(1, 8), (3, 8), (12, 8), (40, 8)])
def test_the_axis_has_a_few_firsts_of_a_month(years: int, most: int) -> None:
    first = NOW - years * YEAR
    drawn = history_chart([Spot(first, 1.0, False, "", "")], [], NOW)
    texts = [tick.text for tick in drawn.x_ticks]
    assert 2 <= len(texts) <= most
    assert texts == sorted(set(texts))


@given(
    st.lists(st.tuples(st.floats(1e-5, 1e5), st.booleans()), min_size=1, max_size=6),
    st.lists(st.floats(1e-5, 1e5), max_size=2),
)
def test_everything_drawn_lies_within_the_frame(
    found: list[tuple[float, bool]], limits: list[float]
) -> None:
    spots = [spot(year, value, below) for year, (value, below) in enumerate(found)]
    drawn = history_chart(spots, [held(value) for value in limits], NOW + 6 * YEAR)
    for mark in drawn.marks:
        assert LEFT <= mark.x <= WIDTH - RIGHT
        assert TOP <= mark.y <= HEIGHT - BOTTOM
    for step in drawn.steps:
        assert TOP <= step.y <= HEIGHT - BOTTOM
    assert len(drawn.steps) + sum(v > FAR * max(f for f, _ in found) for v in limits) >= len(limits)
