"""The compose files and the Dockerfile as data, and an installation to try them in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from onenet.init import init
from tests.parts import need

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
SCALE = ROOT / "compose.scale.yml"
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


def docker_compose() -> str:
    found = shutil.which("docker-compose")
    need("docker-compose", found is not None)
    assert found
    return found


def specification() -> jsonschema.Draft201909Validator:
    """The compose specification's schema, as docker-compose brings it."""
    interpreter = Path(docker_compose()).read_text("utf-8").splitlines()[0].removeprefix("#!")
    where = "import compose.config as c; print(c.__path__[0])"
    package = subprocess.check_output([*interpreter.split(), "-c", where], text=True).strip()
    schema = json.loads((Path(package) / "compose_spec.json").read_text("utf-8"))
    return jsonschema.Draft201909Validator(schema)


SECRET_NAME = re.compile(r"(PASSWORD|TOKEN|SECRET|SECRET_KEY|FERNET_KEY|COOKIE|AUTHORIZATION)$")
ONE_VARIABLE = r"\$\{[A-Z_]+:?\?[^}]*\}"  # that of an optional server may be empty


def written_passwords(service: Service) -> list[str]:
    """Where a service has a password in plain words, or shows one on a command line."""
    found = []
    for key, value in environment(service).items():
        secret = re.match(r"[a-z+]+://[^:/]*:(.*)@", value)
        if secret and not re.fullmatch(ONE_VARIABLE, secret[1]):
            found.append(key)
        if SECRET_NAME.search(key) and not re.fullmatch(f"(Bearer )?({ONE_VARIABLE})|", value):
            found.append(key)
    # On a command line every user of the machine could read it.
    shown = variables(" ".join(words(service)) + json.dumps(service.get("healthcheck", {})))
    return [*found, *shown]


def variables(text: str) -> dict[str, str]:
    """`${NAME…}` of a text: name and what follows it; `$$` stands for a dollar sign."""
    return dict(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)([^}]*)\}", text))


def installation(folder: Path) -> Path:
    """A folder as on a server: the file and what `onenet init` makes."""
    shutil.copy(FILE, folder)
    shutil.copy(SCALE, folder)
    init(folder)
    return folder


def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile, continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], " ".join(line.split()[1:])) for line in lines]


def said(instruction: str) -> list[str]:
    return [what for name, what in dockerfile() if name == instruction]
