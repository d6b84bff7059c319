"""Rules and the evaluator: tables of windows and the breaches that they make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.evaluate import evaluate
from alerts.lifecycle import MOVES, moved
from alerts.rules import limit_for, load_rules
from alerts.windows import Window, windows
from registry.seed import demo_city
from schemas import CITY_TIME, catalogue
from schemas.alerts import AlertState, Rule
from schemas.observation import OBSERVATIONS

NOON = datetime(2026, 11, 24, 12, tzinfo=CITY_TIME).astimezone(UTC)
RULES = {rule.id: rule for rule in load_rules()}


def rule(**fields: object) -> Rule:
    return Rule.model_validate(
        {
            "id": "r",
            "zh": "规则",
            "en": "rule",
            "medium": "noise",
            "parameter": "laeq",
            "window_s": 600,
            "limits": [{"value": 60}],
            "severity": "yellow",
            "source": "test",
            **fields,
        }
    )


def series(*values: float | None, start: datetime = NOON, step_s: int = 600) -> list[Window]:
    """One window a value; None = a window without enough data."""
    return [
        Window(start + timedelta(seconds=index * step_s), value or 0.0, 1.0 if value else 0.1)
        for index, value in enumerate(values)
    ]


def found(one: Rule, *values: float | None, zone: str | None = None) -> list[tuple]:
    """(index of start, index of end or None, peak) of each breach."""

    def index(moment: datetime | None) -> int | None:
        return None if moment is None else int((moment - NOON).total_seconds() // one.window_s)

    return [
        (index(b.start), index(b.end), b.peak)
        for b in evaluate(one, "s-001", zone, series(*values, step_s=one.window_s))
    ]


@pytest.mark.parametrize(
    ("fields", "values", "breaches"),
    [
        ({}, (60, 60), []),
        ({}, (60.1,), [(0, None, 60.1)]),
        ({}, (50, 65, 70, 50), [(1, 3, 70)]),
        ({}, (65, 50, 65), [(0, 1, 65), (2, None, 65)]),
        ({"hold_s": 1200}, (65, 50, 65, 50), []),
        ({"hold_s": 1200}, (65, 66, 50), [(0, 2, 66)]),
        ({"hold_s": 1200}, (65, None, 65), []),
        ({"hysteresis": 3}, (65, 58, 58, 57), [(0, 3, 65)]),
        ({}, (65, None, None, 66), [(0, None, 66)]),
        ({}, (None, None), []),
        ({"direction": "below"}, (50, 60, 61), [(0, 1, 50)]),
        ({"direction": "below", "hysteresis": 5}, (50, 64, 40, 65), [(0, 3, 40)]),
    ],
)
def test_windows_make_breaches(fields: dict, values: tuple, breaches: list) -> None:
    assert found(rule(**fields), *values) == breaches


def test_an_open_breach_goes_on_and_keeps_its_peak() -> None:
    one = rule()
    ongoing = evaluate(one, "s-001", None, series(80, 65))[0]
    later = series(66, 50, start=NOON + timedelta(minutes=20))
    assert [(b.start, b.peak, b.end) for b in evaluate(one, "s-001", None, later, ongoing)] == [
        (NOON, 80, NOON + timedelta(minutes=30))
    ]


@pytest.mark.parametrize(
    ("hour", "minute", "part"),
    [(5, 59, "night"), (6, 0, "day"), (21, 59, "day"), (22, 0, "night"), (0, 0, "night")],
)
def test_night_is_judged_from_22_to_06(hour: int, minute: int, part: str) -> None:
    start = datetime(2026, 11, 24, hour, minute, tzinfo=CITY_TIME).astimezone(UTC)
    assert Window(start, 0, 1).part == part


def test_the_limit_is_that_of_zone_and_part_of_day() -> None:
    hourly = RULES["noise-quarter-hour"]
    expected = {  # GB 3096-2008, table 1
        "0": (50, 40),
        "1": (55, 45),
        "2": (60, 50),
        "3": (65, 55),
        "4a": (70, 55),
        "4b": (70, 60),
    }
    for zone, (day, night) in expected.items():
        by_day, by_night = limit_for(hourly, zone, "day"), limit_for(hourly, zone, "night")
        assert by_day is not None
        assert by_night is not None
        assert (by_day.value, by_night.value) == (day, night)
    assert limit_for(hourly, "5", "day") is None
    assert limit_for(hourly, None, "day") is None


@pytest.mark.parametrize(
    ("name", "values"),
    [  # GB 3838-2002, table 1, classes I to V; GB 3097-1997, table 1
        ("river-nh3n", (0.15, 0.5, 1.0, 1.5, 2.0)),
        ("river-do", (7.5, 6, 5, 3, 2)),
        ("river-tp", (0.02, 0.1, 0.2, 0.3, 0.4)),
        ("sea-do", (6, 5, 4, 3)),
    ],
)
def test_water_limits_are_those_of_the_tables(name: str, values: tuple[float, ...]) -> None:
    assert tuple(limit.value for limit in RULES[name].limits) == values
    assert [limit.zone for limit in RULES[name].limits] == ["I", "II", "III", "IV", "V"][
        : len(values)
    ]


def test_every_rule_has_a_source_and_a_place_where_it_holds() -> None:
    kinds = {station.kind for station in demo_city()[2]}
    for each in RULES.values():
        assert each.source
        assert set(each.kinds) <= kinds
        assert each.medium in catalogue()[each.parameter].media


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"severity": "pink"}, "severity"),
        ({"hold_s": 700}, "multiple of window_s"),
        ({"parameter": "phlogiston"}, "no parameter 'phlogiston'"),
        ({"limits": []}, "limits"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_name_and_field(
    tmp_path: Path, change: dict, message: str
) -> None:
    import yaml

    entry = {**rule().model_dump(mode="json"), **change}
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump([entry]), "utf-8")
    with pytest.raises(ValueError, match=message):
        load_rules(path)


def observed(values: list[float], quality: int = 1, every_s: int = 60) -> pl.DataFrame:
    rows = [
        ("s-001", NOON + timedelta(seconds=i * every_s), "laeq", v, quality)
        for i, v in enumerate(values)
    ]
    return pl.DataFrame(rows, schema=OBSERVATIONS, orient="row")


def test_windows_average_sound_as_energy_and_tell_how_complete_they_are() -> None:
    values = observed([60.0] * 5 + [70.0] * 3)
    made = windows(values, rule(), catalogue()["laeq"], 60, NOON + timedelta(hours=1))
    assert len(made) == 1
    assert made[0].value == pytest.approx(66.4098, abs=1e-3)
    assert made[0].completeness == pytest.approx(0.8)


def test_a_window_that_has_not_ended_is_not_judged() -> None:
    until = NOON + timedelta(minutes=9)
    assert windows(observed([90.0] * 9), rule(), catalogue()["laeq"], 60, until) == []


def test_a_device_fault_never_makes_a_window() -> None:
    until = NOON + timedelta(hours=1)
    for quality in (33, 24, 53, 69):
        bad = observed([120.0] * 10, quality)
        assert windows(bad, rule(), catalogue()["laeq"], 60, until) == []


def test_a_day_window_is_the_city_s_day() -> None:
    day = rule(window_s=86_400)
    values, until = observed([60.0] * 48, every_s=3600), NOON + timedelta(days=3)
    made = windows(values, day, catalogue()["laeq"], 3600, until)
    assert [w.start.astimezone(CITY_TIME).hour for w in made] == [0, 0, 0]


@given(st.lists(st.one_of(st.none(), st.floats(30, 110)), max_size=40))
def test_breaches_are_in_order_apart_and_above_the_limit(values: list) -> None:
    breaches = evaluate(rule(hold_s=1200, hysteresis=2), "s-001", None, series(*values))
    for breach in breaches:
        assert breach.peak > 60
        assert breach.end is None or breach.end > breach.start
    for before, after in pairwise(breaches):
        assert before.end is not None
        assert before.end <= after.start


@given(st.lists(st.floats(30, 110), max_size=40), st.integers(0, 40))
def test_judging_in_two_parts_gives_the_same_as_in_one(values: list, cut: int) -> None:
    one = rule(hysteresis=2)
    every = series(*values)
    first = evaluate(one, "s-001", None, every[:cut])
    ongoing = first.pop() if first and first[-1].end is None else None
    second = evaluate(one, "s-001", None, every[cut:], ongoing)
    assert first + second == evaluate(one, "s-001", None, every)


def test_moves_are_a_table_and_illegal_ones_are_refused_with_the_reason() -> None:
    for (state, move), after in MOVES.items():
        assert moved(state, move) == after
    with pytest.raises(ValueError, match="cannot be updated"):
        moved(AlertState.CLOSED, "updated")
