"""The deliverer as a process of its own, with time that runs faster: for `test_delivery.py`.

Arguments: registry URL, real and simulated moment at which the simulation began, its speed, ports
of the webhook, the mail server and the broker. Killed and started again it goes on in that time.
"""

from __future__ import annotations

import signal
import sys
import time
from datetime import UTC, datetime, timedelta

from alerts import Deliverer, MqttChannel, Router, WebhookChannel
from alerts.channels import EmailChannel, Server
from registry import open_registry
from tests.alerts.receivers import here


class Hasty:
    """A clock that began at a moment and runs so many times faster."""

    def __init__(self, real: float, simulated: float, speed: float) -> None:
        self._real, self._simulated, self._speed = real, simulated, speed

    def now(self) -> datetime:
        gone = (time.time() - self._real) * self._speed
        return datetime.fromtimestamp(self._simulated, UTC) + timedelta(seconds=gone)


def main() -> None:
    url, *numbers = sys.argv[1:]
    real, simulated, speed = map(float, numbers[:3])
    webhook, smtp, broker = map(int, numbers[3:])
    channels = [
        WebhookChannel(here(f"http://127.0.0.1:{webhook}/hook"), "secret"),
        EmailChannel(Server("127.0.0.1", smtp, "none"), "onenet@example.org"),
        MqttChannel("127.0.0.1", broker),
    ]
    service = Deliverer(
        open_registry(url),
        channels,
        Router(),
        Hasty(real, simulated, speed),
        sleep=lambda seconds: time.sleep(max(0.02, seconds / speed)),
    )
    signal.signal(signal.SIGTERM, lambda *_: service.stop())
    service.run()


if __name__ == "__main__":
    main()
