"""`onenet dashboards`: Grafana's boards and alert rules, as files or into a running Grafana."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from onenet.settings import Settings

if TYPE_CHECKING:
    from dashboards import Addresses, Change, City

app = typer.Typer(help="Grafana boards and alert rules as code.", no_args_is_help=True)
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

MOST_PATHS = 5
DIFFERENT, TROUBLE = 1, 2  # as `diff` ends

_ConsoleUrl = Annotated[
    str,
    typer.Option(
        "--console", envvar="ONENET_CONSOLE_URL", help="The console, as a browser reaches it."
    ),
]
_Url = Annotated[str, typer.Option(envvar="GRAFANA_URL", help="e.g. http://localhost:3000")]
_Token = Annotated[str, typer.Option(envvar="GRAFANA_TOKEN", help="Service account token.")]
_Email = Annotated[
    str, typer.Option(envvar="GRAFANA_ALERT_EMAIL", help="Grafana mails there; with semicolons.")
]
_Webhook = Annotated[
    str, typer.Option(envvar="GRAFANA_ALERT_WEBHOOK", help="Grafana posts there what is critical.")
]
_AlertToken = Annotated[
    str, typer.Option(envvar="GRAFANA_ALERT_TOKEN", help="Goes with it as a bearer token.")
]
CONSOLE = "http://localhost:8000"


@app.command()
def export(
    folder: Annotated[
        Path, typer.Argument(help="Gets dashboards/ and provisioning/alerting/.")
    ] = Path("deploy/grafana"),
    from_registry: Annotated[
        bool, typer.Option("--from-registry", help="Of the registry's city, not the demo's.")
    ] = False,
    console: _ConsoleUrl = CONSOLE,
) -> None:
    """Write boards, alert rules, contact points and policy as files that Grafana reads."""
    import dashboards

    city = _city(console) if from_registry else dashboards.City.demo(console)
    for path in dashboards.export(folder, city):
        out.print(f"wrote {path}", markup=False)


@app.command()
def push(
    url: _Url,
    token: _Token,
    email: _Email = "",
    webhook: _Webhook = "",
    alert_token: _AlertToken = "",
    console: _ConsoleUrl = CONSOLE,
    force: Annotated[
        bool,
        typer.Option("--force", help="Overwrite what was changed by hand, and hidden secrets."),
    ] = False,
) -> None:
    """Push boards and alert rules of the registry's city to a running Grafana.

    Again changes nothing. What somebody changed by hand is left alone; the exit code is then 1.
    """
    import dashboards

    to = _addresses(email, webhook, alert_token)
    pushed = dashboards.push(url, token, _city(console), to, force=force)
    for one in pushed:
        if one.left_alone:
            err.print(
                f"left alone {_name(one.change)}: changed by hand ({one.change.who}); see "
                "`onenet dashboards diff`, overwrite with --force",
                markup=False,
            )
        else:
            out.print(f"{'pushed' if one.done else 'unchanged'} {_name(one.change)}", markup=False)
    done = sum(one.done for one in pushed)
    out.print(f"{done} of {len(pushed)} changed" if done else "nothing changed")
    if any(one.left_alone for one in pushed):
        raise typer.Exit(DIFFERENT)


@app.command()
def diff(
    url: _Url,
    token: _Token,
    email: _Email = "",
    webhook: _Webhook = "",
    alert_token: _AlertToken = "",
    console: _ConsoleUrl = CONSOLE,
) -> None:
    """Show what a push would change, and write nothing.

    The exit code is 0 where nothing differs, 1 where something does, 2 where it cannot be told.
    """
    import dashboards

    try:
        to = _addresses(email, webhook, alert_token)
        differing = dashboards.diff(url, token, _city(console), to)
    except (OSError, ValueError) as error:
        err.print(f"error: {error}", markup=False)
        raise typer.Exit(TROUBLE) from error
    for change in differing:
        remark = f" ({change.who})" if change.who else ""
        out.print(f"{change.state} {_name(change)}{remark}", markup=False)
        for path in change.where[:MOST_PATHS]:
            out.print(f"  {path}", markup=False)
        if len(change.where) > MOST_PATHS:
            out.print(f"  and {len(change.where) - MOST_PATHS} more")
    if differing:
        raise typer.Exit(DIFFERENT)
    out.print("no difference")


def _name(change: Change) -> str:
    return f"{change.kind} {change.name}"


def _city(console: str) -> City:
    import dashboards
    from registry import open_registry

    return dashboards.City.of(open_registry(Settings().registry_url), console)


def _addresses(email: str, webhook: str, token: str) -> Addresses | None:
    """Whom Grafana is to tell; said where nobody is named."""
    import dashboards

    to = dashboards.Addresses.given(email, webhook, token)
    if to is None:
        err.print(
            "left out contact points and policy: set GRAFANA_ALERT_EMAIL, GRAFANA_ALERT_WEBHOOK "
            "and GRAFANA_ALERT_TOKEN",
            markup=False,
        )
    return to
