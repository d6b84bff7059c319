"""The environment of our Airflow: one function, so that demo, tests and production agree."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

BUSY_S = 60  # five processes share one SQLite file; with the usual 5 s a backfill ends in 'locked'


def airflow_environment(home: Path, *, dags: Path, port: int, demo: bool = False) -> dict[str, str]:
    """Variables for an Airflow on SQLite in `home`, its API on 127.0.0.1:`port`.

    demo: DAGs start unpaused and whoever reaches the loopback port is administrator.
    """
    home.mkdir(parents=True, exist_ok=True)
    database = home / "airflow.db"
    _share(database)
    (home / "config").mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("airflow_local_settings.py"), home / "config")
    programs = Path(sys.executable).parent
    environment = {
        # `airflow standalone` starts its parts by the name `airflow`.
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # It forks this many workers; two cores, and a task is about a second.
        "AIRFLOW__CORE__PARALLELISM": "2",
        # With another port than 8080 every task fails unless this names it.
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        # A task that begins before the API listens asks again for a minute, not a dozen seconds.
        "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "12",
        "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "10",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database}?timeout={BUSY_S}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API_AUTH__JWT_SECRET": _kept_secret(home / "jwt_secret"),
        "AIRFLOW__API__SECRET_KEY": _kept_secret(home / "api_secret"),
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }
    if demo:
        environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] = "True"
        environment["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] = "False"
    return environment


def _share(database: Path) -> None:
    """Let Airflow's processes read while one of them writes; the mode stays with the file."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA journal_mode=WAL")


def _kept_secret(path: Path) -> str:
    """64 random bytes, made once and readable by us alone."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(64), "ascii")
    return path.read_text("ascii")
