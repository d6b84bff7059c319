"""When a day has been aggregated: its month, year and year to date.

The day is the partition of what triggered the run, so a backfill of days pulls that of their
periods after it, each by its own key.

Soil and sample-based classes are not made here, nor anywhere ahead of time: a verdict on a sample
is made of one sample, and judged when it is looked at it follows every correction, change of land
use and edition (docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from airflow.sdk import Asset, PartitionedAssetTimetable, dag, get_current_context, task

from dags.districts import aggregation
from dags.sources import COMMON, day_of, sources
from network import aggregate_periods, roll_up_periods
from network.standings import stand
from registry import Registry
from schemas import Interval, SystemClock
from storage import Store

DAILY, PERIODS = Asset("onenet://aggregates/daily"), Asset("onenet://aggregates/periods")


@dag(
    schedule=PartitionedAssetTimetable(assets=DAILY),
    max_active_runs=2,
    doc_md=__doc__,
    **COMMON,
)
def period_assessment() -> None:
    @task
    def standings() -> dict[str, int]:
        with sources() as (store, registry):
            return stand(SystemClock().now(), store=store, registry=registry)

    aggregation(aggregate, roll_up, outlet=PERIODS) >> standings()


def aggregate(store: Store, registry: Registry, districts: Collection[str] | None) -> int:
    days = touched()
    return aggregate_periods(
        days, until=days[-1].end, store=store, registry=registry, districts=districts
    )


def roll_up(store: Store, registry: Registry) -> int:
    days = touched()
    return roll_up_periods(days, until=days[-1].end, store=store, registry=registry)


def touched() -> list[Interval]:
    """The day of the run, and the one before: its night has ended since."""
    over = day_of(get_current_context())
    return [Interval.city_day(over.start - timedelta(hours=1)), over]


period_assessment()
