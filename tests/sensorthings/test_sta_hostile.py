"""Whatever is asked, it is answered or refused in the standard's words: never a fault of ours."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from console.sensorthings.functions import FUNCTIONS
from console.sensorthings.model import ID, SETS
from console.sensorthings.syntax import (
    COMPARISONS,
    LOGICAL,
    PRODUCTS,
    SUMS,
    Binary,
    Call,
    Node,
    Path,
    Unary,
    to_text,
)
from storage import StoreUnavailable
from tests.sensorthings.service import LAEQ, ROOT, Service
from tests.sensorthings.test_sta_filter_text import HOSTILE, LITERALS

WAYS = {
    "Observations": ["", "Datastream/", "Datastream/Thing/", "Datastream/Thing/Locations/",
                     "FeatureOfInterest/", "Datastream/Thing/Datastreams/"],
    "Things": ["", "Datastreams/", "Datastreams/Sensor/", "Locations/", "HistoricalLocations/"],
    "Datastreams": ["", "Thing/", "ObservedProperty/", "Thing/HistoricalLocations/"],
}  # fmt: skip
LAST = sorted({name for each in SETS.values() for name in each.properties} | {ID, "nothing"})
DEEPER = ["", "/flag", "/test", "/cadence_s", "/zh", "/symbol", "/nothing/at/all"]
OPERATORS = [*LOGICAL, *COMPARISONS, *SUMS, *PRODUCTS]


def trees(name: str) -> st.SearchStrategy[Node]:
    """Trees whose parts fit or do not: kinds are mixed as they come."""
    path = st.builds(
        lambda way, last, deeper: Path(tuple((way + last + deeper).split("/"))),
        st.sampled_from(WAYS[name]),
        st.sampled_from(LAST),
        st.sampled_from(DEEPER),
    )
    return st.recursive(
        LITERALS | path,
        lambda inner: st.one_of(
            st.builds(Binary, st.sampled_from(OPERATORS), inner, inner),
            st.builds(Unary, st.sampled_from(["not", "-"]), inner),
            st.sampled_from(sorted(FUNCTIONS)).flatmap(
                lambda function: st.tuples(*[inner] * len(FUNCTIONS[function].takes)).map(
                    lambda arguments: Call(function, arguments)
                )
            ),
        ),
        max_leaves=8,
    )


def is_told(service: Service, path: str, **options: str) -> None:
    client = TestClient(service.app, raise_server_exceptions=False)
    answer = client.get(ROOT + path, params={f"${name}": text for name, text in options.items()})
    assert answer.status_code in (200, 400, 404, 501), (path, options, answer.text[:300])
    if answer.status_code != 200:
        assert answer.json()["code"] == answer.status_code
        assert answer.json()["message"]


@pytest.mark.parametrize("name", WAYS)
def test_filters_of_whatever_kinds(service: Service, name: str) -> None:
    @settings(max_examples=120, deadline=None)
    @given(trees(name))
    def is_answered(tree: Node) -> None:
        is_told(service, f"/{name}", filter=to_text(tree), top="2", count="true")

    is_answered()


@pytest.mark.parametrize("name", WAYS)
def test_conditions_of_whatever_kinds(service: Service, name: str) -> None:
    @settings(max_examples=120, deadline=None)
    @given(st.sampled_from(COMPARISONS), trees(name), trees(name))
    def is_answered(operator: str, one: Node, other: Node) -> None:
        is_told(service, f"/{name}", filter=to_text(Binary(operator, one, other)), top="2")

    is_answered()


def test_hostile_options_and_paths(service: Service) -> None:
    options = st.sampled_from(
        ["filter", "orderby", "select", "expand", "top", "skip", "count", "skiptoken"]
    )

    @settings(max_examples=150, deadline=None)
    @given(options, HOSTILE)
    def is_answered(option: str, text: str) -> None:
        is_told(service, "/Observations", **{option: text, "resultFormat": "dataArray"})
        is_told(service, f"/Datastreams('{LAEQ}')/Observations", **{option: text})
        is_told(service, "/Things", **{option: text})

    is_answered()


@pytest.mark.parametrize(
    "values",
    [[], [None], [True], [1e300], [-5], ["x", 1, "a", "b"], [1, 2, "a", None], [[1]], {"a": 1},
     [2**61, 1, "a", "b"], [-(2**61)], [None, None, None, None], [1.5, 1, "a", "b"]],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("order", ["", "phenomenonTime desc", "result", "Datastream/name desc"])
def test_forged_tokens(service: Service, values: object, order: str) -> None:
    token = urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
    options = {"orderby": order} if order else {}
    is_told(service, "/Observations", skiptoken=token, top="3", **options)


def test_a_store_that_is_away_is_told_as_such(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(type(service.store), "read", away)
    answer = service.ask(f"/Datastreams('{LAEQ}')/Observations")
    assert answer.status_code == 503
    assert answer.json()["code"] == 503
    assert service.ask("/Things").status_code == 200
