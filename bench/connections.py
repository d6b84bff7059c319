"""Many devices at one Mosquitto, with TLS and without: `python -m bench.connections [--devices N]`.

The broker is production's (`deploy/mosquitto`), with an account for each device. All of them
connect, `--at-once` on the way at a time; then each publishes a reading, again and again, at QoS 1,
while one subscriber on the inside takes everything. Printed is CPU time (user and system) of the
broker alone, a connection and a reading, and its memory a connection: wall-clock time says little
on a machine that others use. A reading goes through the broker twice, in by TLS and out without.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil

from bench.workers import spent
from registry.credentials import hash_password
from registry.mosquitto import KeptAccount, as_file
from schemas.ids import Medium, SensorId
from tests.deploy.production_broker import ProductionBroker, production_mosquitto

PASSWORD = "a-password-of-28-characters."  # noqa: S105 - of accounts that live for this bench
PAYLOAD = b'{"ts":"2026-11-24T08:00:00+08:00","seq":4711,"values":{"laeq":61.3,"lmax":70.1}}'
KEEPALIVE_S = 3600


@dataclass
class Device:
    """One connection that speaks as much MQTT 3.1.1 as it takes to publish."""

    name: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def connect(cls, name: str, port: int, tls: ssl.SSLContext | None) -> Device:
        host = "localhost" if tls else None
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=tls, server_hostname=host
        )
        body = _text("MQTT") + bytes([4, 0b1100_0010]) + struct.pack("!H", KEEPALIVE_S)
        body += _text(name) * 2 + _text(PASSWORD)
        writer.write(b"\x10" + _length(len(body)) + body)
        answer = await reader.readexactly(4)
        if answer[3]:
            raise SystemExit(f"{name}: refused with code {answer[3]}")
        return cls(name, reader, writer)

    async def publish(self, number: int) -> None:
        """One reading, and wait until the broker has it."""
        body = _text(f"onenet/v1/noise/{self.name}/data/json") + struct.pack("!H", number) + PAYLOAD
        self.writer.write(b"\x32" + _length(len(body)) + body)
        await self.reader.readexactly(4)


def _text(value: str) -> bytes:
    return struct.pack("!H", len(value)) + value.encode()


def _length(number: int) -> bytes:
    """A packet's length; ours stay below 16 384."""
    return bytes([number]) if number < 128 else bytes([number % 128 | 128, number // 128])


class Taker:
    """The one subscriber; counts what it has got."""

    def __init__(self, broker: ProductionBroker) -> None:
        self.got = 0
        self._subscribed = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.username_pw_set("ingest", broker.passwords["ingest"])
        self._client.on_connect = lambda client, *_: client.subscribe("onenet/v1/+/+/+/+", 1)
        self._client.on_message = self._count
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", broker.inside)
        self._client.loop_start()
        if not self._subscribed.wait(60):
            raise SystemExit("the subscriber was not let in")

    def _count(self, *_: object) -> None:
        self.got += 1

    async def wait_for(self, number: int) -> None:
        end = time.monotonic() + 300
        while self.got < number:
            if time.monotonic() > end:
                raise SystemExit(f"{self.got} of {number} readings came through")
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


async def measure(
    broker: ProductionBroker, names: list[str], readings: int, at_once: int, *, tls: bool
) -> dict[str, float]:
    """CPU µs a connection and a reading, KiB of memory a connection: of the broker."""
    process = psutil.Process(broker.pid)
    context = ssl.create_default_context(cafile=str(broker.ca)) if tls else None
    port = broker.tls if tls else broker.inside
    places = asyncio.Semaphore(at_once)

    async def connect(name: str) -> Device:
        async with places:
            return await Device.connect(name, port, context)

    async def publish(device: Device, number: int) -> None:
        async with places:
            await device.publish(number)

    # Before them all: paho waits by select(), which knows no descriptor above 1 023.
    taker = Taker(broker)
    memory, before = process.memory_info().rss, spent(process)
    devices = await asyncio.gather(*map(connect, names))
    connecting = spent(process) - before
    grown = process.memory_info().rss - memory
    before = spent(process)
    for number in range(1, readings + 1):
        await asyncio.gather(*(publish(device, number) for device in devices))
    await taker.wait_for(readings * len(devices))
    publishing = spent(process) - before
    taker.stop()
    for device in devices:
        device.writer.transport.abort()
    await asyncio.sleep(1)
    return {
        "connection_us": connecting / len(names) * 1e6,
        "reading_us": publishing / len(names) / readings * 1e6,
        "connection_kib": grown / len(names) / 1024,
    }


def accounts(names: Iterable[str]) -> str:
    hashed = hash_password(PASSWORD, b"salt-of-12-b")
    return as_file(KeptAccount(name, hashed, SensorId(name), Medium.NOISE) for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, nargs="+", default=[500, 2000, 5000])
    parser.add_argument("--readings", type=int, default=20_000, help="in all, about")
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    print("devices  tls    CPU us a connection   CPU us a reading   KiB a connection")
    for number in options.devices:
        names = [f"noise-{n:05d}" for n in range(number)]
        for tls in (False, True) * options.rounds:
            with tempfile.TemporaryDirectory() as folder:
                kept, limit = accounts(names), number + 100
                with production_mosquitto(Path(folder), kept=kept, inside_limit=limit) as broker:
                    each = max(1, options.readings // number)
                    found = asyncio.run(measure(broker, names, each, options.at_once, tls=tls))
            print(
                f"{number:7,}  {'yes' if tls else 'no ':3}  {found['connection_us']:20.0f}"
                f"  {found['reading_us']:17.1f}  {found['connection_kib']:17.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
