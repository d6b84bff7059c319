"""HJ 212 through the gateway: `python -m bench.gateway [--loggers N] [--frames N]`.

A real Mosquitto, `onenet ingest` and `onenet gateway` as processes of their own, an embedded store.
Loggers send as real ones do, the next frame when the last is answered. Printed: frames a second,
the time from frame to answer, and of single frames the time until they can be read in the store.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from schemas import SensorId
from tests.brokers import free_port
from tests.ingest.outstation import (
    MN,
    PASSWORD,
    City,
    Line,
    add_loggers,
    logging_city,
    moment,
    upload,
    wait_until,
)


def register(city: City, count: int) -> list[str]:
    """So many loggers more; gives their MNs."""
    pattern = city.registry.sensors()[SensorId("air-lianhua-1")]
    sensors = [
        pattern.model_copy(update={"id": SensorId(f"air-bench-{n}"), "serial": f"BENCH-{n}"})
        for n in range(count)
    ]
    city.registry.add(sensors=sensors)
    owners = {f"BENCH{n:09d}": str(sensor.id) for n, sensor in enumerate(sensors)}
    add_loggers(city.registry, owners, PASSWORD)
    return list(owners)


async def speak(port: int, mn: str, frames: int, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    for n in range(frames):
        frame = upload(first + timedelta(minutes=n), "a34004-Rtd=33,a34004-Flag=N", mn=mn)
        begun = time.perf_counter()
        writer.write(frame)
        answer = await reader.readline()
        if b"CN=9014" not in answer:
            raise RuntimeError(f"answered {answer!r}")
        took.append(time.perf_counter() - begun)
    writer.close()


async def together(port: int, mns: list[str], frames: int) -> tuple[float, list[float]]:
    took: list[float] = []
    begun = time.perf_counter()
    await asyncio.gather(*(speak(port, mn, frames, took) for mn in mns))
    return time.perf_counter() - begun, took


def until_stored(city: City, port: int, times: int) -> list[float]:
    took = []
    with Line(port) as line:
        for _ in range(times):
            when = moment()
            begun = time.perf_counter()
            line.send(upload(when))
            line.answer()
            while not city.stored(when):
                time.sleep(0.002)
            took.append(time.perf_counter() - begun)
            time.sleep(0.1)
    return took


def told(name: str, seconds: list[float]) -> None:
    tenths = statistics.quantiles(seconds, n=100)
    print(f"{name}: median {tenths[49] * 1000:.1f} ms, 99 % {tenths[98] * 1000:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loggers", type=int, default=100)
    parser.add_argument("--frames", type=int, default=100, help="of each logger")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, logging_city(Path(folder)) as city:
        mns, port = register(city, options.loggers), free_port()
        environment = {
            **os.environ,
            **city.environment,
            "ONENET_GATEWAY_PORT": str(port),
            "ONENET_GATEWAY_HEALTH_PORT": str(free_port()),
            "ONENET_GATEWAY_CONNECTIONS_PER_PEER": str(options.loggers + 1),
        }
        gateway = subprocess.Popen(
            [sys.executable, "-m", "onenet", "gateway"], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: answers(port), "the gateway answers")
            process = psutil.Process(gateway.pid)
            before = sum(process.cpu_times()[:2])
            seconds, took = asyncio.run(together(port, mns, options.frames))
            spent = sum(process.cpu_times()[:2]) - before
            print(f"{len(took)} frames of {len(mns)} loggers: {len(took) / seconds:.0f} a second")
            print(f"processor time of the gateway: {spent / len(took) * 1e6:.0f} µs a frame")
            told("frame to answer, all at once", took)
            told("frame to stored, one by one", until_stored(city, port, 100))
        finally:
            gateway.terminate()
            gateway.wait(60)


def answers(port: int) -> bool:
    try:
        with Line(port) as line:
            line.send(upload(moment(), mn=MN))
            return bool(line.answer(5))
    except OSError:
        return False


if __name__ == "__main__":
    main()
