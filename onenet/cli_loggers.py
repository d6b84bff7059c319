"""`onenet sensors logger`: data loggers that speak HJ 212, with their MN and password."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from onenet.cli_sensors import by_hand, out, sensors
from onenet.settings import Settings


@sensors.command("logger")
def logger(
    sensor_id: Annotated[str, typer.Argument(help="Its id.")],
    mn: Annotated[str, typer.Option(help="The MN that the logger sends.")] = "",
    password: Annotated[
        str,
        typer.Option(
            envvar="ONENET_LOGGER_PASSWORD",
            help="The PW that it sends; without it a new logger gets one made, any other keeps its "
            "own. Better by the environment: arguments are seen by everybody on this machine.",
        ),
    ] = "",
    upload: Annotated[
        str,
        typer.Option(help="What becomes readings: 2011 live, 2051 minutes, 2061 hours, 2031 days."),
    ] = "2011",
    remove: Annotated[bool, typer.Option("--remove", help="It is a logger no longer.")] = False,
    why: Annotated[str, typer.Option(help="For the history.")] = "",
) -> None:
    """Register a sensor as a data logger of HJ 212, or change how; docs/hj212.md."""
    from registry import open_registry
    from registry.loggers import remove_logger, set_logger

    registry, now = open_registry(Settings().registry_url), datetime.now(UTC)
    if remove:
        done = remove_logger(registry, sensor_id, by=by_hand(), at=now, why=why)
        out.print(f"{sensor_id} is {'a logger no longer' if done else 'no logger'}", markup=False)
        return
    made = set_logger(
        registry,
        sensor_id,
        mn=mn,
        password=password,
        upload=upload,
        by=by_hand(),
        at=now,
        why=why,
    )
    told = f"  password {made}" if made and not password else ""
    out.print(f"{sensor_id}  MN {mn}  upload {upload}{told}", markup=False, highlight=False)


@sensors.command("loggers")
def list_loggers() -> None:
    """List the sensors that are data loggers of HJ 212."""
    from registry import open_registry
    from registry.loggers import loggers

    table = Table("sensor", "MN", "upload", "since", "set by")
    for one in loggers(open_registry(Settings().registry_url)):
        table.add_row(one.sensor, one.mn, one.upload, f"{one.since:%Y-%m-%d %H:%M}", one.set_by)
    out.print(table)
