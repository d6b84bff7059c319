"""A proxy before a real InfluxDB that makes trouble: busy answers, and connections that break.

What it lets through is the real server's own answer. Everything asked of it is written down.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

TIMEOUT_S = 60
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host", "keep-alive"}


class Trouble(StrEnum):
    BUSY = "429"
    AWAY = "503"
    CUT_BEFORE = "cut before"  # the connection breaks, and the server has heard nothing
    CUT_AFTER = "cut after"  # it breaks when the server has done it, before any answer
    CUT_IN_ANSWER = "cut in the answer"


@dataclass(slots=True)
class Asked:
    """One request. at: when it came; over: when it was answered, both of the monotonic clock."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    trouble: Trouble | None = None
    status: int = 0
    over: float = 0.0

    @property
    def is_write(self) -> bool:
        return self.path.startswith("/api/v2/write")

    def lines(self) -> list[str]:
        """What a write brought, unpacked."""
        return gzip.decompress(self.body).decode().splitlines()


@dataclass
class Log:
    """trouble: what is to happen to a request, decided when it comes."""

    trouble: Callable[[Asked], Trouble | None] = lambda _: None
    retry_after_s: int = 1
    asked: list[Asked] = field(default_factory=list)

    def happened(self) -> set[Trouble]:
        return {one.trouble for one in self.asked if one.trouble is not None}


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, target: str, log: Log) -> None:
        self.log, self.target = log, target
        self.client = httpx.Client(base_url=target, timeout=TIMEOUT_S)
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        asked = Asked(self.command, self.path, headers, body, time.monotonic())
        log = self.server.log
        asked.trouble = log.trouble(asked)
        log.asked.append(asked)
        if asked.trouble in (Trouble.BUSY, Trouble.AWAY):
            self._busy(asked, log.retry_after_s)
        elif asked.trouble is Trouble.CUT_BEFORE:
            self._cut()
        else:
            self._forward(asked)
        asked.over = time.monotonic()

    do_GET = do_POST = do_DELETE = do_PATCH = _pass_on  # noqa: N815 - http.server asks for them

    def _busy(self, asked: Asked, retry_after_s: int) -> None:
        asked.status = int(str(asked.trouble))
        body = json.dumps({"code": "x", "message": "too many requests"}).encode()
        self.send_response(asked.status)
        self.send_header("Retry-After", str(retry_after_s))
        self._finish(body)

    def _forward(self, asked: Asked) -> None:
        try:
            answer = self.server.client.request(
                asked.method, asked.path, headers=asked.headers, content=asked.body
            )
        except httpx.TransportError:  # the real one is away
            self._cut()
            return
        asked.status = answer.status_code
        if asked.trouble is Trouble.CUT_AFTER:
            self._cut()
            return
        if asked.trouble is Trouble.CUT_IN_ANSWER and not answer.content:
            self.wfile.write(b"HTTP/1.1 2")
            self._cut()
            return
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP | {"content-encoding"}:
                self.send_header(name, value)
        self._finish(answer.content, cut=asked.trouble is Trouble.CUT_IN_ANSWER)

    def _finish(self, body: bytes, *, cut: bool = False) -> None:
        """cut: promise more than there is, and break off half way."""
        self.send_header("Content-Length", str(len(body) + 100 if cut else len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def proxy(target: str) -> Iterator[tuple[str, Log]]:
    """The proxy's address, `127.0.0.1:port`, and its log. target: `http://host:port`."""
    log = Log()
    server = _Proxy(target, log)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", log
    finally:
        server.shutdown()
        server.server_close()
        server.client.close()
