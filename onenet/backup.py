"""Backups of the databases, taken while everything runs, and their way back.

SQLite files are copied by SQLite itself, as they are at one moment, whoever writes meanwhile; a
registry on PostgreSQL by `pg_dump`. InfluxDB has its own commands: docs/deployment.md. The store is
taken first: what it counts as refused is then in the registry's copy, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, make_url

MANIFEST = "backup.json"
FORMAT = 1


class BackupTrouble(Exception):
    """Told to whoever runs the command: what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One file of a backup. kind: sqlite or postgresql."""

    name: str
    kind: str
    file: str
    sha256: str
    bytes: int


def back_up(databases: dict[str, str], folder: Path) -> list[Copy]:
    """Copy databases (name → URL), in their order, into a new folder. Raises BackupTrouble."""
    if folder.exists() and any(folder.iterdir()):
        raise BackupTrouble(f"{folder} is not empty; name a new folder")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    copies = [_copy(name, make_url(url), folder) for name, url in databases.items()]
    made = {"format": FORMAT, "made": datetime.now(UTC).isoformat()}
    whole = {**made, "copies": [asdict(copy) for copy in copies]}
    # Last: a folder without it was cut off.
    (folder / MANIFEST).write_text(json.dumps(whole, indent=1), "utf-8")
    return copies


def restore(databases: dict[str, str], folder: Path) -> list[Copy]:
    """Bring copies back into databases that are not there yet, or empty. Raises BackupTrouble."""
    copies = check(folder)
    for copy in copies:
        if copy.name not in databases:
            raise BackupTrouble(f"{copy.name}: no setting says where it goes")
        _put_back(copy, make_url(databases[copy.name]), folder / copy.file)
    return copies


def check(folder: Path) -> list[Copy]:
    """Every file of a backup is there, as it was made. Raises BackupTrouble."""
    try:
        whole = json.loads((folder / MANIFEST).read_text("utf-8"))
        copies = [Copy(**entry) for entry in whole["copies"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise BackupTrouble(f"{folder}: no whole backup ({MANIFEST} cannot be read)") from None
    for copy in copies:
        path = folder / copy.file
        if not path.is_file() or _digest(path) != copy.sha256:
            raise BackupTrouble(f"{path} is missing or was changed; take another backup")
    return copies


def _copy(name: str, url: URL, folder: Path) -> Copy:
    kind = url.get_backend_name()
    if kind == "sqlite":
        target = folder / f"{name}.db"
        _copy_sqlite(Path(url.database or ""), target)
    elif kind == "postgresql":
        target = folder / f"{name}.dump"
        _run(url, "pg_dump", "--format=custom", f"--file={target}")
    else:
        raise BackupTrouble(f"{name}: {kind} is backed up by its own commands: docs/deployment.md")
    target.chmod(0o600)
    return Copy(name, kind, target.name, _digest(target), target.stat().st_size)


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.is_file():
        raise BackupTrouble(f"{source} is not there; look at the settings")
    with closing(sqlite3.connect(source, timeout=30)) as db, closing(sqlite3.connect(target)) as to:
        db.backup(to)  # in one step, so of one moment
        to.execute("PRAGMA journal_mode=DELETE")  # one file, without another beside it
        (found,) = to.execute("PRAGMA integrity_check").fetchone()
    if found != "ok":
        raise BackupTrouble(f"{source} is damaged: {found}")


def _put_back(copy: Copy, url: URL, source: Path) -> None:
    if url.get_backend_name() != copy.kind:
        raise BackupTrouble(
            f"{copy.name}: the copy is of {copy.kind}, the setting names {url.get_backend_name()}"
        )
    if copy.kind == "postgresql":
        # All or nothing; into what has tables already it fails and changes nothing.
        how = ("--no-owner", "--exit-on-error", "--single-transaction")
        _run(url, "pg_restore", *how, f"--dbname={url.database}", str(source))
        return
    target = Path(url.database or "")
    if target.exists():
        raise BackupTrouble(f"{target} is there; stop everything, move it away, and try again")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _run(url: URL, program: str, *arguments: str) -> None:
    """A program of PostgreSQL; the password travels by its environment, never by argument."""
    if shutil.which(program) is None:
        raise BackupTrouble(f"{program} is not on this machine; install PostgreSQL's client")
    told = {
        "PGHOST": url.host or "",
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username or "",
        "PGPASSWORD": url.password or "",
        "PGDATABASE": url.database or "",
    }
    done = subprocess.run(
        [program, "--no-password", *arguments],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BackupTrouble(f"{program}: {done.stderr.strip()[-500:]}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
