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

    def client(self, token: str = "") -> httpx.Client:
        """What asks it directly, as Grafana does; whoever opens it closes it."""
        return httpx.Client(
            base_url=self.http,
            headers={"Authorization": f"Token {token or self.token}"},
            params={"org": ORG},
            timeout=60,
        )

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


class Influxd:
    """A fresh server on a free port that keeps its files in a folder; it may be killed, and comes
    back with what it had written down.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        need("InfluxDB (scripts/install-influxd)", program() is not None)
        self._folder, self._options = folder, options
        self._address = f"127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> RunningInflux:
        return RunningInflux(f"influx://{self._address}/{ORG}", TOKEN)

    def set_up(self) -> None:
        """Start it for the first time, and make its organisation and administrator."""
        self.start()
        onboarding = {"username": "tester", "password": "a-test-password", "org": ORG}
        answer = httpx.post(
            f"http://{self._address}/api/v2/setup",
            json={**onboarding, "bucket": "unused", "token": TOKEN},
            timeout=30,
        )
        answer.raise_for_status()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "influxd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(program()),
                    f"--bolt-path={self._folder}/influxd.bolt",
                    f"--sqlite-path={self._folder}/influxd.sqlite",
                    f"--engine-path={self._folder}/engine",
                    f"--http-bind-address={self._address}",
                    "--reporting-disabled",
                    "--log-level=warn",
                    *self._options,
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"http://{self._address}/health", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise RuntimeError((self._folder / "influxd.log").read_text("utf-8", "replace")[-2000:])

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)


@contextmanager
def influxd(folder: Path, *options: str) -> Iterator[Influxd]:
    """A server of the test's own, to be killed and looked into. options: further ones of it."""
    server = Influxd(folder, *options)
    try:
        server.set_up()
        yield server
    finally:
        server.kill()


@contextmanager
def influx(folder: Path) -> Iterator[RunningInflux]:
    """The named InfluxDB, else a fresh one that keeps its files in the folder.

    Where there is neither, the test is skipped, or fails if every part is obligatory.
    """
    named = os.environ.get("ONENET_TEST_INFLUX_URL")
    if named:
        yield RunningInflux(named, os.environ["ONENET_TEST_INFLUX_TOKEN"])
        return
    with influxd(folder) as server:
        yield server.running
