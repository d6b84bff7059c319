"""What the gate costs a connection: `python -m bench.gate [--asked N]`.

`onenet broker gate` as a process over a real PostgreSQL with the demo city, asked as EMQX asks, by
sixteen connections that stay open. Printed is CPU time (user and system) a request of the gate and
of all PostgreSQL, in microseconds, and requests a second, which depend on what else runs here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil

from bench.workers import spent
from registry import migrate, open_registry, seed_demo_city
from registry.accounts import RegistryIsTheList
from registry.credentials import issue
from tests import postgres
from tests.brokers import free_port

AT_ONCE = 16
TOKEN = "t" * 64


def measure(folder: Path, server: dict[str, str], asked: int) -> str:
    url = postgres.url(server, "registry", "registry")
    migrate(url)
    registry = open_registry(url)
    seed_demo_city(registry)
    made = issue(
        registry, RegistryIsTheList(), ["noise-dongmen-1"], by="bench", at=datetime.now(UTC)
    )[0]
    registry.close()
    port = free_port()
    environment = {
        **os.environ,
        "ONENET_REGISTRY_URL": url,
        "ONENET_GATE_TOKEN": TOKEN,
        "ONENET_GATE_PORT": str(port),
        "ONENET_GATE_PASSWORDS": str(folder / "deploy/generated/mosquitto/passwords"),
    }
    gate = subprocess.Popen([sys.executable, "-m", "onenet", "broker", "gate"], env=environment)
    told = {"username": made.username, "password": made.password}
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {TOKEN}"},
        limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
        timeout=60,
    )

    def ask(_: int) -> None:
        if client.post("/authenticate", json=told).json()["result"] != "allow":
            raise SystemExit("the gate did not let in")

    try:
        end = time.monotonic() + 60
        while True:
            try:
                client.get("/healthz")
                break
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        process = psutil.Process(gate.pid)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(ask, range(200)))  # connections to the database are made
            before, databases = spent(process), _databases(server["PORT"])
            start = time.monotonic()
            list(pool.map(ask, range(asked)))
            took = time.monotonic() - start
        ours, after = spent(process) - before, _databases(server["PORT"])
        theirs = sum(after[pid] - databases[pid] for pid in databases.keys() & after.keys())
    finally:
        client.close()
        gate.terminate()
        gate.wait(20)
    return (
        f"gate {ours / asked * 1e6:.0f} us, PostgreSQL {theirs / asked * 1e6:.0f} us a request; "
        f"{asked / took:.0f} requests a second"
    )


def _databases(port: str) -> dict[int, float]:
    """CPU seconds of the PostgreSQL at a port, by process; those that tidy up come and go."""
    found = {}
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "postgres" and f"-p {port} " in " ".join(
            process.info["cmdline"]
        ):
            for one in [process, *process.children()]:
                with suppress(psutil.NoSuchProcess):
                    found[one.pid] = spent(one)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asked", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with postgres.postgres(folder) as server:
                print(measure(folder, server, options.asked), flush=True)


if __name__ == "__main__":
    main()
