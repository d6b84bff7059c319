"""`onenet audit`: is the log whole, what does it say, take it away."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onenet.settings import Settings
from registry import audit, open_registry
from schemas import CITY_TIME

app = typer.Typer(help="The audit log: verify, list, export.", no_args_is_help=True)

PIPED_WIDTH = 160
out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)

_Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@app.command()
def verify(
    expect: Annotated[str, typer.Option(help="A head that was kept elsewhere, NUMBER:HASH.")] = "",
) -> None:
    """Hold every entry against its hash and the entry before; exit 1 when the log is broken."""
    registry = open_registry(Settings().registry_url)
    breaks = audit.verify(registry, expected=_head(expect) if expect else None)
    for found in breaks:
        out.print(f"[red]{found.kind}:[/red] {found.what}", highlight=False)
    head = audit.head(registry)
    out.print(f"{head.number} entries, {len(breaks)} breaks", highlight=False)
    out.print(f"head {head.number}:{head.hash}", highlight=False, soft_wrap=True)
    if breaks:
        raise typer.Exit(1)


@app.command("list")
def list_entries(
    who: Annotated[str, typer.Option(help="Part of who did it.")] = "",
    action: Annotated[str, typer.Option(help="One action, or a beginning: alert.*")] = "",
    subject: Annotated[str, typer.Option(help="Part of what it was done to.")] = "",
    since: _Day = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
) -> None:
    """List entries, the newest first."""
    registry = open_registry(Settings().registry_url)
    table = Table("#", "at", "who", "action", "subject", "before", "after", "why")
    found = audit.entries(
        registry, who=who, action=action, subject=subject, since=_city(since), limit=limit
    )
    for entry in found:
        table.add_row(
            str(entry.number),
            entry.at.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M:%S"),
            escape(entry.who),
            entry.action,
            escape(entry.subject),
            escape(_short(entry.before)),
            escape(_short(entry.after)),
            escape(entry.why),
        )
    out.print(table if table.row_count else "no entries")


@app.command()
def export(
    target: Annotated[Path, typer.Argument(help="A file of JSON lines.")],
    since: _Day = None,
) -> None:
    """Write entries as JSON lines, the newest first."""
    registry = open_registry(Settings().registry_url)
    written = 0
    with target.open("w", encoding="utf-8") as file:
        for entry in audit.entries(registry, since=_city(since), limit=None):
            file.write(json.dumps(audit.as_line(entry), ensure_ascii=False) + "\n")
            written += 1
    out.print(f"{written} entries: {escape(str(target))}", highlight=False)


def _head(text: str) -> audit.Head:
    number, _, digest = text.partition(":")
    if not number.isdigit() or len(digest) != 64:
        raise ValueError(f"--expect {text!r}: NUMBER:HASH as `onenet audit verify` has printed it")
    return audit.Head(int(number), digest)


def _city(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=CITY_TIME)


def _short(fields: dict[str, object] | None) -> str:
    return "" if fields is None else ", ".join(f"{key}={value}" for key, value in fields.items())
