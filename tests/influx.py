"""A real InfluxDB for tests: one that is named, or one that is started here from its program.

Named by ONENET_TEST_INFLUX_URL and _TOKEN; else the program is looked for in ONENET_INFLUXD, where
`scripts/install-influxd` leaves it, and on the PATH. `store` gives a clean store on it: buckets of
its own, told apart by the prefix in the store's URL.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from storage import give_tokens, prepare
from tests.brokers import free_port
from tests.parts import need

INSTALLER = Path(__file__).parent.parent / "scripts" / "install-influxd"
ORG, TOKEN = "onenet", "a-token-for-tests"


@dataclass(frozen=True)
class RunningInflux:
    """Where an InfluxDB listens, as a store URL, with a token that may do everything."""

    url: str
    token: str

    @property
    def http(self) -> str:
        return f"http://{urlsplit(self.url).netloc}"

    def clean(self) -> str:
        """The URL of a store with new, empty buckets that keep whatever date a test plays in."""
        url = f"{self.url}?prefix=t{uuid4().hex[:12]}_"
        prepare(url, token=self.token, forever=True)
        return url

    def tokens(self, url: str) -> dict[str, str]:
        """New tokens by service, for the store at this URL; those made before end."""
        made: dict[str, str] = {}
        give_tokens(url, token=self.token, known={}, keep=made.update)
        return made


def program() -> Path | None:
    """The server's program, if this machine has one."""
    named = os.environ.get("ONENET_INFLUXD")
    if named:
        return Path(named)
    where = subprocess.run([INSTALLER, "--where"], capture_output=True, text=True, check=True)
    built = Path(where.stdout.strip())
    on_path = shutil.which("influxd")
    return built if built.exists() else Path(on_path) if on_path else None


def available() -> bool:
    return bool(os.environ.get("ONENET_TEST_INFLUX_URL")) or program() is not None


@contextmanager
def influx(folder: Path) -> Iterator[RunningInflux]:
    """The named InfluxDB, else a fresh one on a free port that keeps its files in the folder.

    Where there is neither, the test is skipped, or fails if every part is obligatory.
    """
    need("InfluxDB (scripts/install-influxd)", available())
    named = os.environ.get("ONENET_TEST_INFLUX_URL")
    if named:
        yield RunningInflux(named, os.environ["ONENET_TEST_INFLUX_TOKEN"])
        return
    found = program()
    assert found is not None
    address = f"127.0.0.1:{free_port()}"
    with (folder / "influxd.log").open("wb") as log:
        process = subprocess.Popen(
            [
                found,
                f"--bolt-path={folder}/influxd.bolt",
                f"--sqlite-path={folder}/influxd.sqlite",
                f"--engine-path={folder}/engine",
                f"--http-bind-address={address}",
                "--reporting-disabled",
                "--log-level=warn",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        _set_up(f"http://{address}", process)
        yield RunningInflux(f"influx://{address}/{ORG}", TOKEN)
    finally:
        process.kill()
        process.wait(10)


def _set_up(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/health", timeout=2).status_code == 200:
                break
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    onboarding = {"username": "tester", "password": "a-test-password", "org": ORG}
    answer = httpx.post(
        f"{address}/api/v2/setup",
        json={**onboarding, "bucket": "unused", "token": TOKEN},
        timeout=30,
    )
    answer.raise_for_status()
