"""Several workers on one shared subscription: `python -m bench.workers [--influx] [--workers N]`.

A real Mosquitto gives single readings, as devices send them live, to N ingest processes. Printed is
CPU time (user and system) by process, from the first message to the last one stored, in
microseconds a reading: wall-clock time says little on a machine that others use. Each round has a
new broker and a new store. The publisher's time is not counted; the broker's is for taking and
giving. Readings are of the past, so that the fast lane of alerts passes them over.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from bench.mqtt import made, publish, stored_readings, wait_until_subscribed
from onenet.stack import write_fleet
from registry import migrate, open_registry, seed_demo_city
from simulators.ledger import Outgoing
from storage import open_store
from tests.brokers import free_port, mosquitto
from tests.influx import influx

READINGS = 60_000


def spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(messages: list[Outgoing], workers: int, with_influx: bool) -> dict[str, float]:
    """CPU seconds by part, and bytes of the store's file."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = stack.enter_context(mosquitto(home))
        store_url, token = f"sqlite:///{home}/o.db", ""
        if with_influx:
            server = stack.enter_context(influx(home))
            store_url, token = server.clean(), server.token
        registry_url = f"sqlite:///{home}/r.db"
        migrate(registry_url)
        registry = open_registry(registry_url)
        seed_demo_city(registry)
        started, ports = [], []
        for number in range(1, workers + 1):
            ports.append(free_port())
            environment = {
                **os.environ,
                **running.environment,
                "ONENET_STORE_URL": store_url + (f"&worker={number}" if with_influx else ""),
                "ONENET_STORE_TOKEN": token,
                "ONENET_REGISTRY_URL": registry_url,
                "ONENET_INGEST_PORT": str(ports[-1]),
                "ONENET_INGEST_CLIENT_ID": f"onenet-ingest-{number}",
            }
            log = stack.enter_context((home / f"{number}.log").open("wb"))
            command = [sys.executable, "-m", "onenet", "ingest"]
            started.append(subprocess.Popen(command, env=environment, stderr=log, stdout=log))
        try:
            for port in ports:
                wait_until_subscribed(port)
            ours = {p.pid: p for p in psutil.Process().children()}
            before = {pid: spent(process) for pid, process in ours.items()}
            publish(running, messages)
            store = open_store(store_url, token=token)
            total = sum(message.distinct for message in messages)
            end = time.monotonic() + 240
            while stored_readings(store) < total:
                if time.monotonic() > end:
                    raise SystemExit("not everything was stored")
                time.sleep(0.5)
            found = {"broker": 0.0, "workers": 0.0, "influxd": 0.0}
            for pid, process in ours.items():
                name = {"mosquitto": "broker", "influxd": "influxd"}.get(process.name(), "workers")
                found[name] += spent(process) - before[pid]
            store.close()
        finally:
            for one in started:
                one.terminate()
            for one in started:
                one.wait(60)
        registry.close()
        # Of influxd there is nothing to see after a minute: files made beforehand, and its log.
        found["disk"] = float(sum(path.stat().st_size for path in home.glob("o.db*")))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--readings", type=int, default=READINGS)
    parser.add_argument("--influx", action="store_true", help="a real influxd, not the file")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        migrate(f"sqlite:///{home}/r.db")
        registry = open_registry(f"sqlite:///{home}/r.db")
        seed_demo_city(registry)
        write_fleet(registry, home / "fleet.json")
        messages = made(home, options.readings, 1)
    total = sum(message.distinct for message in messages)
    values = sum(len(message.payload) + len(message.topic) for message in messages)
    print(f"{total:,} readings in messages of 1, {values / total:.0f} bytes of topic and payload")
    for workers in options.workers:
        for _ in range(options.rounds):
            found = measure(messages, workers, options.influx)
            kept = found.pop("disk") / total
            parts = "  ".join(f"{k} {v / total * 1e6:6.1f} us" for k, v in found.items() if v)
            disk = f"  disk {kept:.0f} bytes a reading" if kept else ""
            print(f"  {workers} workers: {parts}{disk}", flush=True)


if __name__ == "__main__":
    main()
