"""Posting over HTTP, as webhook, robots and CAP do it; an answer that is no yes becomes an error.

No error tells the URL: a robot's has its key in it.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from alerts.letter import Refused, TooFast, Undeliverable

TIMEOUT_S = 5.0
# What a receiver says about the letter itself; any other refusal is about the channel.
OF_THE_LETTER = frozenset({400, 409, 410, 413, 415, 422})
TOO_MANY = 429


class Poster:
    """Posts to one URL and keeps its connections; threads may share it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx.Client(timeout=TIMEOUT_S)

    def post(
        self, body: bytes, headers: Mapping[str, str], params: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer, if it is a yes. Raises Undeliverable, Refused, TooFast."""
        url = httpx.URL(self._url)
        if params:
            url = url.copy_merge_params(params)
        try:
            answer = self._client.post(url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Undeliverable(_told(error)) from None  # its own text may hold the URL
        told = f"HTTP {answer.status_code}"
        if answer.status_code == TOO_MANY:
            raise TooFast(told)
        if answer.status_code in OF_THE_LETTER:
            raise Refused(told)
        if not answer.is_success:
            raise Undeliverable(told)
        return answer


def _told(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return f"{type(error).__name__}: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
