"""`onenet backup take | check | restore`: the databases of an installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from onenet.backup import BackupTrouble, Copy, back_up, check, restore
from onenet.settings import Settings

app = typer.Typer(help="Copies of the databases, taken while they are used.", no_args_is_help=True)
out = Console(width=160)
err = Console(stderr=True)
Folder = Annotated[Path, typer.Argument(help="Of one backup.")]


@app.command("take")
def take(folder: Folder, registry_only: bool = False) -> None:
    """Copy store and registry into a new folder; nothing has to stop for it."""
    with _told():
        _show(back_up(_databases(registry_only), folder))


@app.command("check")
def checked(folder: Folder) -> None:
    """See whether a backup is whole and unchanged."""
    with _told():
        _show(check(folder))


@app.command("restore")
def brought_back(folder: Folder) -> None:
    """Bring a backup back, into databases that are not there yet or are empty.

    Then the registry is migrated, and the chain of the audit log is looked through.
    """
    from registry import audit, migrate, open_registry

    with _told():
        _show(restore(_databases(), folder))
        url = Settings.read().registry_url
        migrate(url)
        registry = open_registry(url)
        breaks = audit.verify(registry)
        registry.close()
        if breaks:
            raise BackupTrouble(f"the audit log is broken in {len(breaks)} places: `onenet audit`")
        out.print("the audit log is whole")


@contextmanager
def _told() -> Iterator[None]:
    """Trouble becomes a line and exit 1, never a traceback."""
    try:
        yield
    except (BackupTrouble, ValueError) as error:
        err.print(str(error), markup=False)
        raise typer.Exit(1) from None


def _databases(registry_only: bool = False) -> dict[str, str]:
    settings = Settings.read()
    store = {} if registry_only else {"store": settings.store_url}
    return {**store, "registry": settings.registry_url}


def _show(copies: list[Copy]) -> None:
    for copy in copies:
        out.print(f"{copy.name}: {copy.file}, {copy.bytes} bytes, sha256 {copy.sha256}")
