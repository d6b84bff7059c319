"""A real PostgreSQL for tests, set up as in production by deploy/postgres/databases.sh."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onenet.init import read_env
from tests.brokers import free_port
from tests.deploy.compose_file import ROOT, installation

SCRIPT = ROOT / "deploy" / "postgres" / "databases.sh"
PASSWORDS = {
    "registry": "REGISTRY_DB_PASSWORD",
    "registry_ingest": "REGISTRY_INGEST_DB_PASSWORD",
    "registry_dags": "REGISTRY_DAGS_DB_PASSWORD",
    "registry_console": "REGISTRY_CONSOLE_DB_PASSWORD",
    "registry_grafana": "REGISTRY_GRAFANA_DB_PASSWORD",
    "registry_gate": "REGISTRY_GATE_DB_PASSWORD",
    "registry_gateway": "REGISTRY_GATEWAY_DB_PASSWORD",
    "airflow": "AIRFLOW_DB_PASSWORD",
}


def url(server: dict[str, str], role: str, database: str) -> str:
    password = server[PASSWORDS[role]]
    return f"postgresql://{role}:{password}@127.0.0.1:{server['PORT']}/{database}"


def _programs() -> Path | None:
    """Where initdb and pg_ctl are; Debian keeps them off the path."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    named = shutil.which("initdb")
    return max(found, default=Path(named).parent if named else None)


def available() -> bool:
    return _programs() is not None and shutil.which("psql") is not None


@contextmanager
def postgres(home: Path) -> Iterator[dict[str, str]]:
    """The values of `.env`, and where a PostgreSQL set up by the script listens: PORT, PGHOST."""
    programs = _programs()
    assert programs is not None, "ask available() first"
    made = read_env((installation(home) / ".env").read_text("utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, _user())
        data, port = f"{folder}/data", str(free_port())
        server = {**made, "PORT": port, "PGHOST": folder, "PGPORT": port, "PGDATA": data}
        initdb = [f"{programs}/initdb", "-D", data, "-U", "postgres", "--no-sync"]
        _run(server, *initdb, "--auth-local=trust", "--auth-host=scram-sha-256")
        _start(server)
        try:
            run_script(server)
            yield server
        finally:
            _stop(server)


@contextmanager
def away(server: dict[str, str]) -> Iterator[None]:
    """The server is not there for a while."""
    _stop(server)
    try:
        yield
    finally:
        _start(server)


def _start(server: dict[str, str]) -> None:
    folder = server["PGHOST"]
    listen = f"-p {server['PORT']} -k {folder} -c listen_addresses=127.0.0.1"
    # With a log, for else the server would hold our pipe open.
    _run(server, f"{_programs()}/pg_ctl", "-o", listen, "-l", f"{folder}/log", "-w", "start")


def _stop(server: dict[str, str]) -> None:
    _run(server, f"{_programs()}/pg_ctl", "-m", "immediate", "stop")


def run_script(server: dict[str, str]) -> None:
    """databases.sh, as the image runs it, with the passwords of `server`."""
    _run(server, "sh", "-c", SCRIPT.read_text("utf-8"))


def _user() -> str:
    """PostgreSQL does not run as root."""
    return "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def _run(server: dict[str, str], *command: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **server, "POSTGRES_USER": "postgres"},
        user=_user() if os.geteuid() == 0 else None,
        cwd=server["PGHOST"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
