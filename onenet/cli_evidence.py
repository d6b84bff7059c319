"""`onenet evidence`: frozen bundles, taken away as files, and held against their hashes.

`verify FILE` needs the file and nothing else: no registry, no store, no settings.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from alerts.evidence import (
    Verified,
    evidence,
    evidence_of,
    freeze,
    known,
    verify,
    verify_chain,
)
from onenet.settings import Settings
from registry import Registry, open_registry
from schemas import CITY_TIME

app = typer.Typer(help="Evidence of alerts: list, freeze, export, verify.", no_args_is_help=True)

PIPED_WIDTH = 200
out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


@app.command("list")
def list_bundles(
    alert: Annotated[int | None, typer.Option(help="Of this alert only.")] = None,
) -> None:
    """List frozen bundles, the oldest first."""
    table = Table("#", "alert", "frozen", "by", "bytes", "SHA-256 of the file")
    for one in evidence_of(_registry(), alert):
        table.add_row(
            str(one.id),
            str(one.alert),
            one.made.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M:%S"),
            escape(one.who),
            str(one.bytes),
            one.sha256,
        )
    out.print(table if table.row_count else "no evidence")


@app.command("freeze")
def freeze_alert(alert: Annotated[int, typer.Argument(help="Number of the alert.")]) -> None:
    """Freeze what is known of an alert now; bundles that there are stay as they are."""
    from alerts import NoSuchAlert
    from storage import open_store

    settings = Settings()
    store = open_store(settings.store_url, token=settings.store_token)
    try:
        made = freeze(
            alert, registry=_registry(), store=store, at=datetime.now(UTC), by="system:cli"
        )
    except NoSuchAlert as error:
        raise ValueError(str(error)) from None
    finally:
        store.close()
    out.print(f"evidence {made.id} of alert {alert}, {made.bytes} bytes", highlight=False)
    out.print(f"SHA-256 {made.sha256}", highlight=False, soft_wrap=True)


@app.command()
def export(
    number: Annotated[int, typer.Argument(help="Number of the bundle, as `list` shows it.")],
    output: Annotated[Path, typer.Option(help="The file to write.")],
) -> None:
    """Write a bundle to a file."""
    found, content = evidence(_registry(), number)
    output.write_bytes(content)
    out.print(f"{escape(str(output))}: {found.bytes} bytes", highlight=False, soft_wrap=True)
    out.print(f"SHA-256 {found.sha256}", highlight=False, soft_wrap=True)


@app.command("verify")
def verify_file(
    file: Annotated[Path | None, typer.Argument(help="A bundle that was exported.")] = None,
    against: Annotated[
        str, typer.Option(help="`registry`: it must be one that this registry has frozen.")
    ] = "",
    chain: Annotated[bool, typer.Option("--chain", help="Verify all that is kept.")] = False,
) -> None:
    """Hold a bundle, or the registry's chain of them, against its hashes; exit 1 for any fault."""
    if against not in ("", "registry"):
        raise ValueError(f"--against {against!r}: `registry` is all that there is")
    if file is None and not chain:
        raise ValueError("nothing to verify: give a FILE, or --chain")
    sound = True
    if file is not None:
        verified = verify(file.read_bytes())
        sound = _tell(verified)
        if against:
            sound = _held_against(_registry(), verified) and sound
    if chain:
        sound = _chain(_registry()) and sound
    if not sound:
        raise typer.Exit(1)


def _tell(verified: Verified) -> bool:
    for fault in verified.faults:
        _bad(fault.part, f"{fault.kind}; expected {fault.expected}, found {fault.found}")
    manifest = verified.manifest
    if manifest:
        for gap in manifest["missing"]:
            out.print(f"stated as missing: {escape(gap['part'])}: {escape(gap['en'])}")
        out.print(
            escape(
                f"alert {manifest['alert']}, frozen {manifest['made']} by {manifest['by']}, "
                f"{len(manifest['parts'])} parts, {len(verified.faults)} faults"
            ),
            highlight=False,
        )
    out.print(f"SHA-256 {verified.sha256}", highlight=False, soft_wrap=True)
    if not verified.faults:
        out.print("[green]whole[/green]: no byte differs from what the manifest says")
    return not verified.faults


def _held_against(registry: Registry, verified: Verified) -> bool:
    found = known(registry, verified.sha256)
    if found is not None:
        out.print(f"[green]known[/green]: evidence {found.id} of this registry", highlight=False)
        return True
    alert = verified.manifest.get("alert")
    others = evidence_of(registry, alert) if isinstance(alert, int) else []
    told = ", ".join(f"{one.id}: SHA-256 {one.sha256}" for one in others) or "none"
    _bad(
        "unknown",
        f"this registry has frozen no file of SHA-256 {verified.sha256}; expected one of: {told}",
    )
    return False


def _chain(registry: Registry) -> bool:
    breaks = list(verify_chain(registry))
    for found in breaks:
        _bad(found.kind, found.what)
    bundles = evidence_of(registry)
    out.print(f"{len(bundles)} bundles, {len(breaks)} breaks", highlight=False)
    if bundles:
        out.print(f"newest SHA-256 {bundles[-1].sha256}", highlight=False, soft_wrap=True)
    return not breaks


def _bad(kind: str, what: str) -> None:
    out.print(f"[red]{kind}:[/red] {escape(what)}", highlight=False, soft_wrap=True)


def _registry() -> Registry:
    return open_registry(Settings().registry_url)
