"""What the gateway counts, and whether it is well: for `/healthz` and `/metrics`."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

FRAMES = ("passed", "answered", "notice", "ignored", "not_taken")
CLOSED = (
    *("left", "silent", "strikes", "garbage", "deaf", "newer", "removed", "stopping", "failed"),
    *("network", "full", "peer"),
)
TOOK_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)


class Measures:
    def __init__(self, report: Callable[[], dict[str, object]]) -> None:
        self.report = report
        self.metrics = CollectorRegistry()
        self._frames = Counter(
            "onenet_gateway_frames", "Frames by what was done", ["outcome"], registry=self.metrics
        )
        self._refused = Counter(
            "onenet_gateway_refused", "Frames refused by reason", ["code"], registry=self.metrics
        )
        self._closed = Counter(
            "onenet_gateway_closed", "Connections ended by reason", ["why"], registry=self.metrics
        )
        self._took = Histogram(
            "onenet_gateway_took_seconds",
            "From a frame of an admitted logger to its answer",
            registry=self.metrics,
            buckets=TOOK_S,
        )
        self.open = Gauge("onenet_gateway_connections", "Open now", registry=self.metrics)
        for outcome in FRAMES:
            self._frames.labels(outcome)
        for why in CLOSED:
            self._closed.labels(why)

    def count(self, outcome: str) -> None:
        self._frames.labels(outcome).inc()

    def refused(self, code: str) -> None:
        self._refused.labels(code).inc()

    def closed(self, why: str) -> None:
        self._closed.labels(why).inc()

    def took(self, seconds: float) -> None:
        self._took.observe(seconds)
