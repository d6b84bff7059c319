"""What the store makes of an InfluxDB in trouble, played by a small server on the loopback."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from schemas import FlaggedReading, Interval, Outcome, ParameterKey, SensorId, to_ms
from storage import Store, StoreUnavailable, open_store, prepare
from tests.brokers import free_port

T0 = datetime(2026, 11, 24, tzinfo=UTC)
DAY = Interval(T0, T0 + timedelta(days=1))
Answer = tuple[int, dict[str, str], bytes]
NOTHING: Answer = (200, {"Content-Type": "text/csv"}, b"\r\n")
TAKEN: Answer = (204, {}, b"")


def always(answer: Answer | None) -> Callable[[str, str], Answer | None]:
    return lambda *_: answer


class Troubled(ThreadingHTTPServer):
    """Answers queries with nothing and takes writes, unless `answer` says otherwise."""

    def __init__(self) -> None:
        self.answer: Callable[[str, str], Answer | None] = always(None)
        self.written: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"influx://127.0.0.1:{self.server_address[1]}/city"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Troubled

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"] or 0))
        body = (gzip.decompress(raw) if "Content-Encoding" in self.headers else raw).decode()
        write = self.path.startswith("/api/v2/write")
        answer = self.server.answer(self.path, body)
        if write and answer is None:
            self.server.written += body.splitlines()
        status, headers, content = answer or (TAKEN if write else NOTHING)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204 and "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = "Content-Length" in headers  # promised more than there is

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        pass


def said(status: int, message: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, json.dumps({"code": "x", "message": message}).encode()


@pytest.fixture
def server() -> Iterator[Troubled]:
    troubled = Troubled()
    threading.Thread(target=troubled.serve_forever, args=(0.01,), daemon=True).start()
    yield troubled
    troubled.shutdown()
    troubled.server_close()


@pytest.fixture
def store(server: Troubled) -> Iterator[Store]:
    opened = open_store(server.url, token="t")
    yield opened
    opened.close()


def reading(minute: int, value: float = 1.0) -> FlaggedReading:
    at = to_ms(T0 + timedelta(minutes=minute))
    return FlaggedReading(SensorId("air-a-1"), at, {ParameterKey("pm25"): value}, {}, at)


def observations(server: Troubled) -> list[str]:
    return [line for line in server.written if line.startswith("unplaced,")]


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_a_store_that_is_away_for_as_long_as_it_says(
    server: Troubled, store: Store, status: int
) -> None:
    server.answer = always(said(status, "too many writes", Retry_After="7"))
    with pytest.raises(StoreUnavailable, match="too many writes") as caught:
        store.write([reading(0)])
    assert caught.value.retry_after_s == 7.0
    server.answer = always(None)
    assert store.write([reading(0)]) == [Outcome.STORED]


def test_a_retry_after_that_is_a_date_is_no_reason_to_break(server: Troubled, store: Store) -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    server.answer = always(said(503, "later", Retry_After=date))
    with pytest.raises(StoreUnavailable) as caught:
        store.read(DAY)
    assert caught.value.retry_after_s == 0.0


def test_a_server_that_breaks_is_a_store_that_is_away(server: Troubled, store: Store) -> None:
    server.answer = always(said(500, "unexpected error writing points to database"))
    with pytest.raises(StoreUnavailable, match="answers 500"):
        store.write([reading(0)])


def test_nobody_there_is_a_store_that_is_away() -> None:
    url = f"influx://127.0.0.1:{free_port()}/city"
    store = open_store(url)
    for ask in (lambda: store.read(DAY), lambda: store.latest(sensors=[])):
        with pytest.raises(StoreUnavailable, match="ConnectError"):
            ask()
    with pytest.raises(StoreUnavailable):
        prepare(url)
    store.close()
    store.close()


def test_an_answer_cut_off_half_way_is_no_answer(server: Troubled, store: Store) -> None:
    server.answer = always((200, {"Content-Length": "1000"}, b"#datatype,string\r\n"))
    with pytest.raises(StoreUnavailable):
        store.read(DAY)


def test_an_error_inside_a_good_answer_is_an_error(server: Troubled, store: Store) -> None:
    failed = b"#datatype,string,string\r\n,error,reference\r\n,out of memory,\r\n"
    server.answer = always((200, {}, failed))
    with pytest.raises(StoreUnavailable, match="out of memory"):
        store.read(DAY)


@pytest.mark.parametrize(
    ("status", "message", "remedy"),
    [
        (401, "unauthorized access", "ONENET_STORE_TOKEN to a token of the organisation 'city'"),
        (403, "insufficient permissions for write", "of a service that has no business"),
        (404, 'bucket "observations" not found', "onenet store prepare"),
        (400, 'organization name "city" not found', "Correct the organisation"),
    ],
)
def test_a_wrong_installation_says_what_to_do(
    server: Troubled, store: Store, status: int, message: str, remedy: str
) -> None:
    server.answer = always(said(status, message))
    with pytest.raises(ValueError, match=remedy):
        store.write([reading(0)])


def test_a_token_that_may_not_make_buckets_is_told_so(server: Troubled) -> None:
    server.answer = always(said(401, "unauthorized access"))
    with pytest.raises(ValueError, match="answers 401: to make buckets and tokens"):
        prepare(server.url, token="wrong")


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("bad", [{3}, {0, 9}, set(range(10))])
def test_only_the_bad_lines_of_a_batch_are_refused(
    server: Troubled, store: Store, status: int, bad: set[int]
) -> None:
    def refuse(path: str, body: str) -> Answer | None:
        refused = path.startswith("/api/v2/write") and "pm25=-1.0," in body
        return said(status, "partial write: field type conflict") if refused else None

    server.answer = refuse
    outcomes = store.write([reading(n, -1.0 if n in bad else 1.0) for n in range(10)])
    assert {n for n, outcome in enumerate(outcomes) if outcome is Outcome.REFUSED} == bad
    assert len(observations(server)) == 10 - len(bad)
    (account,) = [line for line in server.written if line.startswith("account,")]
    assert f"received=10i,stored={10 - len(bad)}i,duplicate=0i,dead_lettered={len(bad)}i" in account


def test_a_large_write_is_sent_in_requests_of_5000_lines(server: Troubled, store: Store) -> None:
    sizes = []

    def count(path: str, body: str) -> Answer | None:
        if body.startswith("unplaced,"):
            sizes.append(len(body.splitlines()))
        return None

    server.answer = count
    readings = [reading(0) for _ in range(12_001)]
    for n, each in enumerate(readings):
        each.ts_ms += n
    store.write(readings)
    assert sizes == [5000, 5000, 2001]


@pytest.mark.parametrize(
    "url", ["influx://host:8086", "influx:///city", "influx://host/city?wrong=1"]
)
def test_an_influx_url_says_what_is_wrong_with_it(url: str) -> None:
    with pytest.raises(ValueError, match="store URL"):
        open_store(url)


def test_a_worker_cannot_have_the_settlers_name() -> None:
    with pytest.raises(ValueError, match="cannot be called 'all'"):
        open_store("influx://host/city?worker=all")


def test_a_store_in_a_file_needs_no_preparation() -> None:
    assert prepare("sqlite:///nowhere/o.db") == []
