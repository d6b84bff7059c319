"""docker-compose.yml with compose.scale.yml over it, as docker-compose itself lays them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from onenet.init import VARIABLES
from tests.deploy.compose_file import FILE, SCALE, docker_compose


def merged(folder: Path) -> str:
    """Both files as one, filled in by the `.env` of the folder."""
    files = ["-f", FILE.name, "-f", SCALE.name]
    command = [docker_compose(), *files, "--profile", "demo", "--profile", "tools", "config"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def scale() -> dict[str, Any]:
    """Both files as one, with `${NAME:?}` again where a variable of `.env` was filled in."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(FILE, folder)
        shutil.copy(SCALE, folder)
        marks = {v.name: f"@@{v.name}@@" for v in VARIABLES} | dict.fromkeys(
            ("WEB_ADDRESS", "LOGGERS_ADDRESS"), "127.0.0.1"
        )
        env = "".join(f"{variable}={mark}\n" for variable, mark in marks.items())
        (folder / ".env").write_text(env, "utf-8")
        found: dict[str, Any] = yaml.safe_load(
            re.sub(r"@@(\w+)@@", r"${\1:?}", merged(folder).replace(f"{folder}/", "./"))
        )
    return found
