"""Colours and words of the boards are those of the standards' tables."""

from __future__ import annotations

from datetime import UTC, datetime

from dashboards import City, scales
from dashboards.limit_lines import FOREVER, lines_of, turning_days
from standards import editions


def test_the_colours_of_the_aqi_change_where_its_categories_do() -> None:
    categories = editions()["HJ633-2026"].tables["categories"]
    steps = scales.aqi_steps()
    assert steps[0] == (None, "#00e400")
    assert [step for step, _ in steps[1:]] == [one["max"] + 1 for one in categories[:-1]]
    assert len({colour for _, colour in steps}) == len(categories)


def test_a_class_bears_the_colour_of_the_state_it_stands_for() -> None:
    words = scales.water_words()
    assert words["1"] == ("Ⅰ类 I", "blue")
    assert words["3"] == ("Ⅲ类 III", "green")
    assert words["6"] == ("劣Ⅴ类 worse than V", "red")
    assert scales.state_words()["2"] == ("良好 good", "green")
    assert len(scales.sea_words()) == len(editions()["GB3097-1997"].tables["classes"])


def test_a_line_ends_where_an_edition_changes_its_limit_and_nowhere_else() -> None:
    stations = {s.id: s for s in City.demo().stations}
    pm25 = lines_of(stations["st-air-lianhua"], "pm25", ("24h",))
    assert [line.value for line in pm25][:2] == [75.0, 60.0]
    assert pm25[0].until == pm25[1].since == datetime(2026, 2, 28, 16, tzinfo=UTC)
    noise = lines_of(stations["st-noise-dongmen"], "laeq")
    assert {(line.value, line.until) for line in noise} == {(70.0, FOREVER), (55.0, FOREVER)}
    assert len(turning_days()) > 5, "other editions began, and changed nothing here"
    assert lines_of(stations["st-noise-dongmen"], "lmax") == ()
