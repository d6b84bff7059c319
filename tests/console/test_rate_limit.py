"""Nobody asks more than their share; who is known has a larger one; logging in is counted apart."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from console import create_app
from console.access import Access, Rates
from console.rate_limit import BUCKETS_AT_MOST, Buckets, TooMany, network_of
from registry import tokens
from schemas import FixedClock, SystemClock
from schemas.people import Role
from tests.console.conftest import City
from tests.console.visiting import admit, client_of, log_in

SMALL = "/api/open-data"
LARGE = "/api/open-data/aggregates.csv?level=city&from=2026-11-01&to=2026-11-01"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(SystemClock().now())


@pytest.fixture
def app(city: City, clock: FixedClock) -> FastAPI:
    return create_app(
        store_url=city.store_url,
        registry_url=city.registry_url,
        clock=clock,
        access=Access(rates=Rates(public=20, known=40, download=5)),
    )


def asked(client: TestClient, times: int, path: str = SMALL) -> list[int]:
    return [client.get(path).status_code for _ in range(times)]


def test_who_asks_too_much_waits_and_is_told_how_long(app: FastAPI, clock: FixedClock) -> None:
    client = TestClient(app)
    assert asked(client, 20) == [200] * 20
    answer = client.get(SMALL)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3"
    told = answer.json()
    assert told["retry_after_s"] == 3
    assert "3 秒" in told["zh"]
    assert "in 3 s" in told["en"]
    clock.advance(timedelta(seconds=2))
    assert client.get(SMALL).headers["retry-after"] == "1"
    clock.advance(timedelta(seconds=1))
    assert asked(client, 2) == [200, 429]
    page = client.get(SMALL + "?lang=zh", headers={"accept": "text/html"})
    assert page.status_code == 429
    assert page.headers["retry-after"]
    assert "请求过于频繁" in page.text


def test_a_large_file_counts_more(app: FastAPI) -> None:
    client = TestClient(app)
    assert asked(client, 5, LARGE) == [200] * 4 + [429]
    assert client.get(LARGE).headers["retry-after"] == "15"


@pytest.mark.parametrize(
    "path", ["/api/board", "/ranking.csv", "/sensorthings/v1.1/Things", "/api/nothing-here"]
)
def test_every_door_for_programs_is_counted(app: FastAPI, path: str) -> None:
    client = TestClient(app)
    asked(client, 20)
    # What is no route has no dependencies; it costs nothing to answer.
    assert client.get(path).status_code == (404 if "nothing" in path else 429)


def test_sensorthings_tells_it_as_it_tells_every_error(app: FastAPI) -> None:
    client = TestClient(app)
    answer = [client.get("/sensorthings/v1.1") for _ in range(21)][-1]
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3"
    assert answer.json()["code"] == 429
    assert "3 秒" in answer.json()["message"]


def test_pages_are_not_counted_and_stay_open(app: FastAPI) -> None:
    client = TestClient(app)
    assert 429 in asked(client, 25)
    for path in ("/", "/open-data", "/healthz", "/static/console.css", "/login"):
        assert client.get(path).status_code == 200, path
    assert asked(client, 40, "/open-data") == [200] * 40


def test_logging_in_is_limited_by_its_own_limit_alone(city: City, app: FastAPI) -> None:
    admit(app.state.gate.registry, "hurried", Role.TECHNICIAN)
    client = TestClient(app)
    assert 429 in asked(client, 25)
    assert log_in(client, "hurried").status_code == 303, "an API used up locks nobody out"
    assert client.get(SMALL).status_code == 200, "and who is logged in has their own allowance"
    other = TestClient(app)
    for _ in range(5):
        assert log_in(other, "hurried", "wrong wrong wrong").status_code == 401
    locked = log_in(other, "hurried", "wrong wrong wrong")
    assert locked.status_code == 429
    assert locked.headers["retry-after"] == "900", "the lock of the log-in, not the rate"


def test_known_people_have_a_larger_allowance_wherever_they_come_from(app: FastAPI) -> None:
    gate = app.state.gate
    admit(gate.registry, "busy", Role.OPERATOR)
    stranger, known = TestClient(app), client_of(app, "busy")
    assert asked(stranger, 21)[-1] == 429
    assert asked(known, 30) == [200] * 30, "the same address, another bucket"
    token = tokens.make(
        gate.registry,
        "busy",
        name="program",
        actions=["board.read"],
        days=1,
        at=gate.clock.now(),
        who="busy",
    )
    program = TestClient(app, headers={"Authorization": f"Bearer {token}"})
    assert asked(program, 11) == [200] * 10 + [429], "token and session are one person"


def test_guessing_tokens_is_counted(app: FastAPI) -> None:
    guesser = TestClient(app, headers={"Authorization": "Bearer onenet_guess"})
    assert asked(guesser, 21) == [401] * 20 + [429]


def test_nothing_is_counted_where_nothing_is_set(city: City) -> None:
    app = create_app(store_url=city.store_url, registry_url=city.registry_url)
    assert set(asked(TestClient(app), 400)) == {200}


@pytest.mark.parametrize(
    ("trusted", "refused"), [("10.0.0.1", False), ("10.0.0.9", True)], ids=["proxy", "stranger"]
)
@pytest.mark.anyio
async def test_only_the_configured_proxy_says_where_a_request_comes_from(
    app: FastAPI, trusted: str, refused: bool
) -> None:
    behind = ProxyHeadersMiddleware(app, trusted_hosts=trusted)  # as uvicorn puts it before the app
    transport = httpx.ASGITransport(behind, client=("10.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        states = [
            (await client.get(SMALL, headers={"X-Forwarded-For": f"203.0.113.{n}"})).status_code
            for n in range(25)
        ]
    assert (429 in states) is refused


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_networks() -> None:
    assert network_of("203.0.113.7") == "203.0.113.7"
    assert network_of("::ffff:203.0.113.7") == "203.0.113.7"
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1")
    assert network_of("2001:db8:1:3::4") != network_of("2001:db8:1:2::4")
    assert network_of("testclient") == "testclient"


STEPS = st.lists(st.tuples(st.floats(0, 30), st.integers(1, 8)), min_size=1, max_size=60)


@given(STEPS, st.integers(1, 30))
def test_over_any_time_no_more_is_given_than_allowed(
    steps: list[tuple[float, int]], per_min: int
) -> None:
    clock = FixedClock(SystemClock().now())
    buckets, given_out, passed = Buckets(clock), 0, 0.0
    for wait_s, cost in steps:
        clock.advance(timedelta(seconds=wait_s))
        passed += wait_s
        try:
            buckets.take("one", per_min, cost)
        except TooMany as refusal:
            clock.advance(timedelta(seconds=refusal.wait_s))
            passed += refusal.wait_s
            buckets.take("one", per_min, cost)  # who waits as told is served
        given_out += min(cost, per_min)
        assert given_out <= per_min + passed * per_min / 60 + 0.01


def test_buckets_do_not_grow_without_end() -> None:
    buckets = Buckets(FixedClock(SystemClock().now()))
    for number in range(BUCKETS_AT_MOST + 10):
        buckets.take(str(number), 10, 1)
    assert len(buckets._kept) == BUCKETS_AT_MOST
