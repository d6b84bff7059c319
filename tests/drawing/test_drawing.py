"""Shapes, words and numbers that pages and papers share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawing import ink, item_name, item_names, number, unit
from drawing.charts import chart, nice_step
from drawing.city_map import APART, EAST, HEIGHT, NORTH, SOUTH, WEST, outlines, project, spread
from drawing.columns import Amount, columns
from drawing.heat_map import heat_map
from drawing.words import Words, words
from registry import district_shapes
from schemas import Interval
from standards import edition


@dataclass
class Dated:
    day: date


def test_a_calendar_puts_weeks_in_columns_and_monday_on_top() -> None:
    days = [
        Dated(date(2026, 11, day))
        for day in range(20, 26)  # Friday to Wednesday
    ]
    drawn_days = heat_map(days)
    friday, saturday, sunday, monday, *_ = drawn_days.cells
    assert friday.x == saturday.x == sunday.x < monday.x
    assert friday.y < saturday.y < sunday.y
    assert monday.y < friday.y
    assert heat_map([]).cells == ()


def test_numbers_are_shown_with_the_resolution_of_their_parameter() -> None:
    assert number(12.3456, "pm25") == "12.3"
    assert number(None, "pm25") == "–"
    assert number(7.1, "ph") == "7.10"
    assert (unit("pm25"), unit("temperature"), unit("ph")) == ("µg/m³", "°C", "")


def test_the_map_keeps_north_up_and_the_far_east_in_its_inset() -> None:
    assert project(WEST, NORTH) == (0, 0)
    assert project(EAST, SOUTH) == pytest.approx((1000, HEIGHT), abs=0.1)
    assert project(115.0, 22.86)[0] < 1000
    assert len(outlines(district_shapes())) == 8
    assert all(
        re.fullmatch(r"[MLZ0-9. -]+", outline.path) for outline in outlines(district_shapes())
    )


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(0, 300)), max_size=12))
def test_no_marker_hides_another(points: list) -> None:
    placed = spread(points)
    for i, (x, y) in enumerate(placed):
        for other_x, other_y in placed[i + 1 :]:
            assert ((x - other_x) ** 2 + (y - other_y) ** 2) ** 0.5 > APART * 0.5


def test_ink_can_be_read_on_every_colour_of_the_index() -> None:
    for category in edition("aqi", named="HJ633-2026").tables["categories"]:
        assert contrast(category["rgb"]) >= 4.5, category


def contrast(rgb: list[int]) -> float:
    parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    light = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05
    return light / 0.05 if ink(rgb) == "#000" else 1.05 / light


def test_items_have_short_names_in_both_languages() -> None:
    assert item_names(("o3_8h_max", "pm25_1h"), "zh") == "O₃ 8h、PM2.5"
    assert item_names(("nh3n", "do"), "en") == "Ammonia nitrogen, Dissolved oxygen"
    assert item_name("inorganic_nitrogen", "zh") == "inorganic_nitrogen"


NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
WINDOW = Interval(NOON, NOON + timedelta(hours=24))


def drawn(good: list, **more: object):
    options = {"gap": timedelta(minutes=30), **more}
    return chart(WINDOW, good, [], [], **options)  # type: ignore[arg-type]


def test_a_gap_is_not_drawn_over() -> None:
    points = [(NOON + timedelta(minutes=m), 1.0 * m) for m in (0, 10, 120, 130)]
    assert drawn(points).line.count("M") == 2
    assert (
        drawn(
            [(NOON, 1.0), (NOON + timedelta(minutes=5), None), (NOON + timedelta(minutes=9), 2.0)]
        ).line.count("M")
        == 2
    )


def test_a_chart_without_data_or_with_one_value_still_has_axes() -> None:
    assert drawn([]).y_ticks
    assert len(drawn([(NOON, 5.0)]).y_ticks) >= 2


def test_a_limit_is_drawn_where_it_holds() -> None:
    noon, night = NOON, NOON + timedelta(hours=10)
    by_day, by_night = drawn(
        [(NOON, 55.0)], limits=[(noon, night, 60.0), (night, WINDOW.end, 50.0)]
    ).limits
    assert by_day.x2 == by_night.x1
    assert by_day.y < by_night.y, "a higher limit lies higher"


@given(st.floats(1e-3, 1e6))
def test_axis_steps_are_round_and_few(span: float) -> None:
    step = nice_step(span)
    assert 1 <= span / step <= 5


def test_words_are_there_in_both_languages_or_refused() -> None:
    good = {"hello": {"zh": "你好", "en": "Hello"}}
    for wrong in ({"hello": {"zh": "你好"}}, {"hello": {"zh": "你好", "en": ""}}):
        with pytest.raises(ValueError, match="hello"):
            Words(wrong)
    with pytest.raises(ValueError, match="twice"):
        Words(good, good)
    say = Words(good, {"count": {"zh": "共{n}天", "en": "{n} days"}}).translator("en")
    assert (say("hello"), say("count", n=31)) == ("Hello", "31 days")
    with pytest.raises(KeyError, match="goodbye"):
        say("goodbye")
    with pytest.raises(KeyError, match="n"):
        say("count", m=31)


def test_a_room_speaks_its_own_words_and_those_that_all_share() -> None:
    say = words("console").translator("zh")
    assert (say("title"), say("class_worse_than_V")) == ("一张网", "劣Ⅴ类")


# Columns


def test_columns_stand_on_zero_and_what_is_missing_has_none() -> None:
    drawn_ones = columns(
        [Amount(10.0, "a"), Amount(None, "b"), Amount(5.0, "c"), Amount(0.0, "d")],
        limits=[(0, 2, 8.0), (2, 4, 6.0)],
        marks={0: "1", 3: "4"},
    )
    first, second, nothing = drawn_ones.columns
    assert first.height == pytest.approx(2 * second.height, abs=0.2)
    assert first.y + first.height == pytest.approx(drawn_ones.bottom)
    assert nothing.height == pytest.approx(1.0), "zero is seen, and is not a gap"
    assert [amount.title for _, amount in drawn_ones.missing] == ["b"]
    before, after = drawn_ones.limits
    assert before.x2 == after.x1
    assert before.y < after.y
    assert [tick.text for tick in drawn_ones.x_ticks] == ["1", "4"]
    assert drawn_ones.y_ticks[0].text == "0"


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e5)), max_size=400))
def test_columns_stay_within_their_picture(values: list) -> None:
    drawn_ones = columns([Amount(value, "") for value in values])
    assert len(drawn_ones.columns) + len(drawn_ones.missing) == len(values)
    for column in drawn_ones.columns:
        assert drawn_ones.left - 0.1 <= column.x
        assert column.x + column.width <= drawn_ones.right + 0.2
        assert drawn_ones.top - 0.1 <= column.y <= drawn_ones.bottom


def test_an_amount_below_zero_has_no_column() -> None:
    with pytest.raises(ValueError, match="below"):
        columns([Amount(-1.0, "")])
