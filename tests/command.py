"""The command `onenet` as a user calls it: in a process of its own, with settings of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def onenet(home: Path, *arguments: str, registry_url: str = "") -> subprocess.CompletedProcess[str]:
    """Run it in a folder that holds store, registry (unless another is named) and reports."""
    return subprocess.run(
        [sys.executable, "-m", "onenet", *arguments],
        env={
            **os.environ,
            "ONENET_STORE_URL": f"sqlite:///{home}/o.db",
            "ONENET_REGISTRY_URL": registry_url or f"sqlite:///{home}/r.db",
            "ONENET_REPORTS_DIR": str(home / "reports"),
            "COLUMNS": "500",
        },
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
