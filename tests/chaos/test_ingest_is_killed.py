"""kill -9 of ingest under load, ten times: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from onenet.reconcile import Published, lost
from onenet.stack import published_of, write_fleet
from registry import migrate, open_registry, seed_demo_city
from schemas import Interval
from storage import open_store
from tests.brokers import RunningBroker, embedded, free_port, mosquitto

KILLS = 10
HISTORY_DAYS = 3


class Ingest:
    """The real ingest process, as `onenet ingest` starts it."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self.port = int(environment["ONENET_INGEST_PORT"])
        self.start()

    def start(self, *options: str) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "onenet", "ingest", *options],
                env={**os.environ, **self._environment},
                stderr=out,
                stdout=out,
            )

    def health(self) -> dict[str, object]:
        try:
            found: dict[str, object] = httpx.get(
                f"http://127.0.0.1:{self.port}/healthz", timeout=1
            ).json()
        except httpx.HTTPError:
            return {}
        return found

    def wait_until_it_listens(self) -> None:
        end = time.monotonic() + 240
        while not self.health().get("subscribed"):
            assert time.monotonic() < end, self._log.read_text("utf-8", "replace")[-2000:]
            time.sleep(0.05)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def drain(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def wait(self, seconds: float) -> int:
        """Until it ends by itself."""
        return self._process.wait(seconds)


@pytest.mark.chaos
@pytest.mark.parametrize("broker", [mosquitto, embedded], ids=["mosquitto", "embedded"])
def test_ten_kills_under_load_lose_nothing_and_double_nothing(
    tmp_path: Path,
    broker: Callable[..., AbstractContextManager[RunningBroker]],
) -> None:
    store_url, registry_url = f"sqlite:///{tmp_path}/o.db", f"sqlite:///{tmp_path}/r.db"
    migrate(registry_url)
    registry = open_registry(registry_url)
    seed_demo_city(registry)
    write_fleet(registry, tmp_path / "fleet.json")
    arguments = (tmp_path,) if broker is mosquitto else ()
    with broker(*arguments) as running:
        environment = {
            **running.environment,
            "ONENET_STORE_URL": store_url,
            "ONENET_REGISTRY_URL": registry_url,
            "ONENET_INGEST_PORT": str(free_port()),
            "ONENET_INGEST_BATCH_SIZE": "300",  # many small writes: more places to be killed at
            "ONENET_INGEST_BATCH_AGE_S": "0.05",
        }
        ingest = Ingest(environment, tmp_path / "ingest.log")
        ingest.wait_until_it_listens()
        fleet = start_fleet(running, tmp_path)
        store = open_store(store_url)
        kills = 0
        for kill in range(KILLS):
            wait_for_progress(store, fleet)
            ingest.kill()
            kills += 1
            ingest.start()
            if kill % 3 == 0:
                ingest.wait_until_it_listens()
        assert kills == KILLS
        assert fleet.wait(240) == 0
        published = published_of(tmp_path / "ledger.json")
        wait_until_all_is_in(store, published)
        assert ingest.drain() == 0

    missing = lost(published, store.count_readings(), registry.dead_letters_by_sensor())
    assert missing.total == 0, missing.readings
    assert store.count_readings() == dict(published.distinct), "no reading twice, none invented"
    now = datetime.now(UTC)
    account = store.account(Interval(now - timedelta(days=1), now + timedelta(days=1)))
    sums = {name: int(account[name].sum()) for name in account.columns[2:]}
    assert sums["received"] == sums["stored"] + sums["duplicate"] + sums["dead_lettered"]
    assert sums["stored"] == sum(published.distinct.values())
    store.close()
    registry.close()


def start_fleet(
    broker: RunningBroker, home: Path, days: float = HISTORY_DAYS
) -> subprocess.Popen[bytes]:
    """Days of the demo city, ten readings a message, with duplicates and bad messages."""
    script = home / "faults.yaml"
    faults = [
        {"device": "air-lianhua-1", "kind": "duplicate", "from_s": 0, "for_s": 200_000},
        {"device": "water-dapeng-bay-1", "kind": "malformed", "from_s": 0, "for_s": 200_000},
        {"device": "noise-lianhua-1", "kind": "outage", "from_s": 0, "for_s": 200_000},
    ]
    script.write_text(json.dumps(faults), "utf-8")
    command = [sys.executable, "-m", "onenet", "simulate", "--fleet", str(home / "fleet.json")]
    command += ["--port", str(broker.port), "--mqtt-version", str(broker.version), "--no-live"]
    command += ["--history", str(days), "--batch", "10", "--faults", str(script)]
    command += ["--ledger", str(home / "ledger.json"), "--progress-json"]
    with (home / "fleet.log").open("wb") as out:
        return subprocess.Popen(
            command, env={**os.environ, **broker.environment}, stdout=out, stderr=out
        )


def wait_for_progress(store: object, fleet: subprocess.Popen[bytes]) -> None:
    """Until some hundred more readings are in: the kill then hits a working process."""
    before = sum(store.count_readings().values())  # type: ignore[attr-defined]
    end = time.monotonic() + 240
    while sum(store.count_readings().values()) < before + 1000:  # type: ignore[attr-defined]
        assert time.monotonic() < end, "ingest does not go on"
        if fleet.poll() is not None:
            return
        time.sleep(0.02)


def wait_until_all_is_in(store: object, published: Published) -> None:
    wanted = sum(published.distinct.values())
    end = time.monotonic() + 300
    while sum(store.count_readings().values()) < wanted:  # type: ignore[attr-defined]
        assert time.monotonic() < end, "readings are missing"
        time.sleep(0.2)
    time.sleep(1.0)  # for the dead letters that may be behind them
