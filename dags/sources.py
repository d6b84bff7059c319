"""What every DAG has in common, and what its tasks work on: store, registry, span of time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pendulum

from registry import Registry, open_registry
from schemas import Interval, from_ms, to_ms
from schemas.clock import DAY, HOUR
from storage import Store, open_store

# Keys of partitions, in the city's time.
HOUR_KEY, DAY_KEY = "%Y-%m-%dT%H", "%Y-%m-%d"

# Arguments of every DAG of ours; its schedule and text are its own.
COMMON: dict[str, Any] = {
    "start_date": pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    "catchup": False,
    "default_args": {"retries": 3, "retry_delay": timedelta(seconds=20)},
    "tags": ["onenet"],
}


@contextmanager
def sources() -> Iterator[tuple[Store, Registry]]:
    """Store and registry that ONENET_STORE_URL, _STORE_TOKEN and _REGISTRY_URL name."""
    store = open_store(
        os.environ["ONENET_STORE_URL"], token=os.environ.get("ONENET_STORE_TOKEN", "")
    )
    registry = open_registry(os.environ["ONENET_REGISTRY_URL"])
    try:
        yield store, registry
    finally:
        store.close()
        registry.close()


def interval_of(context: Any) -> Interval:
    """The data interval of a task's run, in plain datetimes: Airflow's own behave otherwise."""
    names = ("data_interval_start", "data_interval_end")
    return Interval(*(from_ms(to_ms(context[name])) for name in names))


def hour_of(context: Any) -> Interval:
    """The hour of a run's partition; of a run by hand without one, the last that was over."""
    date = context.get("partition_date")
    if date is not None:
        return Interval.hour(from_ms(to_ms(date)))
    return Interval.hour(from_ms(to_ms(context["dag_run"].run_after)) - HOUR)


def day_of(context: Any) -> Interval:
    """The city day of a run's partition; of a run by hand without one, the last that was over."""
    date = context.get("partition_date")
    if date is not None:
        return Interval.city_day(from_ms(to_ms(date)))
    return Interval.city_day(from_ms(to_ms(context["dag_run"].run_after)) - DAY)
