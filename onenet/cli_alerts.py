"""`onenet alerts`: the service that delivers, how channels fare, and the duty roster."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onenet.cli_alert_rules import app as rules
from onenet.cli_people import me
from onenet.services import run_until_told
from onenet.settings import Settings
from registry import Registry, open_registry
from schemas import CITY_TIME, SystemClock

app = typer.Typer(help="Delivery of alerts, and who is on duty.", no_args_is_help=True)
duty = typer.Typer(help="The duty roster.", no_args_is_help=True)
app.add_typer(duty, name="duty")
app.add_typer(rules, name="rules")

PIPED_WIDTH = 160
out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


@app.command()
def deliver(
    heartbeat: Annotated[
        Path | None, typer.Option(help="A file that is touched each second while it works.")
    ] = None,
) -> None:
    """Deliver messages about alerts until SIGTERM; what is being sent then is sent."""
    from alerts import Deliverer, channels_from_environment, router_from_environment, sheets
    from onenet.cli import log_to_stderr
    from storage import open_store

    settings = Settings()
    log_to_stderr(settings.log_json)
    registry = _registry()
    store = open_store(settings.store_url, token=settings.store_token)
    sheet = sheets(registry, store, settings.console_url, SystemClock())
    service = Deliverer(
        registry,
        channels_from_environment(sheet),
        router_from_environment(),
        SystemClock(),
        heartbeat=heartbeat,
    )
    try:
        run_until_told(service)
    finally:
        store.close()
        registry.close()


@app.command()
def channels() -> None:
    """Show how the channels of delivery fare, and what still waits for each."""
    from alerts import channel_healths, waiting

    registry = _registry()
    left = waiting(registry)
    table = Table("channel", "state", "worked", "failed", "waiting", "error")
    healths = channel_healths(registry)
    for name in sorted({*healths, *left}):
        known = healths.get(name)
        state = "not used yet" if known is None else "down" if known.down else "works"
        table.add_row(
            name,
            state,
            _shown(known.worked if known else None),
            _shown(known.failed if known else None),
            str(left.get(name, 0)),
            escape(known.last_error if known else ""),
        )
    out.print(table if table.row_count else "no channel was used yet")


@duty.command("list")
def list_duties() -> None:
    """List the roster."""
    from registry.duty import duties

    table = Table("no.", "route", "area", "medium", "person", "channels", "from", "until")
    for entry in duties(_registry()):
        table.add_row(
            str(entry.id),
            entry.route,
            entry.area,
            entry.medium or "all",
            escape(entry.person),
            " → ".join(entry.channels),
            _shown(entry.since),
            _shown(entry.until),
        )
    out.print(table if table.row_count else "nobody; `onenet alerts duty add`")


@duty.command("add")
def add(
    person: Annotated[str, typer.Argument(help="The name that colleagues know.")],
    area: Annotated[str, typer.Option(help="city, a district's or a subdistrict's id.")],
    channel: Annotated[
        list[str],
        typer.Option(help="email=li.na@example.org, wecom=13800000000, webhook; in their order."),
    ],
    route: Annotated[
        str, typer.Option(help="enforcement, technician or operator.")
    ] = "enforcement",
    medium: Annotated[str, typer.Option(help="Only noise, air, water or soil.")] = "",
    since: Annotated[str, typer.Option(help="2026-11-24 or 2026-11-24T08:00, city time.")] = "",
    until: Annotated[str, typer.Option(help="The same; else open.")] = "",
    why: Annotated[str, typer.Option(help="For the audit log.")] = "",
) -> None:
    """Put somebody on the roster."""
    from alerts import add_to_roster
    from registry.duty import Duty

    pairs = [entry.partition("=") for entry in channel]
    entry = Duty(
        route=route,
        area=area,
        person=person,
        channels=tuple(name for name, _, _ in pairs),
        address={name: address for name, _, address in pairs if address},
        medium=medium or None,
        since=_moment("since", since),
        until=_moment("until", until),
    )
    number = add_to_roster(_registry(), entry, at=SystemClock().now(), who=me(), why=why)
    out.print(f"entry {number}: {person} is on duty for {area}", markup=False)


@duty.command("remove")
def remove(
    number: Annotated[int, typer.Argument(help="Its number, see `onenet alerts duty list`.")],
    why: Annotated[str, typer.Option(help="For the audit log.")] = "",
) -> None:
    """Take an entry off the roster."""
    from registry.duty import remove_duty

    was = remove_duty(_registry(), number, at=SystemClock().now(), who=me(), why=why)
    if was is None:
        raise ValueError(f"there is no entry {number}; see `onenet alerts duty list`")
    out.print(f"{was.person} is off duty for {was.area}", markup=False)


def _registry() -> Registry:
    return open_registry(Settings().registry_url)


def _moment(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{name} {text!r} is no date or time; write 2026-11-24 or 2026-11-24T08:00"
        ) from None
    return given if given.tzinfo else given.replace(tzinfo=CITY_TIME)


def _shown(moment: datetime | None) -> str:
    return moment.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M:%S") if moment else ""
