"""A data logger that speaks HJ 212 over TCP: for trying an upper station, ours or another.

It does what the standard asks: a frame that is not answered in time is sent again, identical, and
after the third repeat given up. It keeps one connection and makes a new one when it breaks.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from schemas.hj212 import Frame, FrameReader, framed

BEIJING = timezone(timedelta(hours=8))
ANSWER_S = 5.0  # OverTime on wired lines
REPEATS = 3  # ReCount


def upload(
    when: datetime, content: str, *, mn: str, password: str, st: str = "32", cn: str = "2011"
) -> bytes:
    """One upload that asks for an answer. content: items, as `w01018-Rtd=41.5,w01018-Flag=N`."""
    local, now = when.astimezone(BEIJING), datetime.now(UTC).astimezone(BEIJING)
    qn = f"{now:%Y%m%d%H%M%S}{now.microsecond // 1000:03d}"
    head = f"QN={qn};ST={st};CN={cn};PW={password};MN={mn};Flag=5"
    return framed(f"{head};CP=&&DataTime={local:%Y%m%d%H%M%S};{content}&&".encode())


@dataclass
class DataLogger:
    """host, port: of the upper station. answer_s: how long an answer is waited for, in seconds."""

    host: str
    port: int
    answer_s: float = ANSWER_S
    sent: int = 0  # frames, repeats included
    _line: socket.socket | None = None

    def report(self, frame: bytes) -> str | None:
        """Send a frame until it is answered; the answer's segment, or None when it never was."""
        for _ in range(1 + REPEATS):
            try:
                line = self._connected()
                line.sendall(frame)
                self.sent += 1
                answer = self._answer(line)
            except OSError:
                self.close()
                continue
            if answer is not None:
                return answer
        return None

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _connected(self) -> socket.socket:
        if self._line is None:
            self._line = socket.create_connection((self.host, self.port), self.answer_s)
        return self._line

    def _answer(self, line: socket.socket) -> str | None:
        line.settimeout(self.answer_s)
        reader = FrameReader()
        while True:
            try:
                octets = line.recv(4096)
            except TimeoutError:
                return None
            if not octets:
                raise ConnectionError("the upper station has closed the connection")
            for found in reader.feed(octets):
                if isinstance(found, Frame):
                    return found.segment.decode("utf-8", "replace")
