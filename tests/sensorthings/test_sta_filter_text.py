"""The text of a `$filter`: a tree printed reads as the same tree; other text is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from console.sensorthings.filters import read_filter
from console.sensorthings.functions import FUNCTIONS
from console.sensorthings.model import SETS, Kind
from console.sensorthings.options import read_options
from console.sensorthings.paths import read_path
from console.sensorthings.refusals import Refusal
from console.sensorthings.syntax import (
    COMPARISONS,
    LOGICAL,
    PRODUCTS,
    SUMS,
    Binary,
    Call,
    Literal,
    Node,
    Path,
    Unary,
    to_text,
)

NAMES = ["name", "result", "Datastream", "Thing", "@iot.id", "properties", "中文", "a_b.c"]
LITERALS = st.one_of(
    st.floats(0, allow_infinity=False, allow_nan=False).map(lambda v: Literal(v, Kind.NUMBER)),
    st.text().map(lambda v: Literal(v, Kind.TEXT)),
    st.booleans().map(lambda v: Literal(v, Kind.BOOLEAN)),
    st.just(Literal(None, Kind.NOTHING)),
    st.datetimes(timezones=st.just(UTC)).map(lambda v: Literal(v, Kind.TIME)),
    st.dates().map(lambda v: Literal(v, Kind.DATE)),
    st.times().map(lambda v: Literal(v, Kind.CLOCK)),
    st.integers(0, 10**12).map(lambda v: Literal(timedelta(milliseconds=v), Kind.DURATION)),
)
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(lambda v: Path(tuple(v)))
OPERATORS = [*LOGICAL, *COMPARISONS, *SUMS, *PRODUCTS]
TREES: st.SearchStrategy[Node] = st.recursive(
    LITERALS | PATHS,
    lambda inner: st.one_of(
        st.builds(Binary, st.sampled_from(OPERATORS), inner, inner),
        st.builds(Unary, st.sampled_from(["not", "-"]), inner),
        st.builds(
            Call, st.sampled_from([*FUNCTIONS, "other"]), st.lists(inner, max_size=3).map(tuple)
        ),
    ),
    max_leaves=25,
)


def refusal_of(read: Callable[[str], object], text: str) -> Refusal | None:
    try:
        read(text)
    except Refusal as refusal:
        return refusal
    return None


@given(TREES)
@example(Literal(timedelta(days=11_574, seconds=6400), Kind.DURATION))
def test_a_tree_printed_reads_as_the_same_tree(tree: Node) -> None:
    text = to_text(tree)
    if refusal := refusal_of(read_filter, text):
        assert "nested deeper" in refusal.message or "too many" in refusal.message
        return
    assert read_filter(text) == tree


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("a eq 1 or b eq 2 and c eq 3", "(a eq 1) or ((b eq 2) and (c eq 3))"),
        ("not a eq 1 and b", "(not (a eq 1)) and b"),
        ("a add 2 mul 3 eq 7 sub 1 sub 1", "(a add (2 mul 3)) eq ((7 sub 1) sub 1)"),
        ("-a mul b", "(-a) mul b"),
        ("result gt -5", "result gt (-5)"),
        ("substringof( 'x' ,name)", "substringof('x',name)"),
        ("t gt 2026-11-24T08:00:00+08:00", "t gt 2026-11-24T00:00:00Z"),
        ("t lt now() sub duration'P1DT1H1M1.5S'", "t lt (now() sub duration'PT90061.5S')"),
    ],
)
def test_ranks_are_those_of_the_standard(text: str, same_as: str) -> None:
    assert read_filter(text) == read_filter(same_as)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "sign 1: found the end"),
        ("name eq 'x", "sign 9: this text has no closing quote"),
        ("name eq 'x')", "sign 12: found ')'; allowed here: an operator"),
        ("(name eq 'x'", "sign 13: found the end; allowed here: an operator or ')'"),
        ("name = 'x'", "sign 6: cannot read \"= 'x'\""),
        ("eq 5", "sign 1: found 'eq'"),
        ("name eq name eq name", "sign 14: found 'eq'"),
        ("length(name", "sign 12: found the end; allowed here: an operator, ',' or ')'"),
        ("t eq 2026-13-01T00:00:00Z", "sign 6: '2026-13-01T00:00:00Z' is no value"),
        ("t eq 2026-11-24T00:00:00", "%2B08:00"),
        ("t eq duration'1h'", "write a duration as"),
        ("a eq 1e999", "too large a number"),
        ("(" * 40 + "a" + ")" * 40, "nested deeper than 24"),
        ("not " * 40 + "a", "nested deeper than 24"),
        (" and ".join(["a"] * 300), "more than 200 parts"),
        ("a" * 5000, "5000 signs are too many"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_filter(text)
    assert refusal.value.status == 400
    assert told in refusal.value.message


WORDS = st.sampled_from(
    ["name", " ", "eq", "'", "''", "(", ")", ",", ";", "/", "$", "$top=1", "=", "-", "1", "1e9",
     "not ", "and", "2026-11-24", "T00:00:00Z", "duration'", "geography'", "中", "\0", "%",
     "Things", "Datastreams", "Observations", "@iot.id", "now()", "$expand=", "$filter=",
     "&", "\ud7ff"]
)  # fmt: skip
HOSTILE = st.text() | st.lists(WORDS, max_size=30).map("".join)


@settings(max_examples=500)
@given(HOSTILE)
def test_hostile_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    for read in (
        read_filter,
        read_path,
        lambda given: read_options(given, SETS["Things"]),
        lambda given: read_options(f"$expand={given}", SETS["Things"]),
        lambda given: read_options(f"$orderby={given}", SETS["Things"]),
    ):
        if refusal := refusal_of(read, text):
            assert refusal.status in (400, 404, 501)
            assert refusal.message


def test_values_are_what_they_say() -> None:
    found = read_filter("f(1,.5,1e3,'it''s',true,null,2026-11-24,08:30,08:30:01.5)")
    assert isinstance(found, Call)
    assert [each.value for each in found.arguments if isinstance(each, Literal)] == [
        1.0, 0.5, 1000.0, "it's", True, None, date(2026, 11, 24), time(8, 30),
        time(8, 30, 1, 500000),
    ]  # fmt: skip
    assert read_filter("2026-11-24T08:00:00.25+08:00") == Literal(
        datetime(2026, 11, 24, 0, 0, 0, 250000, UTC), Kind.TIME
    )
