"""Real brokers for tests: Mosquitto as a process, and the embedded one; both on a free port."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onenet.broker import Account, EmbeddedBroker
from tests.parts import need

# Below those that the kernel gives to connections, so that none of them takes a port before its
# server listens (Airflow's takes half a minute); each of the parallel workers has its own thousand.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = range(20_000 + 1_000 * (_WORKER % 12), 21_000 + 1_000 * (_WORKER % 12))
_NEXT_PORT = itertools.cycle(random.sample(_PORTS, len(_PORTS)))

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
DATA = "onenet/v1/+/+/+/+"

# As in deploy/mosquitto/mosquitto.conf: without these two lines it drops what it cannot deliver.
MOSQUITTO_CONF = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 4000
"""


@dataclass(frozen=True)
class RunningBroker:
    """Where a broker listens, with a name and password that may do everything a test needs."""

    port: int
    version: int
    username: str = ""
    password: str = ""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "ONENET_MQTT_HOST": "127.0.0.1",
            "ONENET_MQTT_PORT": str(self.port),
            "ONENET_MQTT_VERSION": str(self.version),
            "ONENET_MQTT_USERNAME": self.username,
            "ONENET_MQTT_PASSWORD": self.password,
        }


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that is not given again soon."""
    for port in itertools.islice(_NEXT_PORT, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no free port from {_PORTS.start} to {_PORTS.stop - 1}")


@contextmanager
def mosquitto(folder: Path) -> Iterator[RunningBroker]:
    need("mosquitto", Path(MOSQUITTO).exists())
    port = free_port()
    conf = folder / "mosquitto.conf"
    conf.write_text(MOSQUITTO_CONF.format(port=port), "utf-8")
    process = subprocess.Popen([MOSQUITTO, "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield RunningBroker(port, 5)
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def embedded() -> Iterator[RunningBroker]:
    port = free_port()
    everything = Account("a-test", publish=(DATA,), subscribe=(DATA, f"$share/ingest/{DATA}"))
    broker = EmbeddedBroker(port, {"tester": everything})
    broker.start()
    try:
        yield RunningBroker(port, 4, "tester", "a-test")
    finally:
        broker.stop()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")
