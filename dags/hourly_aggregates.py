"""Each hour + 5 min: observations to hourly aggregates of every level, and these to verdicts.

The run's partition is the hour that has ended: the run of 09:05 has the key of 08:00.
"""

from __future__ import annotations

from collections.abc import Collection

from airflow.sdk import Asset, CronPartitionTimetable, dag, get_current_context, task

from dags.districts import aggregation
from dags.sources import COMMON, HOUR_KEY, hour_of, sources
from network import aggregate_hours, assess_hours, roll_up_hours
from registry import Registry
from schemas import Interval
from storage import Store

HOURLY, HOURLY_VERDICTS = Asset("onenet://aggregates/hourly"), Asset("onenet://verdicts/hourly")


@dag(
    schedule=CronPartitionTimetable(
        "5 * * * *", timezone="Asia/Shanghai", run_offset=-1, key_format=HOUR_KEY
    ),
    max_active_runs=2,
    doc_md=__doc__,
    **COMMON,
)
def hourly_aggregates() -> None:
    @task(outlets=[HOURLY_VERDICTS])
    def assess() -> int:
        with sources() as (store, registry):
            return assess_hours(ended(), store=store, registry=registry)

    aggregation(aggregate, roll_up, outlet=HOURLY) >> assess()


def aggregate(store: Store, registry: Registry, districts: Collection[str] | None) -> int:
    return aggregate_hours(ended(), store=store, registry=registry, districts=districts)


def roll_up(store: Store, registry: Registry) -> int:
    return roll_up_hours(ended(), store=store, registry=registry)


def ended() -> list[Interval]:
    return [hour_of(get_current_context())]


hourly_aggregates()
