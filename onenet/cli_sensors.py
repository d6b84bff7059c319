"""`onenet sensors`: register, look up, retire; import and export tables."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from drawing.cells import as_csv
from onenet.settings import Settings
from registry.problems import Refused

sensors = typer.Typer(help="Sensors: register, provision, import, retire.", no_args_is_help=True)

PIPED_WIDTH = 160
LATER = "the broker could not be asked: `onenet broker sync` cuts the connection when it is back"
out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


def by_hand() -> str:
    """Who the audit log names for what is done at this machine's command line."""
    return f"system:{getpass.getuser()}"


@sensors.command("add")
def add(
    serial: Annotated[str, typer.Option(help="As printed on the device.")],
    model: Annotated[str, typer.Option(help="A model of schemas/models.yaml.")],
    station: Annotated[str, typer.Option(help="The station's id.")],
    lon: Annotated[str, typer.Option(help="Longitude; the station's by default.")] = "",
    lat: Annotated[str, typer.Option(help="Latitude; the station's by default.")] = "",
    parameters: Annotated[str, typer.Option(help="Only these of the model's.")] = "",
    cadence_s: Annotated[str, typer.Option(help="Seconds between readings.")] = "",
    firmware: Annotated[str, typer.Option()] = "",
    sensor_id: Annotated[str, typer.Option("--id", help="By default it is given.")] = "",
    note: Annotated[str, typer.Option()] = "",
) -> None:
    """Register one sensor; then `onenet sensors provision` gives it credentials."""
    from registry import open_registry
    from registry.devices import known_now, register
    from registry.entries import read_entry

    registry, now = open_registry(Settings().registry_url), datetime.now(UTC)
    raw = {
        "id": sensor_id,
        "serial": serial,
        "model": model,
        "station": station,
        "lon": lon,
        "lat": lat,
        "parameters": parameters,
        "cadence_s": cadence_s,
        "firmware": firmware,
        "note": note,
    }
    entry, problems = read_entry(raw, known_now(registry, now))
    if entry is None:
        raise Refused(problems)
    made = register(registry, [entry], by=by_hand(), at=now)[0]
    for remark in made.remarks:
        out.print(f"look again: {remark.field} {remark.text('en')}", markup=False)
    medium = registry.sensors()[made.sensor].medium
    out.print(f"registered {made.sensor}, topics onenet/v1/{medium}/{made.sensor}/…", markup=False)


@sensors.command("list")
def list_sensors(
    medium: Annotated[str, typer.Option()] = "",
    district: Annotated[str, typer.Option()] = "",
    state: Annotated[str, typer.Option(help="active, maintenance or retired.")] = "",
) -> None:
    """List sensors."""
    from registry import open_registry

    registry = open_registry(Settings().registry_url)
    stations = registry.stations()
    table = Table("sensor", "medium", "station", "district", "model", "serial", "state")
    for sensor in registry.sensors().values():
        place = stations[sensor.station]
        if (
            medium in ("", sensor.medium)
            and state in ("", sensor.state)
            and district in ("", place.district)
        ):
            table.add_row(
                sensor.id,
                sensor.medium,
                sensor.station,
                place.district,
                sensor.model,
                sensor.serial,
                sensor.state,
            )
    out.print(table)


@sensors.command("show")
def show(sensor_id: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """Show one sensor and what happened to it."""
    from registry import open_registry
    from registry.devices import device
    from registry.life import history

    registry = open_registry(Settings().registry_url)
    sensor = registry.sensors().get(sensor_id)  # type: ignore[call-overload]
    if sensor is None:
        raise ValueError(f"no sensor {sensor_id!r}; see `onenet sensors list`")
    for name, value in sensor.model_dump(mode="json").items():
        out.print(f"[bold]{name}:[/bold] ", end="")
        out.print(str(value), markup=False, highlight=False)
    about = device(registry, sensor_id)
    if about is not None:
        out.print(f"position: {about.lon}, {about.lat}; firmware: {about.firmware or '–'}")
        out.print(f"commissioned: {about.commissioned or 'not yet'}")
    for line in history(registry, sensor_id):
        out.print(f"{line.at:%Y-%m-%d %H:%M} {line.who} {line.kind} {line.detail}", markup=False)


@sensors.command("retire")
def retire(
    sensor_id: Annotated[str, typer.Argument(help="Its id.")],
    why: Annotated[str, typer.Option(help="For the history.")],
) -> None:
    """Take a sensor out of service for good, and revoke its credentials."""
    from registry import open_registry
    from registry.credentials import revoke
    from registry.devices import retire as take_out
    from registry.provisioner import accounts_of

    registry, now = open_registry(Settings().registry_url), datetime.now(UTC)
    take_out(registry, sensor_id, by=by_hand(), at=now, why=why)
    cut = revoke(registry, accounts_of(), sensor_id, by=by_hand(), at=now, why=why)
    out.print(f"retired {sensor_id}" + ("" if cut else "; " + LATER))


@sensors.command("import")
def import_table(
    source: Annotated[Path, typer.Argument(help="CSV in UTF-8, or XLSX.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is wrong.")] = False,
) -> None:
    """Register the sensors of a table, all or none; every bad row is named at once."""
    from console.sheets import read_sheet
    from registry import open_registry
    from registry.bulk import carry_out, plan_import

    registry, now = open_registry(Settings().registry_url), datetime.now(UTC)
    made = plan_import(registry, *read_sheet(source.read_bytes()), now)
    for line in made.problems:
        kind = "wrong" if line.problem.grave else "look again"
        text = f"row {line.row}: {kind}: {line.problem.field}: {line.problem.text('en')}"
        out.print(text, markup=False, highlight=False, soft_wrap=True)
    bad = len(made.bad_rows)
    out.print(f"{made.rows} rows, {bad} of them wrong, {len(made.entries)} to be registered")
    if bad:
        out.print("nothing was written")
        raise typer.Exit(1)
    if not dry_run:
        done = carry_out(registry, made, by=by_hand(), at=now)
        out.print(f"registered {len(done)}; `onenet sensors provision` gives them credentials")


@sensors.command("export")
def export_table(
    target: Annotated[Path, typer.Argument(help="Its ending decides: .csv or .xlsx.")],
) -> None:
    """Write all sensors as a table that can be imported again."""
    from console.sheets import as_xlsx
    from registry import open_registry
    from registry.bulk import exported
    from registry.entries import COLUMNS

    if target.suffix not in (".csv", ".xlsx"):
        raise ValueError(f"{target}: the name ends with .csv or .xlsx")
    registry = open_registry(Settings().registry_url)
    rows = exported(registry, registry.sensors().values())
    content = as_csv(COLUMNS, rows).encode() if target.suffix == ".csv" else as_xlsx(COLUMNS, rows)
    target.write_bytes(content)
    out.print(f"{len(rows)} sensors: {target}", markup=False)
