"""The command `onenet`: one sub-command a job, each a few lines that call the room that does it."""

from __future__ import annotations

import logging
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import structlog
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onenet import (
    cli_alerts,
    cli_audit,
    cli_backup,
    cli_credentials,
    cli_dashboards,
    cli_evidence,
    cli_hj212,
    cli_loggers,
    cli_past,
    cli_people,
    cli_report,
    cli_samples,
)
from onenet.settings import Settings
from schemas import CITY_TIME

app = typer.Typer(
    name="onenet",
    help="One Network 一張網: a city's air, noise, water, sea and soil, from sensor to people.\n\n"
    "Begin with [bold]onenet demo[/bold]: it starts everything on this machine, loads 30 days of "
    "history over MQTT and opens the board. Settings come from ONENET_* in the environment, else "
    "from onenet.toml.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
deadletters = typer.Typer(help="Refused messages: list, show, replay.", no_args_is_help=True)
registry_commands = typer.Typer(help="The registry's database.", no_args_is_help=True)
store_commands = typer.Typer(help="The time-series store.", no_args_is_help=True)
schemas_commands = typer.Typer(help="The published contracts.", no_args_is_help=True)
app.add_typer(deadletters, name="deadletters")
app.add_typer(cli_alerts.app, name="alerts")
app.add_typer(cli_audit.app, name="audit")
app.add_typer(cli_backup.app, name="backup")
app.add_typer(cli_evidence.app, name="evidence")
app.add_typer(cli_hj212.hj212, name="hj212")
app.add_typer(cli_people.app, name="people")
app.add_typer(cli_report.app, name="report")
app.add_typer(cli_samples.app, name="samples")
app.add_typer(cli_loggers.sensors, name="sensors")  # with what each module adds to it
app.add_typer(cli_credentials.broker, name="broker")
app.add_typer(registry_commands, name="registry")
app.add_typer(store_commands, name="store")
app.add_typer(cli_dashboards.app, name="dashboards")
app.add_typer(schemas_commands, name="schemas")

PIPED_WIDTH = 160  # rich takes 80 columns where there is no terminal, and cuts the tables

out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
err = Console(stderr=True)


def main() -> None:
    """Run the command line; what a user can mend is told in one line, never as a traceback."""
    try:
        Settings.read().share()
        app()
    except (OSError, ValueError) as error:
        _end(str(error))
    except Exception as error:
        from registry.trouble import explain

        if (told := explain(error)) is None:
            raise
        _end(told)


def _end(why: str) -> NoReturn:
    err.print(f"[red]error:[/red] {escape(why)}", highlight=False)
    sys.exit(1)


def log_to_stderr(as_json: bool) -> None:
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@app.command()
def demo(
    for_s: Annotated[
        int, typer.Option("--for", help="Stop by itself after so many seconds; 0 = until Ctrl-C.")
    ] = 0,
    home: Annotated[Path, typer.Option(help="Folder of databases, logs and Airflow.")] = Path(
        "run"
    ),
    history_days: Annotated[int, typer.Option(min=0, max=34, help="Days of history to load.")] = 30,
    year: Annotated[
        bool, typer.Option("--year", help="First write a made-up year before it: two minutes.")
    ] = False,
    report: Annotated[Path, typer.Option(help="Where the reconciliation is written.")] = Path(
        "demo-report.json"
    ),
    airflow: Annotated[bool, typer.Option(help="Run the DAGs in a real Airflow.")] = True,
    console_port: Annotated[int, typer.Option(help="The board's port; the next free if busy.")] = (
        8000
    ),
) -> None:
    """Start the whole network on this machine and show it at work: no server, no Docker."""
    from onenet.stack import WANTED_PORTS, Stack, StackOptions

    options = StackOptions(
        home=home.resolve(),
        history_days=history_days,
        year=year,
        for_s=for_s,
        report=report.resolve(),
        airflow=airflow,
        ports={**WANTED_PORTS, "console": console_port},
    )
    raise typer.Exit(Stack(options, out).run())


@app.command()
def ingest(
    retire: Annotated[
        bool,
        typer.Option(
            "--retire", help="Take nothing new, store what waits for this worker, and end it."
        ),
    ] = False,
) -> None:
    """Take readings from the broker into the store until SIGTERM, then drain and stop."""
    from alerts import FastLane, FastLaneThread, router_from_environment
    from ingest import IngestOptions, RawWriter, run_ingest
    from registry import open_registry
    from schemas import SystemClock, catalogue
    from storage import open_store

    settings = Settings()
    log_to_stderr(settings.log_json)
    registry = open_registry(settings.registry_url)
    store = open_store(settings.store_url, token=settings.store_token)
    media = settings.media_of_ingest()
    lane = FastLane(registry, router_from_environment(), SystemClock(), media)
    raw = None
    if settings.raw_archive is not None:
        worker = settings.ingest_client_id
        raw = RawWriter(settings.raw_archive, days=settings.raw_days, worker=worker)
    run_ingest(
        settings.broker(),
        store=store,
        registry=registry,
        fast_lane=FastLaneThread(lane, store),
        raw=raw,
        catalogue=catalogue(),
        options=IngestOptions(
            batch_size=settings.ingest_batch_size,
            batch_age_s=settings.ingest_batch_age_s,
            client_id=settings.ingest_client_id,
            health_port=settings.ingest_port,
            health_host=settings.ingest_host,
            media=media,
            retire=retire,
        ),
    )


@app.command()
def gateway() -> None:
    """Take HJ 212 from data loggers over TCP and pass it on to the broker; docs/hj212.md."""
    from ingest.gateway import run_gateway
    from registry import open_registry

    settings = Settings()
    log_to_stderr(settings.log_json)
    registry = open_registry(settings.registry_url)
    run_gateway(settings.broker(), registry, settings.gateway())


@app.command()
def console() -> None:
    """Serve the console: board, stations, sensors, alerts, dead letters."""
    import uvicorn

    from console.app import create_app

    settings = Settings()
    log_to_stderr(settings.log_json)
    uvicorn.run(
        create_app(
            store_url=settings.store_url,
            registry_url=settings.registry_url,
            token=settings.store_token,
            access=settings.access(),
            reports=settings.reports_dir,
            grafana=settings.grafana(),
        ),
        host=settings.console_host,
        port=settings.console_port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=3,
    )


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder of docker-compose.yml.")] = Path("."),
    force: Annotated[bool, typer.Option(help="Replace existing secrets.")] = False,
    demo: Annotated[
        bool, typer.Option(help="Give the simulated fleet an account: it speaks for every sensor.")
    ] = False,
    host: Annotated[
        list[str] | None,
        typer.Option(help="A name or address by which devices reach the broker; may be repeated."),
    ] = None,
) -> None:
    """Make the secrets of an installation: .env, broker accounts, TLS certificate.

    What exists is kept; a second run adds what is missing and renews a certificate near its end.
    """
    from onenet.init import init as make

    for made in make(folder, force=force, demo=demo, hosts=host or ()):
        out.print(f"{made.path}: {made.did}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def assess(
    kind: Annotated[
        str,
        typer.Argument(
            help="aqi, aqhi, noise, water, sea, soil, soil-risk, groundwater, drinking or effluent."
        ),
    ],
    source: Annotated[Path, typer.Option("--input", help="CSV; its first row names the columns.")],
    target: Annotated[Path, typer.Option("--output", help="The same with the results appended.")],
    edition: Annotated[
        str | None, typer.Option(help="e.g. HJ633-2012; else by each row's `date`, or --on.")
    ] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Rows without a date; today.")
    ] = None,
) -> None:
    """Assess a table by the national standards: results are appended, errors told row by row.

    onenet assess water --input lab.csv --output judged.csv
    """
    from standards import assess_file

    day = on.date() if on else datetime.now(CITY_TIME).date()
    total, wrong = assess_file(kind, source, target, named=edition, on=day)
    out.print(f"{total} rows assessed, {wrong} with an error: {escape(str(target))}")


