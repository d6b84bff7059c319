"""How the store talks to InfluxDB's HTTP API: send lines, ask, delete; and what errors mean.

Every failure leaves as one of three: StoreUnavailable (wait and try again), LinesRefused (what was
written is wrong) or ValueError (the installation is wrong: address, token or buckets).
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any

import httpx
import polars as pl

from storage.influx_csv import tables
from storage.port import StoreUnavailable

LINES = 5000  # a request holds at most so many, as InfluxDB advises
TIMEOUT = httpx.Timeout(60, connect=5)
_BUSY = (429, 503)
_REFUSED = (400, 413, 422)


class LinesRefused(ValueError):
    """InfluxDB will not take these lines, however often they are sent."""


class InfluxHttp:
    """One organisation of one InfluxDB, by token. Threads may share it."""

    def __init__(self, address: str, *, org: str, token: str) -> None:
        self._address, self._org = address, org
        self._client = httpx.Client(
            base_url=address,
            params={"org": org},
            headers={"Authorization": f"Token {token}", "Accept-Encoding": "identity"},
            timeout=TIMEOUT,
        )

    def close(self) -> None:
        self._client.close()

    def ping(self) -> None:
        """Raises StoreUnavailable where nobody answers."""
        self._send("GET", "/ping")

    def query(self, flux: str) -> list[pl.DataFrame]:
        """Ask, and return the tables of the answer."""
        dialect = {"header": True, "annotations": ["datatype"], "delimiter": ","}
        question = {"query": flux, "type": "flux", "dialect": dialect}
        return tables(self._send("POST", "/api/v2/query", json=question).content)

    def write(self, bucket: str, lines: Sequence[str], *, precision: str = "ms") -> dict[int, str]:
        """Write lines durably; returns the refused ones by position, with InfluxDB's words.

        What is refused together is halved until each bad line is alone, so the good ones are kept.
        """
        refused: dict[int, str] = {}
        for start in range(0, len(lines), LINES):
            span = range(start, min(start + LINES, len(lines)))
            self._write_halving(bucket, lines, span, precision, refused)
        return refused

    def write_all(self, bucket: str, lines: Sequence[str], *, precision: str = "ms") -> None:
        """Write lines that nothing can be wrong with. Raises LinesRefused if InfluxDB disagrees."""
        for start in range(0, len(lines), LINES):
            self._write_once(bucket, lines[start : start + LINES], precision)

    def _write_halving(
        self,
        bucket: str,
        lines: Sequence[str],
        span: range,
        precision: str,
        refused: dict[int, str],
    ) -> None:
        try:
            self._write_once(bucket, lines[span.start : span.stop], precision)
        except LinesRefused as error:
            if len(span) == 1:
                refused[span.start] = str(error)
                return
            middle = len(span) // 2
            self._write_halving(bucket, lines, span[:middle], precision, refused)
            self._write_halving(bucket, lines, span[middle:], precision, refused)

    def _write_once(self, bucket: str, lines: Sequence[str], precision: str) -> None:
        self._send(
            "POST",
            "/api/v2/write",
            params={"bucket": bucket, "precision": precision},
            headers={"Content-Encoding": "gzip"},
            content=gzip.compress("\n".join(lines).encode("utf-8", "replace"), 1),
        )

    def delete(self, bucket: str, start: str, stop: str, predicate: str) -> None:
        """Delete from start to stop, both RFC 3339 and both included."""
        self._send(
            "POST",
            "/api/v2/delete",
            params={"bucket": bucket},
            json={"start": start, "stop": stop, "predicate": predicate},
        )

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **request)
        except httpx.TransportError as error:
            raise StoreUnavailable(
                f"{self._address}: {type(error).__name__} {error}".rstrip()
            ) from error
        if answer.is_success:
            return answer
        words = _words(answer)
        status = answer.status_code
        if status in _BUSY or status >= 500:
            raise StoreUnavailable(
                f"{self._address} answers {status}: {words}", retry_after_s=_retry_after_s(answer)
            )
        if path == "/api/v2/write" and status in _REFUSED:
            raise LinesRefused(words)
        raise ValueError(
            f"{self._address} answers {status}: {words}. {self._remedy(status, words)}"
        )

    def _remedy(self, status: int, words: str) -> str:
        if words.endswith(f'organization name "{self._org}" not found'):
            return "Correct the organisation in ONENET_STORE_URL, influx://host:8086/organisation."
        if status == 401:
            return (
                f"Set ONENET_STORE_TOKEN to a token of the organisation {self._org!r}, or let"
                " `onenet store prepare --env-file .env` make one for each service."
            )
        if status in (403, 404):
            return (
                f"Run `onenet store prepare` for the organisation {self._org!r}. If its buckets are"
                " there, ONENET_STORE_TOKEN is of a service that has no business with this one:"
                " see storage/tokens.py."
            )
        return "This request should not have been made: please report it."


def _words(answer: httpx.Response) -> str:
    """What InfluxDB says about it."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text.strip()[:200] or answer.reason_phrase


def _retry_after_s(answer: httpx.Response) -> float:
    """Seconds to wait as the server asks for; 0 where it asks for nothing we understand."""
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0
