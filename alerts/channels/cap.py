"""CAP 1.2 pushed to another system: one XML document a message, posted and signed as a webhook."""

from __future__ import annotations

from alerts.cap import cap_xml
from alerts.channels.posting import Poster
from alerts.channels.signing import headers, secrets_of
from alerts.letter import Letter
from schemas import Clock, SystemClock

MEDIA_TYPE = "application/cap+xml"


class CapChannel:
    """POSTs; its letters need those that went before, for CAP's references."""

    name = "cap"
    parallel = 1
    needs_earlier = True

    def __init__(
        self,
        poster: Poster,
        secret: str = "",
        sender: str = "onenet",
        status: str = "Actual",
        clock: Clock | None = None,
    ) -> None:
        self._poster = poster
        self._secrets = secrets_of(secret)
        self._sender = sender
        self._status = status
        self._clock = clock or SystemClock()

    def send(self, letter: Letter) -> None:
        body = cap_xml(letter, sender=self._sender, status=self._status)
        signed = headers(self._secrets, int(self._clock.now().timestamp()), letter.key, body)
        self._poster.post(body, {"Content-Type": MEDIA_TYPE, **signed})
