"""`onenet past`: a made-up year before the demo's own history."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from onenet.settings import Settings
from schemas import CITY_TIME


def past(
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="The day on which it ends; where the history begins."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another city's weather.")] = 1,
) -> None:
    """Write a made-up past of a year and more: months, years and targets then have numbers.

    For the demo city and others whose sensors the emulators play; some two minutes, 0.8 GB.
    """
    from onenet.past import LIVE_DAYS, span_of, write_past
    from registry import open_registry
    from storage import open_store

    settings, out = Settings(), Console()
    today = datetime.now(CITY_TIME).date()
    end = until.date() if until else today - timedelta(days=LIVE_DAYS - 1)
    if end > today:
        raise ValueError(f"--until {end} lies ahead: a past ends today at the latest")
    begun = time.monotonic()
    store = open_store(settings.store_url, token=settings.store_token)
    registry = open_registry(settings.registry_url)
    try:
        done = write_past(
            span_of(today, end),
            store=store,
            registry=registry,
            seed=seed,
            say=lambda text: out.print(f"{time.monotonic() - begun:4.0f} s  {text}"),
        )
    finally:
        store.close()
        registry.close()
    out.print(
        f"{done.loggers} loggers, {done.taken.stored:,} readings, {done.rows:,} rows of aggregates "
        f"in {time.monotonic() - begun:.0f} s"
    )
