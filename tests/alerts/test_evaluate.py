"""The evaluator: tables of windows and the breaches that they make."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.evaluate import evaluate
from alerts.windows import Window
from schemas.alerts import Breach, Rule
from standards.legal_limits import LegalLimit
from standards.rounding import exact
from tests.alerts.conftest import NOON, made_rule

STEP = timedelta(minutes=10)


def series(rule: Rule, *values: float | None, limit: float = 60, first: int = 0) -> list:
    """One window a value; None = a window without enough data."""
    held = LegalLimit(exact(limit), "", "test", "", lower=rule.direction == "below")
    return [
        (
            Window(NOON + index * STEP, NOON + index * STEP, value or 0.0, 1.0 if value else 0.1),
            held,
        )
        for index, value in enumerate(values, first)
    ]


def table(breaches: list[Breach]) -> list[tuple]:
    """(index of start, index of end or None, peak) of each certain breach."""

    def index(moment) -> int | None:
        return None if moment is None else int((moment - NOON) / STEP)

    return [(index(b.start), index(b.end), b.peak) for b in breaches if b.certain]


def found(rule: Rule, *values: float | None) -> list[tuple]:
    return table(evaluate(rule, "s-001", STEP, series(rule, *values)))


@pytest.mark.parametrize(
    ("fields", "values", "breaches"),
    [
        ({}, (60, 60), []),
        ({}, (60.1,), [(0, None, 60.1)]),
        ({}, (50, 65, 70, 50), [(1, 3, 70)]),
        ({}, (65, 50, 65), [(0, 1, 65), (2, None, 65)]),
        ({"hold_min": 20}, (65, 50, 65, 50), []),
        ({"hold_min": 20}, (65, 66, 50), [(0, 2, 66)]),
        ({"hold_min": 20}, (65, None, 65), []),
        ({"hold_min": 20}, (65, None, 65, 65), [(2, None, 65)]),
        ({"hysteresis": 3}, (65, 58, 58, 57), [(0, 3, 65)]),
        ({"rest_min": 30}, (65, 50, 50), [(0, None, 65)]),
        ({"rest_min": 30}, (65, 50, 50, 50), [(0, 1, 65)]),
        ({"rest_min": 30}, (65, 50, 50, 70, 50, 50, 50), [(0, 4, 70)]),
        ({"rest_min": 30}, (65, 50, 50, 50, 70), [(0, 1, 65), (4, None, 70)]),
        ({"rest_min": 30}, (65, 50, None, None, 50), [(0, 1, 65)]),
        ({"rest_min": 20, "hysteresis": 3}, (65, 57, 58, 57, 57), [(0, 3, 65)]),
        ({"rest_min": 20, "hold_min": 20}, (65, 50, 65, 65, 50, 65, 50, 50), [(2, 6, 65)]),
        ({}, (65, None, None, 66), [(0, None, 66)]),
        ({}, (None, None), []),
        ({"direction": "below"}, (50, 60, 61), [(0, 1, 50)]),
        ({"direction": "below", "hysteresis": 5}, (50, 64, 40, 65), [(0, 3, 40)]),
    ],
)
def test_windows_make_breaches(fields: dict, values: tuple, breaches: list) -> None:
    assert found(made_rule(**fields), *values) == breaches


def test_until_the_hold_time_is_filled_a_breach_is_not_certain() -> None:
    rule = made_rule(hold_min=20)
    (breach,) = evaluate(rule, "s-001", STEP, series(rule, 65))
    assert (breach.certain, breach.end) == (False, None)
    (lapsed,) = evaluate(rule, "s-001", STEP, series(rule, 65, 50))
    assert (lapsed.certain, lapsed.end) == (False, NOON + STEP)


def test_where_the_rule_stops_to_hold_its_breach_ends() -> None:
    rule = made_rule()
    seen = series(rule, 65, 66)
    seen.append((Window(NOON + 2 * STEP, NOON + 2 * STEP, 70), None))
    assert table(evaluate(rule, "s-001", STEP, seen)) == [(0, 2, 66)]


def test_a_value_is_compared_as_the_standard_revises_it() -> None:
    rule = made_rule()
    held = LegalLimit(exact(60), "GB3096-2008", "5.1", "2", places=0)
    quiet, loud = Window(NOON, NOON, 60.4), Window(NOON, NOON, 60.6)
    assert evaluate(rule, "s-001", STEP, [(quiet, held)]) == []
    assert len(evaluate(rule, "s-001", STEP, [(loud, held)])) == 1


@pytest.mark.parametrize(
    ("value", "severity"), [(61, "yellow"), (65, "orange"), (69.9, "orange"), (71, "red")]
)
def test_the_further_beyond_the_limit_the_graver(value: float, severity: str) -> None:
    graver = [{"by": 5, "severity": "orange"}, {"by": 10, "severity": "red"}]
    rule = made_rule(graver=graver)
    (breach,) = evaluate(rule, "s-001", STEP, series(rule, value, 61))
    assert breach.severity == severity, "and it stays as grave as it was at its peak"


@given(st.lists(st.one_of(st.none(), st.floats(30, 110)), max_size=40), st.integers(0, 60))
def test_breaches_are_in_order_apart_and_beyond_the_limit(values: list, rest: int) -> None:
    rule = made_rule(hold_min=20, hysteresis=2, rest_min=rest)
    breaches = evaluate(rule, "s-001", STEP, series(rule, *values))
    for breach in breaches:
        assert breach.peak > 60
        assert breach.excess == pytest.approx(breach.peak - breach.limit)
        assert breach.end is None or breach.end > breach.start
    for before, after in pairwise(breaches):
        assert before.end is not None
        assert before.end <= after.start
        if before.certain:
            assert after.start - before.end >= timedelta(minutes=rest)


@given(st.lists(st.floats(30, 110), max_size=40), st.integers(0, 40))
def test_judging_in_two_parts_gives_the_same_as_in_one(values: list, cut: int) -> None:
    rule = made_rule(hysteresis=2)
    every = series(rule, *values)
    first = evaluate(rule, "s-001", STEP, every[:cut])
    ongoing = first.pop() if first and first[-1].end is None else None
    second = evaluate(rule, "s-001", STEP, every[cut:], ongoing)
    assert first + second == evaluate(rule, "s-001", STEP, every)
