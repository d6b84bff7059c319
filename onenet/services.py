"""Services of ours that run in the foreground: until somebody says stop."""

from __future__ import annotations

import signal
from typing import Protocol


class Service(Protocol):
    def run(self) -> None: ...

    def stop(self) -> None:
        """Let `run` come to its end; may be called from a signal's handler."""


def run_until_told(service: Service) -> None:
    """Run until SIGTERM or SIGINT, and let it end what it is at."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: service.stop())
    service.run()
