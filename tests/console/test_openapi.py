"""Whatever a program sends to the API, it is answered and never a fault of ours (no 5xx).

schemathesis makes the requests from the OpenAPI document, right ones and wrong ones; somebody of
every role asks, so that nothing is refused at the door.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from console import create_app
from registry import tokens
from tests.console.conftest import City
from tests.console.visiting import EVERY_ROLE, admit

EXAMPLES = 10


@pytest.fixture(scope="module")
def app(city: City) -> FastAPI:
    return create_app(store_url=city.store_url, registry_url=city.registry_url)


@pytest.fixture(scope="module")
def headers(app: FastAPI) -> dict[str, str]:
    gate = app.state.gate
    admit(gate.registry, "program", *EVERY_ROLE)
    token = tokens.make(
        gate.registry,
        "program",
        name="every request",
        actions=["*"],
        days=1,
        at=gate.clock.now(),
        who="program",
    )
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_is_answered_with_a_fault(
    app: FastAPI, headers: dict[str, str], mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    client = TestClient(app, raise_server_exceptions=False)
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def is_answered(case: Case) -> None:
            nonlocal asked
            asked += 1
            answer = ask(client, case, headers)
            told = f"{case.method} {answer.url}: {answer.status_code} {answer.text[:200]}"
            assert answer.status_code < 500, told
            assert answer.status_code != 401, told

        with suppress(Unsatisfiable):  # of a request without parts none can be wrong
            is_answered()
    assert asked > 50


def ask(client: TestClient, case: Case, headers: dict[str, str]) -> Response:
    """Send it by the client of all our tests."""
    parts = case.as_transport_kwargs(base_url=str(client.base_url))
    body = {"content": parts["data"]} if isinstance(parts.get("data"), (bytes, str)) else {}
    body |= {key: parts[key] for key in ("json", "files") if parts.get(key) is not None}
    given = {key: value for key, value in dict(parts["headers"] or {}).items() if value}
    return client.request(
        parts["method"],
        parts["url"],
        params=parts.get("params"),
        headers={**given, **headers},
        follow_redirects=False,
        **body,
    )


def test_the_document_is_whole(app: FastAPI) -> None:
    document = TestClient(app).get("/openapi.json").json()
    assert "/api/me" in document["paths"]
    assert not [path for path in document["paths"] if path.startswith(("/login", "/account"))]
