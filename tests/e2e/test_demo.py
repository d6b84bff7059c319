"""The whole demo in short form: real broker, Airflow and browser; stopped, resumed, settled."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.parts import need

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
DAGS = {
    "hourly_aggregates",
    "daily_assessment",
    "period_assessment",
    "late_data",
    "alert_thresholds",
    "network_health",
    "provisioning",
}


class Demo:
    """`onenet demo` in a process of its own, what it prints in a file."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.report = home / "demo-report.json"
        self.output = home / f"output-{time.monotonic_ns()}.txt"
        home.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "onenet", "demo", "--home", str(home)]
        command += ["--history-days", "2", "--report", str(self.report), *arguments]
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=out, env={**os.environ, "COLUMNS": "200"}
            )

    def said(self) -> str:
        return self.output.read_text("utf-8", "replace")

    def board(self) -> str:
        """The board's address, once it is printed."""
        found = wait_for(lambda: re.search(r"board: (http://\S+)", self.said()), 300, self.said)
        return str(found.group(1))

    def finished(self, seconds: float) -> dict:
        assert self.process.wait(seconds) == 0, self.said()[-3000:]
        return json.loads(self.report.read_text("utf-8"))

    def successful_dags(self) -> set[str]:
        database = self.home / "airflow" / "airflow.db"
        if not database.exists():
            return set()
        try:
            with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=2) as db:
                rows = db.execute("SELECT DISTINCT dag_id FROM dag_run WHERE state = 'success'")
                return {name for (name,) in rows}
        except sqlite3.OperationalError:
            return set()


def wait_for(condition, seconds: float, told):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, told()[-3000:]
        time.sleep(0.5)
    return found


def processes_of(home: Path) -> list[str]:
    """Command lines of processes that know this run's folder, or have a file of it open.

    Airflow renames its processes, which wipes what they were started with; their logs stay open.
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            files = [str(link.readlink()) for link in (entry / "fd").iterdir()]
        except OSError:
            continue
        if str(home).encode() in environment or any(str(home) in name for name in files):
            found.append(command)
    return found


@pytest.mark.airflow
@pytest.mark.browser
def test_the_demo_shows_the_city_loses_nothing_and_goes_on(tmp_path: Path) -> None:
    need("airflow", find_spec("airflow") is not None)
    need("chromium", Path(CHROMIUM).exists())
    home = tmp_path / "run"
    demo = Demo(home)
    try:
        board = demo.board()
        wait_for(lambda: demo.successful_dags() >= DAGS, 900, demo.said)
        look_at(board)
        deadletters = replay_one(home)
        demo.process.send_signal(signal.SIGINT)
        first = demo.finished(300)
    finally:
        demo.process.kill()

    assert first["lost"] == 0
    assert first["stored"] + first["duplicates"] >= 35_000
    assert first["hourly_aggregates"] > 10_000
    assert first["alerts_opened"] > 0
    assert set(first["dag_runs"]) == {*DAGS, "bulletin"}, "the last month's is being made"
    assert "replayed 1 of 1" in deadletters
    assert processes_of(home) == []

    # The second run goes on with the same data, beside somebody who has taken its port.
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        again = Demo(home, "--for", "20", "--no-airflow", "--console-port", str(taken))
        second = again.finished(300)
        assert f"port {taken} is busy" in again.said()
    assert second["lost"] == 0
    assert second["published"] > first["published"]
    assert second["stored"] < first["stored"] + 2_000, "the history is not sent again"
    assert processes_of(home) == []


@pytest.mark.airflow
@pytest.mark.chaos
def test_a_killed_demo_takes_its_children_with_it(tmp_path: Path) -> None:
    need("airflow", find_spec("airflow") is not None)
    home = tmp_path / "run"
    demo = Demo(home)

    def airflow_is_whole() -> bool:
        running = " ".join(processes_of(home))
        return all(part in running for part in ("scheduler", "dag-processor", "api_server"))

    wait_for(airflow_is_whole, 300, demo.said)
    demo.process.kill()
    demo.process.wait()
    wait_for(lambda: not processes_of(home), 30, lambda: "\n".join(processes_of(home)))


def look_at(board: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(board)
        for medium in ("noise", "air", "water", "soil"):
            live = page.locator(f".marker[data-medium={medium}]:not(.silent):not(.stale)")
            assert live.count() > 0, medium
            figures = page.locator(f".card[data-medium={medium}] dd b").all_inner_texts()
            assert any(figure != "–" for figure in figures), medium
        assert page.locator(".alert-list li a").count() > 0
        browser.close()


def replay_one(home: Path) -> str:
    """A dead letter is listed, shown and replayed by the command line, as the demo tells."""
    environment = dict(os.environ)
    for line in (home / "demo.env").read_text("utf-8").splitlines():
        key, _, value = line.removeprefix("export ").partition("=")
        environment[key] = value.strip("'")

    def onenet(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "onenet", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "json_broken" in onenet("deadletters", "list")
    assert "原因" in onenet("deadletters", "show", "1")
    return onenet("deadletters", "replay", "1")
