"""`onenet people`: accounts without the console, and the first of them."""

from __future__ import annotations

import base64
import getpass
import os
import sys
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onenet.settings import Settings
from registry import Registry, new_passwords, open_registry, passwords, people, tokens
from schemas import CITY_TIME, SystemClock

app = typer.Typer(help="People's accounts and API tokens.", no_args_is_help=True)

PIPED_WIDTH = 160
out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)

_Id = Annotated[str, typer.Argument(help="The login name.")]


@app.command()
def add(
    person_id: _Id,
    role: Annotated[
        list[str],
        typer.Option(help="technician, operator, enforcement, administrator or auditor."),
    ],
    name: Annotated[str, typer.Option(help="As colleagues know it; else the login name.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="city, district:<id>, subdistrict:<id>, enterprise:<id>; else city."),
    ] = None,
) -> None:
    """Make an account; its password is generated, printed once, and changed at the first log-in."""
    registry = _registry()
    person = people.person_of_input(person_id, name or person_id, role, scope or ["city"])
    made = passwords.generate()
    people.add(registry, person, at=_now(), who=me(), password=made, must_change=True)
    _tell(person_id, made)


@app.command("list")
def list_people() -> None:
    """List accounts."""
    table = Table("login name", "name", "roles", "scopes", "state", "second factor", "since")
    for account in people.people(_registry()):
        state = "disabled" if account.disabled else "active"
        table.add_row(
            account.person.id,
            escape(account.person.name),
            ", ".join(account.person.roles),
            ", ".join(account.person.scopes),
            "has to change the password" if account.must_change and state == "active" else state,
            "on" if account.second_factor else "off",
            account.created.astimezone(CITY_TIME).strftime("%Y-%m-%d"),
        )
    out.print(table if table.row_count else "no accounts; `onenet people add`")


@app.command()
def disable(
    person_id: _Id, why: Annotated[str, typer.Option(help="For the audit log.")] = ""
) -> None:
    """Let nobody in by an account any more; its sessions end and its tokens are revoked."""
    registry = _registry()
    _known(registry, person_id)
    people.disable(registry, person_id, at=_now(), who=me(), why=why)
    out.print(f"{person_id} is disabled")


@app.command()
def enable(
    person_id: _Id, why: Annotated[str, typer.Option(help="For the audit log.")] = ""
) -> None:
    """Let somebody in again."""
    registry = _registry()
    _known(registry, person_id)
    people.enable(registry, person_id, at=_now(), who=me(), why=why)
    out.print(f"{person_id} is enabled")


@app.command()
def reset(
    person_id: _Id,
    second_factor: Annotated[bool, typer.Option(help="Take the second factor off, too.")] = False,
) -> None:
    """Give a new password, printed once; sessions end and tokens are revoked."""
    registry = _registry()
    _known(registry, person_id)
    made = new_passwords.reset(
        registry, person_id, at=_now(), who=me(), second_factor=second_factor
    )
    _tell(person_id, made)


@app.command()
def token(
    person_id: _Id,
    name: Annotated[str, typer.Option(help="What it is for.")],
    may: Annotated[list[str] | None, typer.Option(help="alert.read, alert.*, *.read, *")] = None,
    days: Annotated[int, typer.Option(help="Valid for so many days.")] = 90,
) -> None:
    """Make an API token, printed once; without --may it may only read."""
    registry = _registry()
    _known(registry, person_id)
    made = tokens.make(
        registry, person_id, name=name, actions=may or ["*.read"], days=days, at=_now(), who=me()
    )
    out.print(made, highlight=False, soft_wrap=True)


@app.command("tokens")
def list_tokens(
    person_id: _Id,
    revoke: Annotated[str, typer.Option(help="Revoke the token of this id.")] = "",
) -> None:
    """List somebody's API tokens, or revoke one."""
    registry = _registry()
    _known(registry, person_id)
    if revoke:
        if not tokens.revoke(registry, person_id, revoke, at=_now(), who=me()):
            raise ValueError(f"{person_id} has no valid token {revoke!r}; see without --revoke")
        out.print(f"{revoke} is revoked")
        return
    table = Table("id", "for", "may", "state", "until", "last used")
    for found in tokens.tokens_of(registry, person_id):
        table.add_row(
            found.id,
            escape(found.name),
            " ".join(found.actions),
            found.state(_now()),
            found.expires.astimezone(CITY_TIME).strftime("%Y-%m-%d"),
            found.last_used.astimezone(CITY_TIME).strftime("%Y-%m-%d") if found.last_used else "",
        )
    out.print(table if table.row_count else "no tokens")


@app.command()
def first() -> None:
    """Make the first administrator where there is no account yet.

    With the password that `onenet init` printed, if ONENET_ADMINISTRATOR has its hash; else with a
    new one, printed once.
    """
    registry, given = _registry(), Settings().administrator
    made = "" if given else passwords.generate()
    hashed = hash_of(given) if given else passwords.hash_password(made)
    if not people.first_administrator(registry, at=_now(), hashed=hashed, who=me()):
        out.print("there are accounts already")
    elif made:
        _tell(people.FIRST_ADMINISTRATOR, made)
    else:
        out.print(f"made {people.FIRST_ADMINISTRATOR}; `onenet init` printed the password")


def text_of(hashed: str) -> str:
    """A hash as a line of an env file takes it, where $ means something."""
    return base64.urlsafe_b64encode(hashed.encode()).decode("ascii")


def hash_of(text: str) -> str:
    """The other way round. Raises ValueError that names the setting."""
    try:
        hashed = base64.urlsafe_b64decode(text.encode()).decode("ascii")
    except ValueError:
        hashed = ""
    if not hashed.startswith("$argon2id$"):
        raise ValueError(
            "setting administrator (ONENET_ADMINISTRATOR): no hash of `onenet init`; leave it "
            "empty, and a password is made and printed"
        )
    return hashed


def _registry() -> Registry:
    return open_registry(Settings().registry_url)


def _known(registry: Registry, person_id: str) -> None:
    if people.find(registry, person_id) is None:
        raise ValueError(f"account {person_id!r} does not exist; see `onenet people list`")


def _now() -> datetime:
    return SystemClock().now()


def me() -> str:
    """Who runs this command, as the audit log says it."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"cli:{os.getuid()}"


def _tell(person_id: str, password: str) -> None:
    out.print(f"{person_id}: {password}", markup=False, highlight=False, soft_wrap=True)
    out.print("printed only now; it is changed at the first log-in")
