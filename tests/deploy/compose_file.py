"""docker-compose.yml and Dockerfile as data, and an installation to try them in."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from onenet.init import init

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
OURS = "one-network:local"

Service = dict[str, Any]


@cache
def compose() -> dict[str, Any]:
    """The file as written, anchors resolved, variables not."""
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return loaded


def services() -> dict[str, Service]:
    found: dict[str, Service] = compose()["services"]
    return found


def servers() -> dict[str, Service]:
    """The services that run on; the others do one thing and end."""
    return {name: one for name, one in services().items() if one["restart"] != "no"}


def environment(service: Service) -> dict[str, str]:
    return dict(service.get("environment", {}))


def words(service: Service) -> list[str]:
    """Everything that the container is started with."""
    return [*service.get("entrypoint", []), *service.get("command", [])]


def variables(text: str) -> dict[str, str]:
    """`${NAME…}` of a text: name and what follows it; `$$` stands for a dollar sign."""
    return dict(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)([^}]*)\}", text))


def installation(folder: Path) -> Path:
    """A folder as on a server: the file and what `onenet init` makes."""
    shutil.copy(FILE, folder)
    init(folder)
    return folder


def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile, continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], " ".join(line.split()[1:])) for line in lines]


def said(instruction: str) -> list[str]:
    return [what for name, what in dockerfile() if name == instruction]