@deadletters.command("list")
def deadletters_list(
    code: Annotated[str | None, typer.Option(help="Only this reason code.")] = None,
    sensor: Annotated[str | None, typer.Option(help="Only this sensor.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
) -> None:
    """List refused messages, newest first, with the reason."""
    from registry import open_registry

    letters = open_registry(Settings().registry_url).dead_letters(
        code=code, sensor=sensor, limit=limit
    )
    table = Table("id", "arrived", "sensor", "reason", "field", "value", "seen", "replayed")
    for column in table.columns[:4]:
        column.no_wrap = True
    for letter in letters:
        table.add_row(
            str(letter.id),
            _city(letter.arrived),
            escape(letter.sensor),
            letter.code,
            escape(letter.field),
            escape(letter.value[:40]),
            str(letter.times_seen),
            _city(letter.replayed) if letter.replayed else "",
        )
    out.print(table if letters else "no dead letters")


@deadletters.command("show")
def deadletters_show(number: Annotated[int, typer.Argument(help="Its id.")]) -> None:
    """Show one refused message: topic, raw bytes, what is wrong, what to do."""
    from registry import open_registry

    letter = open_registry(Settings().registry_url).dead_letter(number)
    if letter is None:
        raise ValueError(f"dead letter {number} does not exist; see `onenet deadletters list`")
    for name, value in (
        ("topic", letter.topic),
        ("arrived", _city(letter.arrived)),
        ("times seen", letter.times_seen),
        ("reason", letter.reason_en),
        ("原因", letter.reason_zh),
        ("readings refused", letter.readings),
        ("raw", letter.raw.decode("utf-8", "backslashreplace")),
    ):
        out.print(f"[bold]{name}:[/bold] ", end="")
        out.print(str(value), markup=False, highlight=False)


@deadletters.command("replay")
def deadletters_replay(
    numbers: Annotated[list[int] | None, typer.Argument(help="Their ids.")] = None,
    code: Annotated[str | None, typer.Option(help="All of this reason code.")] = None,
    sensor: Annotated[str | None, typer.Option(help="All of this sensor.")] = None,
) -> None:
    """Send refused readings through the broker again, after the cause is mended."""
    from ingest import replay
    from registry import open_registry
    from registry.loggers import addressed
    from schemas import SystemClock

    settings = Settings()
    registry = open_registry(settings.registry_url)
    if numbers:
        found = [registry.dead_letter(number) for number in numbers]
        letters = [letter for letter in found if letter is not None]
        for number, letter in zip(numbers, found, strict=True):
            if letter is None:
                err.print(f"dead letter {number} does not exist")
    elif code or sensor:
        letters = [
            letter
            for letter in registry.dead_letters(code=code, sensor=sensor, limit=10_000)
            if letter.replayed is None
        ]
    else:
        raise ValueError("name ids, --code or --sensor: what is to be replayed?")
    sent = replay(list(addressed(registry, letters)), settings.broker())
    now = SystemClock().now()
    for number in sent:
        registry.mark_replayed(number, now)
    out.print(f"replayed {len(sent)} of {len(letters)}")


@registry_commands.command("migrate")
def registry_migrate() -> None:
    """Bring the registry's database to the newest schema."""
    from registry import migrate

    migrate(Settings().registry_url)
    out.print("registry is up to date")


@registry_commands.command("seed")
def registry_seed() -> None:
    """Fill an empty registry with the demo city."""
    from registry import open_registry, seed_demo_city

    registry = open_registry(Settings().registry_url)
    seed_demo_city(registry)
    out.print(f"{len(registry.stations())} stations, {len(registry.sensors())} sensors")


@store_commands.command("prepare")
def store_prepare(
    env_file: Annotated[
        Path | None,
        typer.Option(
            help="Also give each service a token of its own, kept in this file of `onenet init`,"
            " which has the administrator's token."
        ),
    ] = None,
) -> None:
    """Make the store's buckets with their retention; those that exist stay as they are."""
    from onenet.store_tokens import admin_token, tokens_into
    from storage import StoreUnavailable, prepare

    settings = Settings()
    token = settings.store_token if env_file is None else admin_token(env_file)
    try:
        made = [f"made {name}" for name in prepare(settings.store_url, token=token)]
        if env_file is not None:
            made += tokens_into(env_file, settings.store_url)
    except StoreUnavailable as error:
        raise ConnectionError(f"the store is not there: {error}") from error
    out.print("\n".join(made) or "nothing to prepare", markup=False, soft_wrap=True)


@schemas_commands.command("export")
def schemas_export() -> None:
    """Write the contracts as JSON Schema to schemas/json/."""
    from schemas import export

    for path in export.write():
        out.print(f"wrote {os.path.relpath(path)}")


def _city(moment: datetime) -> str:
    return moment.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M:%S")


def _register_simulate() -> None:
    from simulators.cli import simulate

    app.command("simulate")(simulate)
    app.command("past")(cli_past.past)


_register_simulate()
