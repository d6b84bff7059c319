"""`onenet alerts rules`: what the rules are, whether a file can be used, what it would raise."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from alerts import BadRule, rules_ever
from alerts.dry_run import Found, dry_run
from alerts.rule_edit import as_text, limits_now, read_text, versions
from onenet.settings import Settings
from registry import Registry, open_registry
from schemas import CITY_TIME, SystemClock
from schemas.alerts import Rule
from storage import open_store

app = typer.Typer(help="Rules of alerts: list, show, check, try.", no_args_is_help=True)

PIPED_WIDTH = 160
out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
_File = Annotated[Path, typer.Argument(help="YAML or JSON: a rule, or a list of rules.")]


@app.command("list")
def list_rules() -> None:
    """List every rule with where its limit comes from."""
    registry = open_registry(Settings().registry_url)
    table = Table("id", "grade", "kind", "parameter", "window", "limit", "state")
    for rule in rules_ever(registry).values():
        source = rule.limit
        limit = source.standard or ("permit" if source.permit else f"{source.value:g}")
        state = "in force" if rule.enabled else "off"
        table.add_row(rule.id, rule.severity, rule.kind, rule.parameter, rule.window, limit, state)
    out.print(table)


@app.command()
def show(rule_id: str) -> None:
    """Show one rule: its text, its limits today, its versions."""
    registry = open_registry(Settings().registry_url)
    rule = rules_ever(registry).get(rule_id)
    if rule is None:
        raise ValueError(f"there is no rule {rule_id!r}; see `onenet alerts rules list`")
    out.print(escape(as_text(rule)), highlight=False)
    today = SystemClock().now().astimezone(CITY_TIME).date()
    for held in limits_now(registry, rule, today):
        where = " ".join(filter(None, (held.zone, held.part))) or "everywhere"
        out.print(f"limit {held.value:g}: {where}, {held.places} stations; {escape(held.clause)}")
    for version in versions(registry, rule_id):
        when = version.at.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M") if version.at else ""
        named = f"version {version.number}" if version.number else "as shipped"
        out.print(escape(f"{named} {when} {version.who} {version.why}".rstrip()))


@app.command()
def check(file: _File) -> None:
    """Check a file of rules; exit 1 when one cannot be used."""
    registry = open_registry(Settings().registry_url)
    found = list(_rules(registry, file))
    out.print(f"{len(found)} rules can be used: {', '.join(rule.id for rule in found)}")


@app.command("dry-run")
def try_rules(file: _File, days: Annotated[int, typer.Option(min=1, max=60)] = 7) -> None:
    """Show what the rules of a file would have raised, beside those of now; nothing is written."""
    settings = Settings()
    registry = open_registry(settings.registry_url)
    store = open_store(settings.store_url, token=settings.store_token)
    there, now = rules_ever(registry), SystemClock().now()
    for rule in _rules(registry, file):
        back = timedelta(days=days)
        trial = dry_run(
            rule, there.get(rule.id), store=store, registry=registry, now=now, back=back
        )
        old = "new rule" if trial.old is None else f"as it is {len(trial.old)}"
        counts = f"{len(trial.added)} added, {len(trial.gone)} gone"
        out.print(f"{rule.id}: {old}, as edited {len(trial.new)}; {counts}", highlight=False)
        for mark, found in (("+", trial.added), ("-", trial.gone)):
            for one in found:
                out.print(f"  {mark} {_told(one)}", highlight=False)
    store.close()


def _rules(registry: Registry, file: Path) -> list[Rule]:
    """Raises ValueError, as the command line shows it."""
    try:
        loaded = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{file}: {error}") from None
    entries = loaded if isinstance(loaded, list) else [loaded]
    try:
        return [read_text(registry, yaml.safe_dump(entry)) for entry in entries]
    except BadRule as error:
        raise ValueError(f"{file}: {error}") from None


def _told(found: Found) -> str:
    breach = found.breach
    since = breach.start.astimezone(CITY_TIME).strftime("%m-%d %H:%M")
    until = breach.end.astimezone(CITY_TIME).strftime("%m-%d %H:%M") if breach.end else "now"
    limit = f"{breach.peak:g} against {breach.limit:g}"
    return f"{breach.severity} {breach.subject} {since} to {until}: {limit}"
