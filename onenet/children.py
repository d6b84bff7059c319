"""Child processes of the embedded stack: started with a log file, stopped with all they started.

Each child leads its own session, so that a Ctrl-C reaches only us and we stop them in the right
order. Should we be killed, the kernel interrupts the children as a Ctrl-C would: that is the
one signal on which Airflow ends its own children too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1  # prctl(2)
KILLED_S = 5.0  # until the kernel has put away what was killed


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:  # gone, or not ours to ask about
        return None


class Child:
    """One running program; what it prints goes to `<logs>/<name>.log`."""

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], logs: Path
    ) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        logs.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                list(command),
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def stop(self, patience_s: float) -> None:
        """Ask its group politely, wait so many seconds, then kill its session.

        A task of Airflow leads a group of its own, which outlives the group of the scheduler.
        """
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience_s)
        left = [psutil.Process(pid) for pid in psutil.pids() if _session_of(pid) == self.pid]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        psutil.wait_procs(left, timeout=KILLED_S)

    def last_words(self, lines: int = 15) -> str:
        """The end of the log, for a message to the user."""
        text = self.log.read_text("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])
