"""What the embedded stack starts ends with all that it started itself."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil

from onenet.children import Child

# As a task of Airflow: in a group of its own, and deaf to requests to end.
STUBBORN = """
import os, signal, time
os.setpgid(0, 0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(600)
"""
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {STUBBORN!r}])
"""


def test_a_grandchild_in_a_group_of_its_own_ends_too(tmp_path: Path) -> None:
    child = Child("parent", [sys.executable, "-c", PARENT], env={}, logs=tmp_path)
    grandchild = _printed_number(child)
    assert psutil.pid_exists(grandchild)

    child.stop(patience_s=5)

    assert not child.running()
    assert not _lives(grandchild)


def test_a_child_that_ended_by_itself_is_stopped_without_complaint(tmp_path: Path) -> None:
    child = Child("short", [sys.executable, "-c", "print('done')"], env={}, logs=tmp_path)
    _wait_until(lambda: not child.running())
    child.stop(patience_s=1)
    assert child.exit_code == 0
    assert child.last_words() == "done"


def _printed_number(child: Child) -> int:
    _wait_until(lambda: child.log.read_text("utf-8").strip())
    return int(child.log.read_text("utf-8"))


def _lives(pid: int) -> bool:
    """Not one that only waits to be taken notice of by its new parent."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _wait_until(condition) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
