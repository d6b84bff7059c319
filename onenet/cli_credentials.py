"""Credentials of sensors (`onenet sensors provision …`) and the broker's list of them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from drawing.cells import as_csv
from onenet.cli_sensors import LATER, by_hand, out, sensors
from onenet.services import run_until_told
from onenet.settings import SHORTEST_KEY, Settings
from schemas import SystemClock

broker = typer.Typer(help="Sensors' accounts at the broker.", no_args_is_help=True)


@sensors.command("provision")
def provision(
    ids: Annotated[list[str] | None, typer.Argument(help="Sensors; or --missing.")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="All that have none.")] = False,
    overlap_h: Annotated[float, typer.Option(min=0, help="The old ones go on for so long.")] = 24,
    target: Annotated[
        Path | None, typer.Option("--output", help="Write them as CSV, mode 0600, not here.")
    ] = None,
) -> None:
    """Give sensors new credentials. This is the only time that the passwords are seen."""
    from registry import open_registry
    from registry.credentials import issue, without_credentials
    from registry.provisioner import accounts_of

    registry, now = open_registry(Settings().registry_url), datetime.now(UTC)
    chosen = without_credentials(registry) if missing else (ids or [])
    if not chosen:
        raise ValueError("name sensors, or say --missing: who is to get credentials?")
    made = issue(
        registry,
        accounts_of(),
        [str(name) for name in chosen],
        by=by_hand(),
        at=now,
        overlap=timedelta(hours=overlap_h),
    )
    if target is None:
        for one in made:
            out.print(f"{one.sensor}  user {one.username}  password {one.password}", markup=False)
        return
    rows = ((one.sensor, one.medium, one.username, one.password, one.topic) for one in made)
    text = as_csv(("sensor", "medium", "username", "password", "topic"), rows)
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    out.print(f"{len(made)} credentials: {target}", markup=False)


@sensors.command("revoke")
def revoke_credentials(
    sensor_id: Annotated[str, typer.Argument(help="Its id.")],
    why: Annotated[str, typer.Option(help="For the history.")],
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Only until `onenet sensors release`.")
    ] = False,
) -> None:
    """End a sensor's credentials and cut its connection."""
    from registry import open_registry
    from registry.credentials import revoke, suspend
    from registry.provisioner import accounts_of

    registry, now = open_registry(Settings().registry_url), datetime.now(UTC)
    step = suspend if quarantine else revoke
    cut = step(registry, accounts_of(), sensor_id, by=by_hand(), at=now, why=why)
    done = "quarantined" if quarantine else "revoked"
    out.print(f"{done} {sensor_id}" + ("" if cut else "; " + LATER))


@sensors.command("release")
def release(sensor_id: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """Let a quarantined sensor in again."""
    from registry import open_registry
    from registry.provisioner import accounts_of
    from registry.quarantine import release as let_in

    registry, now = open_registry(Settings().registry_url), datetime.now(UTC)
    done = let_in(registry, accounts_of(), sensor_id, by=by_hand(), at=now)
    out.print(f"released {sensor_id}" + ("" if done else "; " + LATER))


@sensors.command("certificate")
def certificate(
    sensor_id: Annotated[str, typer.Argument(help="Its id.")],
    target: Annotated[Path, typer.Argument(help="Folder for <account>.crt and .key.")],
    authority: Annotated[Path, typer.Option(help="The authority's certificate, key beside it.")] = (
        Path("deploy/generated/ca/ca.crt")
    ),
) -> None:
    """Make a certificate for a sensor's account, for a broker with mutual TLS."""
    from onenet.certificates import DEVICE_LIFE, Pair, make_device
    from registry import open_registry
    from registry.certificates import note_certificate
    from registry.credentials import credentials

    registry = open_registry(Settings().registry_url)
    account = next((c for c in credentials(registry, sensor_id) if c.state == "active"), None)
    if account is None:
        raise ValueError(f"{sensor_id} has no account; `onenet sensors provision {sensor_id}`")
    signer = Pair(authority.read_text("ascii"), authority.with_suffix(".key").read_text("ascii"))
    now = datetime.now(UTC)
    made = make_device(signer, account.username, now)
    note_certificate(registry, sensor_id, account.username, now + DEVICE_LIFE, by=by_hand(), at=now)
    target.mkdir(parents=True, exist_ok=True)
    for suffix, text in ((".crt", made.certificate), (".key", made.key)):
        path = target / f"{account.username}{suffix}"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        out.print(f"wrote {path}", markup=False)


@broker.command("sync")
def sync() -> None:
    """Bring the broker's accounts to what the registry says; repairs what was cut off."""
    from registry import open_registry
    from registry.follow import reconcile
    from registry.provisioner import accounts_of

    registry = open_registry(Settings().registry_url)
    done = reconcile(registry, accounts_of(), datetime.now(UTC))
    for name, accounts in done.told().items():
        out.print(f"{name}: {', '.join(accounts)}", markup=False, soft_wrap=True)
    if done.lost:
        out.print(
            f"the broker has lost {len(done.lost)} accounts: stop it, put what `onenet broker "
            "file` writes in place of its dynamic-security.json, and start it"
        )
        raise typer.Exit(1)
    out.print("broker and registry agree")


@broker.command("follow")
def follow(
    heartbeat: Annotated[
        Path | None, typer.Option(help="A file that is touched each second while it works.")
    ] = None,
) -> None:
    """Keep the broker's accounts as the registry has them, within seconds, until SIGTERM."""
    from onenet.cli import log_to_stderr
    from registry import open_registry
    from registry.follow import Follower
    from registry.provisioner import accounts_of

    settings = Settings()
    log_to_stderr(settings.log_json)
    registry = open_registry(settings.registry_url)
    follower = Follower(registry, accounts_of(), SystemClock(), heartbeat)
    try:
        run_until_told(follower)
    finally:
        registry.close()


@broker.command("file")
def account_file(
    target: Annotated[Path, typer.Argument(help="Where the file goes, mode 0600.")],
) -> None:
    """Write Mosquitto's whole dynamic-security.json from the registry, with today's passwords."""
    from registry import open_registry
    from registry.credentials import kept_accounts
    from registry.mosquitto import as_file

    accounts = kept_accounts(open_registry(Settings().registry_url))
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(as_file(accounts))
    out.print(f"{len(accounts)} accounts: {target}", markup=False)


@broker.command("gate")
def gate() -> None:
    """Answer EMQX who may enter and what for. docs/scaling.md"""
    import uvicorn

    from onenet.gate import Gatekeeper, RegistryGate, read_passwords, read_rights
    from onenet.gate_http import create_gate
    from registry import open_registry
    from schemas import SystemClock

    settings = Settings()
    if len(settings.gate_token) < SHORTEST_KEY:
        raise ValueError(
            f"setting gate_token (ONENET_GATE_TOKEN): at least {SHORTEST_KEY} characters, made by "
            "chance; `onenet init` makes one"
        )
    keeper = Gatekeeper(
        RegistryGate(open_registry(settings.registry_url), SystemClock()),
        read_passwords(settings.gate_passwords.read_text("utf-8")),
        read_rights(settings.gate_rights.read_text("utf-8")),
    )
    app = create_gate(keeper, settings.gate_token)
    uvicorn.run(app, host=settings.gate_host, port=settings.gate_port, log_level="warning")
