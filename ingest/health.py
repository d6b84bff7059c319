"""How ingest tells that it is well: `/healthz` for supervisors, `/metrics` for Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client import Counter as Metric

from ingest.session import BrokerSession
from schemas import Outcome

if TYPE_CHECKING:
    from ingest.pipeline import Batch


class Reporting(Protocol):
    """What a process tells of itself. report: as JSON; without `"ok": true` it is not well."""

    @property
    def metrics(self) -> CollectorRegistry: ...

    @property
    def report(self) -> Callable[[], dict[str, object]]: ...


class Health:
    """Counters of this process, and whether broker and store answer."""

    def __init__(self, session: BrokerSession) -> None:
        self._session = session
        self.store_ok = True
        self.metrics = CollectorRegistry()
        self._messages = Metric("onenet_messages", "Messages handled", registry=self.metrics)
        self._readings = Metric(
            "onenet_readings", "Readings by outcome", ["outcome"], registry=self.metrics
        )
        self._refused = Metric(
            "onenet_dead_lettered", "Readings refused by reason", ["code"], registry=self.metrics
        )
        Gauge("onenet_queue", "Messages waiting", registry=self.metrics).set_function(
            session.waiting
        )
        for outcome in Outcome:
            self._readings.labels(outcome)

    def count(self, batch: Batch, outcomes: list[Outcome]) -> None:
        self._messages.inc(len(batch.messages))
        for outcome in Outcome:
            self._readings.labels(outcome).inc(outcomes.count(outcome))
        for letter in batch.dead_letters:
            self._refused.labels(letter.code).inc(letter.readings)

    def report(self) -> dict[str, object]:
        ok = self._session.connected and self.store_ok
        return {
            "ok": ok,
            "broker": "connected" if self._session.connected else "away",
            "subscribed": self._session.subscribed,
            "store": "ok" if self.store_ok else "unavailable",
            "waiting": self._session.waiting(),
        }


class HealthServer:
    """A tiny HTTP server; port 0 takes a free one."""

    def __init__(self, health: Reporting, host: str, port: int) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/healthz":
                    report = health.report()
                    self._answer(200 if report["ok"] else 503, json.dumps(report).encode(), "json")
                elif self.path == "/metrics":
                    self._answer(200, generate_latest(health.metrics), "plain")
                else:
                    self._answer(404, b'{"error": "try /healthz or /metrics"}', "json")

            def _answer(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                mime = "application/json" if kind == "json" else "text/plain; version=0.0.4"
                self.send_header("Content-Type", mime)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Health probes are not news."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
