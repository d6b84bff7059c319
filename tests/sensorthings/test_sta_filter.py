"""What a `$filter` means: against an opinion of our own in plain Python, and cases by hand."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.sensorthings.columns import Columns
from console.sensorthings.compiling import predicate
from console.sensorthings.entities import Entities
from console.sensorthings.filters import read_filter
from console.sensorthings.model import ID, Kind
from console.sensorthings.selecting import matching
from console.sensorthings.syntax import COMPARISONS, Binary, Call, Literal, Node, Path, Unary
from tests.sensorthings.meaning import holds
from tests.sensorthings.service import AIR, LAEQ, NOISE, Service


def way(text: str) -> Path:
    return Path(tuple(text.split("/")))


# By set: paths to numbers, and paths to texts, some of which are missing for some entities.
NUMBERS = {
    "Datastreams": ["properties/cadence_s", "Thing/properties/cadence_s", "properties/resolution"],
    "Things": ["properties/cadence_s", "Datastreams/properties/resolution"],
}
TEXTS = {
    "Datastreams": [
        "name", "@iot.id", "ObservedProperty/properties/unit", "ObservedProperty/properties/hj212",
        "Thing/Locations/properties/bay", "Sensor/name", "properties/medium",
    ],
    "Things": [
        "name", "Datastreams/name", "Datastreams/ObservedProperty/@iot.id",
        "Locations/properties/zone", "Locations/properties/basin", "properties/district",
    ],
}  # fmt: skip


def numbers(name: str) -> st.SearchStrategy[Node]:
    plain = st.integers(0, 8000).map(lambda n: Literal(n / 2, Kind.NUMBER))
    return st.recursive(
        st.sampled_from(NUMBERS[name]).map(way) | plain,
        lambda inner: st.one_of(
            st.builds(Binary, st.sampled_from(["add", "sub", "mul", "div", "mod"]), inner, inner),
            st.builds(Unary, st.just("-"), inner),
            st.sampled_from(["round", "floor", "ceiling"]).flatmap(
                lambda function: inner.map(lambda one: Call(function, (one,)))
            ),
            texts(name).map(lambda one: Call("length", (one,))),
            st.tuples(texts(name), texts(name)).map(lambda both: Call("indexof", both)),
        ),
        max_leaves=3,
    )


def texts(name: str) -> st.SearchStrategy[Node]:
    written = st.text("air-1 noisePM2.5空氣声级'", max_size=5)
    return st.recursive(
        st.sampled_from(TEXTS[name]).map(way) | written.map(lambda t: Literal(t, Kind.TEXT)),
        lambda inner: st.one_of(
            st.sampled_from(["tolower", "toupper", "trim"]).flatmap(
                lambda function: inner.map(lambda one: Call(function, (one,)))
            ),
            st.tuples(inner, inner).map(lambda both: Call("concat", both)),
            st.tuples(inner, st.integers(0, 9)).map(
                lambda it: Call("substring", (it[0], Literal(float(it[1]), Kind.NUMBER)))
            ),
        ),
        max_leaves=3,
    )


def conditions(name: str) -> st.SearchStrategy[Node]:
    compared = st.sampled_from(COMPARISONS)
    nothing = st.just(Literal(None, Kind.NOTHING))
    functions = st.sampled_from(["substringof", "startswith", "endswith"])
    return st.recursive(
        st.one_of(
            st.builds(Binary, compared, numbers(name), numbers(name)),
            st.builds(Binary, compared, texts(name), texts(name)),
            st.builds(Binary, st.sampled_from(["eq", "ne"]), texts(name), nothing),
            st.builds(Call, functions, st.tuples(texts(name), texts(name))),
        ),
        lambda inner: st.one_of(
            st.builds(Binary, st.sampled_from(["and", "or"]), inner, inner),
            st.builds(Unary, st.just("not"), inner),
        ),
        max_leaves=4,
    )


@pytest.fixture(scope="module")
def entities(service: Service) -> Entities:
    return Entities(service.registry)


def chosen(entities: Entities, name: str, node: Node) -> list[str]:
    columns = Columns(entities, name, pl.DataFrame)
    condition = predicate(node, columns)
    table = columns.table(pl.DataFrame({ID: list(entities.sets[name])}))
    return matching(table, condition).unique(ID, maintain_order=True)[ID].to_list()


@pytest.mark.parametrize("name", NUMBERS)
def test_a_filter_chooses_what_its_meaning_says(entities: Entities, name: str) -> None:
    keys = list(entities.sets[name])

    @settings(max_examples=150, deadline=None)
    @given(conditions(name))
    def agrees(node: Node) -> None:
        assert chosen(entities, name, node) == [
            key for key in keys if holds(entities, name, key, node)
        ]

    agrees()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 eq 5.0", True),
        ("5 ne 5", False),
        ("2 lt 10 and 10 le 10 and 3 gt 2 and 3 ge 3", True),
        ("true eq false", False),
        ("not (1 eq 2) or 1 eq 2", True),
        ("not false and false", False),
        ("1 add 2 mul 3 eq 7", True),
        ("(1 add 2) mul 3 eq 9", True),
        ("7 sub 2 sub 1 eq 4", True),
        ("7 div 2 eq 3.5", True),
        ("7 mod 3 eq 1 and -7 mod 3 eq -1", True),
        ("1 div 0 eq null and 1 mod 0 eq null", True),
        ("1 div 0 gt 5 or 1 div 0 le 5", False),
        ("null eq null and not (null gt 1)", True),
        ("name eq null", False),
        ("properties/nothing eq null", True),
        ("properties/nothing eq 'x'", False),
        ("properties/nothing ne 'x'", True),
        ("2026-11-24T00:00:00Z lt 2026-11-24T08:00:01+08:00", True),
        ("2026-11-24 gt 2026-11-23 and 08:30 lt 08:30:01", True),
        ("now() sub duration'PT1H' lt now()", True),
    ],
)
def test_built_in_filter_operations(entities: Entities, text: str, expected: bool) -> None:
    found = chosen(entities, "Things", read_filter(text))
    assert found == (list(entities.sets["Things"]) if expected else [])


@pytest.mark.parametrize(
    "text",
    [
        "substringof('Things', 'SensorThings')",
        "endswith('SensorThings', 'Things') and not endswith('SensorThings', 'Sensor')",
        "startswith('SensorThings', 'Sensor')",
        "length('声级 LAeq') eq 7",
        "indexof('中文Sensor', 'S') eq 2 and indexof('a', 'b') eq -1 and indexof('a', '') eq 0",
        "substring('声级LAeq', 2) eq 'LAeq' and substring('声级LAeq', 1, 2) eq '级L'",
        "tolower('ABC') eq 'abc' and toupper('abc') eq 'ABC'",
        "trim('  a b ') eq 'a b' and concat('a', concat('b', 'c')) eq 'abc'",
        "year(2026-11-24T01:02:03.25Z) eq 2026 and month(2026-11-24T01:02:03Z) eq 11",
        "day(2026-11-24T23:00:00-08:00) eq 25 and hour(2026-11-24T08:00:00+08:00) eq 0",
        "minute(2026-11-24T01:02:03Z) eq 2 and second(2026-11-24T01:02:03Z) eq 3",
        "fractionalseconds(2026-11-24T01:02:03.25Z) eq 0.25",
        "date(2026-11-24T01:02:03Z) eq 2026-11-24 and time(2026-11-24T01:02:03Z) eq 01:02:03",
        "totaloffsetminutes(now()) eq 0 and year(now()) ge 2026",
        "mindatetime() lt now() and now() lt maxdatetime()",
        "round(2.5) eq 3 and round(-2.5) eq -3 and round(2.4) eq 2",
        "floor(2.9) eq 2 and floor(-2.1) eq -3 and ceiling(2.1) eq 3",
    ],
)
def test_built_in_query_functions(entities: Entities, text: str) -> None:
    assert chosen(entities, "Things", read_filter(text)) == list(entities.sets["Things"])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Things", "Datastreams/ObservedProperty/@iot.id eq 'lmax' and id eq 'noise-dongmen-1'",
         [NOISE]),
        ("Datastreams", "Thing/name eq 'noise-dongmen-1'", [LAEQ, f"{NOISE}:lmax"]),
        ("ObservedProperties", "Datastreams/Thing/@iot.id eq 'noise-dongmen-1'", ["laeq", "lmax"]),
        ("Locations", "Things/Datastreams/Sensor/@iot.id eq 'NM-S1' and endswith(name,'men Road')",
         ["st-noise-dongmen"]),
        ("HistoricalLocations", "Thing/@iot.id eq 'noise-dongmen-1' and year(time) gt 3000", []),
    ],
)  # fmt: skip
def test_filter_across_relations(
    service: Service, name: str, text: str, expected: list[str]
) -> None:
    assert service.ids(f"/{name}", filter=text) == expected


def test_filter_by_times_of_datastreams(service: Service) -> None:
    measured = service.ids("/Datastreams", filter="phenomenonTime ne null")
    assert set(service.ids("/Datastreams", filter="phenomenonTime lt 2026-11-25T00:00:00Z")) == set(
        measured
    )
    assert LAEQ in measured
    assert f"{AIR}:pm10" not in measured
    assert not service.ids("/Datastreams", filter="phenomenonTime gt 2026-11-24T00:00:00Z")
    assert service.ids("/Datastreams", filter="phenomenonTime ge 2026-11-24T00:00:00Z") == measured
    newest = service.get("/Datastreams", orderby="phenomenonTime desc,id", top="1")["value"]
    assert newest[0]["phenomenonTime"].startswith("2026-11-24T00:00:00.000Z/")


@pytest.mark.parametrize(
    "text",
    [
        "substring(name, 1e300) eq 'x'",
        "substring(name, 0, 1e300) eq 'x'",
        "substring(name, -5) eq name",
        "maxdatetime() add duration'P9999999D' gt now()",
        "1e308 mul 1e308 gt 1",
        "round(1e308) gt 1",
    ],
)
def test_extreme_values_are_answered(service: Service, text: str) -> None:
    assert service.ask("/Things", filter=text).status_code in (200, 400)
    assert service.ask("/Observations", filter=text).status_code in (200, 400)
