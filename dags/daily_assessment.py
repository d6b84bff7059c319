"""Each night at 00:20: the city day's hours to daily aggregates, sound also by day and night; and
these to verdicts: AQI, attainment of noise limits, classes of water and sea.

The run's partition is the day that is over; its periods follow by its key.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from airflow.sdk import Asset, CronPartitionTimetable, dag, get_current_context, task

from dags.districts import aggregation
from dags.sources import COMMON, DAY_KEY, day_of, sources
from network import aggregate_days, assess_days, roll_up_days
from registry import Registry
from schemas import Interval
from storage import Store

DAILY, DAILY_VERDICTS = Asset("onenet://aggregates/daily"), Asset("onenet://verdicts/daily")


@dag(
    schedule=CronPartitionTimetable(
        "20 0 * * *", timezone="Asia/Shanghai", run_offset=-1, key_format=DAY_KEY
    ),
    max_active_runs=2,
    doc_md=__doc__,
    **COMMON,
)
def daily_assessment() -> None:
    @task(outlets=[DAILY_VERDICTS])
    def assess() -> int:
        with sources() as (store, registry):
            return assess_days(ended(), store=store, registry=registry)

    aggregation(aggregate, roll_up, outlet=DAILY) >> assess()


def aggregate(store: Store, registry: Registry, districts: Collection[str] | None) -> int:
    return aggregate_days(ended(), store=store, registry=registry, districts=districts)


def roll_up(store: Store, registry: Registry) -> int:
    return roll_up_days(ended(), store=store, registry=registry)


def ended() -> list[Interval]:
    """The day that is over, and the one before: its night ended only at 06:00."""
    over = day_of(get_current_context())
    return [Interval.city_day(over.start - timedelta(hours=1)), over]


daily_assessment()
