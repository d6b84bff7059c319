"""A webhook: JSON, signed, with the key by which a receiver knows a repeat."""

from __future__ import annotations

import json

from alerts.channels.posting import Poster
from alerts.channels.signing import headers, secrets_of
from alerts.letter import Letter, link
from schemas import CITY_TIME, Clock, SystemClock


class WebhookChannel:
    """POSTs. secret: two parted by a comma while it is exchanged; empty: unsigned."""

    name = "webhook"
    parallel = 4

    def __init__(
        self, poster: Poster, secret: str = "", console: str = "", clock: Clock | None = None
    ) -> None:
        self._poster = poster
        self._console = console
        self._secrets = secrets_of(secret)
        self._clock = clock or SystemClock()

    def send(self, letter: Letter) -> None:
        body = body_of(letter, self._console)
        timestamp = int(self._clock.now().timestamp())
        signed = headers(self._secrets, timestamp, letter.key, body)
        self._poster.post(body, {"Content-Type": "application/json", **signed})


def body_of(letter: Letter, console: str = "") -> bytes:
    """The letter as JSON: its content, to whom it goes, and where to act on it."""
    told = {
        **letter.content,
        "key": letter.key,
        "at": letter.at.astimezone(CITY_TIME).isoformat(),
        "recipient": letter.recipient,
        "to": letter.address,
        "url": link(console, letter.content),
    }
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace")
