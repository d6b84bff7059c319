"""`onenet sensors` and `onenet broker` on the command line, against a registry of its own."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from registry import migrate, open_registry, seed_demo_city
from registry.credentials import admitted
from registry.entries import COLUMNS
from schemas import SystemClock


class Shell:
    """Runs `onenet` and gives back what it said."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = f"sqlite:///{home}/registry.db"
        migrate(self.url)
        self.registry = open_registry(self.url)
        seed_demo_city(self.registry)

    def __call__(self, *arguments: str, ok: bool = True) -> str:
        environment = {"ONENET_REGISTRY_URL": self.url, "ONENET_BROKER_KIND": "embedded"}
        done = subprocess.run(
            [sys.executable, "-m", "onenet", *arguments],
            env={**os.environ, **environment},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
        )
        said = done.stdout + done.stderr
        assert (done.returncode == 0) == ok, said
        assert "Traceback" not in said
        return said


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_sensor_is_added_provisioned_shown_and_retired(shell: Shell) -> None:
    added = shell(
        *("sensors", "add", "--serial", "SN26-9001", "--model", "NM-S1"),
        *("--station", "st-noise-dongmen"),
    )
    assert "registered noise-dongmen-2, topics onenet/v1/noise/noise-dongmen-2/" in added
    words = shell("sensors", "provision", "noise-dongmen-2").split()
    password = words[words.index("password") + 1]
    now = SystemClock().now()
    assert admitted(shell.registry, "noise-dongmen-2", password, now)
    shown = shell("sensors", "show", "noise-dongmen-2")
    assert "SN26-9001" in shown
    assert "credential_issued" in shown
    assert password not in shown
    assert "noise-dongmen-2" in shell("sensors", "list", "--state", "maintenance")
    shell("sensors", "retire", "noise-dongmen-2", "--why", "a test")
    assert not admitted(shell.registry, "noise-dongmen-2", password, now)
    assert "broker and registry agree" in shell("broker", "sync")


def test_mistakes_are_told_in_one_line(shell: Shell) -> None:
    wrong = ("sensors", "add", "--serial", "SN26-0001", "--model", "NM-S1")
    assert "noise-huaqiangbei-1" in shell(*wrong, "--station", "st-noise-dongmen", ok=False)
    assert "there is no station" in shell(*wrong, "--station", "st-x", ok=False)
    assert "no sensor 'x-1'" in shell("sensors", "retire", "x-1", "--why", "x", ok=False)
    assert "no sensor 'x-1'" in shell("sensors", "provision", "x-1", ok=False)
    assert "who is to get" in shell("sensors", "provision", ok=False)


def test_a_table_is_tried_imported_and_exported(shell: Shell) -> None:
    source, target = shell.home / "new.csv", shell.home / "all.csv"
    head = "serial,model,station,note\n"
    source.write_text(head + "SN-1001,NM-S1,st-noise-dongmen,=1+1\nSN-1002,X,st-x,\n", "utf-8")
    said = shell("sensors", "import", str(source), "--dry-run", ok=False)
    assert "row 3: wrong: model" in said
    assert "row 3: wrong: station" in said
    assert "nothing was written" in said
    source.write_text(head + "SN-1001,NM-S1,st-noise-dongmen,=1+1\n", "utf-8")
    assert "1 to be registered" in shell("sensors", "import", str(source), "--dry-run")
    assert "noise-dongmen-2" not in shell.registry.sensors()
    assert "registered 1" in shell("sensors", "import", str(source))
    shell("sensors", "export", str(target))
    rows = list(csv.DictReader(io.StringIO(target.read_text("utf-8-sig"))))
    assert tuple(rows[0]) == COLUMNS
    assert {row["serial"]: row["note"] for row in rows}["SN-1001"] == "'=1+1"


def test_credentials_of_many_go_into_a_file_for_their_owner_alone(shell: Shell) -> None:
    target = shell.home / "secrets.csv"
    said = shell("sensors", "provision", "--missing", "--output", str(target))
    assert target.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO(target.read_text("utf-8-sig"))))
    assert len(rows) > 50
    assert not any(row["password"] in said for row in rows)
    assert admitted(shell.registry, rows[0]["username"], rows[0]["password"], SystemClock().now())
    kept = shell.home / "dynamic-security.json"
    shell("broker", "file", str(kept))
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not any(row["password"] in kept.read_text("utf-8") for row in rows)


def test_a_sensor_becomes_a_data_logger_and_is_one_no_longer(shell: Shell) -> None:
    outfall = "water-outfall-songgang-plating-1"
    mn = "010000A8900016F000169DC0"
    made = shell("sensors", "logger", outfall, "--mn", mn, "--upload", "2051")
    assert re.search(rf"{outfall}  MN {mn}  upload 2051  password [a-z0-9]{{6}}$", made.strip())
    assert mn in shell("sensors", "loggers")
    taken = shell("sensors", "logger", "air-lianhua-1", "--mn", mn, ok=False)
    assert f"MN '{mn}' is that of {outfall}" in " ".join(taken.split())
    assert "a logger no longer" in shell("sensors", "logger", outfall, "--remove")
    assert mn not in shell("sensors", "loggers")
