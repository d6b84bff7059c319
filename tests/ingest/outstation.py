"""A city with data loggers for tests: a real broker, a real ingest, a gateway, lines to it."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from ingest import BrokerAddress
from ingest.gateway import Gateway, GatewayOptions, Limits
from registry import Registry
from registry.loggers import hash_password
from registry.models import LoggerRow
from schemas import Interval, SensorId
from schemas.hj212 import Upload, framed
from schemas.registry import DeadLetter
from storage import Store, open_store
from tests.brokers import MOSQUITTO, MOSQUITTO_CONF, free_port
from tests.city import demo_registry
from tests.parts import need

OUTFALL = "water-outfall-songgang-plating-1"
MN, PASSWORD = "010000A8900016F000169DC0", "q8w3e2"
PATIENCE_S = 180.0  # a process takes a minute to begin on a busy machine
_numbers = itertools.count(1)


def wait_until(met: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < end, f"not in {PATIENCE_S:.0f} s: {what}"
        time.sleep(0.02)


class Broker:
    """A Mosquitto that can be paused, killed, and started again on its port."""

    def __init__(self, folder: Path) -> None:
        need("mosquitto", Path(MOSQUITTO).exists())
        self.port = free_port()
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text(MOSQUITTO_CONF.format(port=self.port), "utf-8")
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._conf)], stderr=subprocess.DEVNULL
        )
        wait_until(self._listens, "Mosquitto listens")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)


@dataclass
class City:
    """Where readings of loggers end up."""

    broker: Broker
    registry: Registry
    store: Store
    environment: dict[str, str]
    health: str

    @property
    def address(self) -> BrokerAddress:
        return BrokerAddress("127.0.0.1", self.broker.port)

    def stored(self, when: datetime, sensor: str = OUTFALL) -> dict[str, float]:
        window = Interval(when, when + timedelta(milliseconds=1))
        rows = self.store.read(window, sensors=[sensor])
        return dict(zip(rows["parameter"], rows["value"], strict=True))

    def letters(self, code: str) -> list[DeadLetter]:
        return self.registry.dead_letters(code=code)

    def ingest_listens(self) -> bool:
        try:
            found = httpx.get(self.health, timeout=1).json()
        except httpx.HTTPError:
            return False
        return bool(found["ok"] and found["subscribed"])


@contextmanager
def logging_city(folder: Path) -> Iterator[City]:
    """The demo city with one logger, and ingest as `onenet ingest` starts it."""
    registry = demo_registry(folder)
    add_loggers(registry, {MN: OUTFALL}, PASSWORD)
    broker, port = Broker(folder), free_port()
    environment = {
        "ONENET_MQTT_HOST": "127.0.0.1",
        "ONENET_MQTT_PORT": str(broker.port),
        "ONENET_STORE_URL": f"sqlite:///{folder}/observations.db",
        "ONENET_REGISTRY_URL": f"sqlite:///{folder}/registry.db",
        "ONENET_INGEST_PORT": str(port),
        "ONENET_INGEST_BATCH_AGE_S": "0.05",
    }
    store = open_store(environment["ONENET_STORE_URL"])
    with (folder / "ingest.log").open("ab") as log:
        ingest = subprocess.Popen(
            [sys.executable, "-m", "onenet", "ingest"],
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
        )
    health = f"http://127.0.0.1:{port}/healthz"
    city = City(broker, registry, store, environment, health)
    try:
        wait_until(city.ingest_listens, "ingest listens")
        yield city
    finally:
        ingest.terminate()
        ingest.wait(60)
        broker.kill()
        store.close()
        registry.close()


def add_loggers(registry: Registry, owners: dict[str, str], password: str) -> None:
    """Loggers with one password, hashed once: three hundred would take a minute else."""
    hashed, now = hash_password(password), datetime.now(UTC)
    with registry.session.begin() as session:
        for mn, sensor in owners.items():
            row = LoggerRow(sensor=sensor, mn=mn, hash=hashed, upload=Upload.LIVE)
            row.since, row.set_by = now, "test"
            session.add(row)
    registry.add(sensors=[registry.sensors()[SensorId(OUTFALL)]])  # so that its version grows


@contextmanager
def running_gateway(city: City, limits: Limits | None = None) -> Iterator[Gateway]:
    """The gateway in a loop of its own; stopped as SIGTERM stops it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def make() -> Gateway:
        options = GatewayOptions(
            port=0, client_id=f"gateway-{next(_numbers)}", limits=limits or Limits(answer_s=0.05)
        )
        gateway = Gateway(city.address, city.registry, options)
        await gateway.start()
        return gateway

    gateway = asyncio.run_coroutine_threadsafe(make(), loop).result(60)
    try:
        yield gateway
    finally:
        try:
            asyncio.run_coroutine_threadsafe(gateway.stop(), loop).result(60)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()


@dataclass
class Line:
    """A logger's connection."""

    port: int
    _left: bytes = field(default=b"", init=False)

    def __post_init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), 30)

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def answer(self, within: float = PATIENCE_S) -> bytes | None:
        """The next line that the gateway says; None when it says nothing; b"" when it has left."""
        self.socket.settimeout(within)
        try:
            while b"\n" not in self._left:
                more = self.socket.recv(4096)
                if not more:
                    return b""
                self._left += more
        except TimeoutError:
            return None
        except ConnectionError:
            return b""
        line, _, self._left = self._left.partition(b"\n")
        return line + b"\n"


def moment() -> datetime:
    """A time of its own for each frame of these tests, in whole seconds, lately."""
    base = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    return base + timedelta(seconds=3 * next(_numbers))


def upload(
    when: datetime,
    content: str = "w01018-Rtd=41.5,w01018-Flag=N;w01001-Rtd=7.2,w01001-Flag=N",
    *,
    mn: str = MN,
    password: str = PASSWORD,
    cn: str = "2011",
    extra: str = "Flag=5",
    qn: str = "",
) -> bytes:
    local = when + timedelta(hours=8)
    qn = qn or f"{local:%Y%m%d%H%M%S}001"
    head = f"QN={qn};ST=32;CN={cn};PW={password};MN={mn};{extra};"
    inside = f"DataTime={local:%Y%m%d%H%M%S};{content}" if content else ""
    return framed(f"{head}CP=&&{inside}&&".encode())
