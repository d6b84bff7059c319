"""When a day is aggregated, and at 00:40: its month, year and year to date.

A backfill of days does not pull that of their periods after it: backfill this DAG over the same
days. It is not mapped over districts: all of the demo city's takes four seconds on 31 December, and
less before, where each mapped task would take one to start; of a larger city, the function itself
does a part of the subjects at a time.

Soil and sample-based classes are not made here, nor anywhere ahead of time: a verdict on a sample
is made of one sample, and judged when it is looked at it follows every correction, change of land
use and edition (docs/decisions/0010).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    AssetOrTimeSchedule,
    CronDataIntervalTimetable,
    dag,
    get_current_context,
    task,
)

from dags.sources import COMMON, interval_of, sources
from network import aggregate_periods
from schemas import Interval, from_ms, to_ms
from schemas.clock import DAY

DAILY, PERIODS = Asset("onenet://aggregates/daily"), Asset("onenet://aggregates/periods")


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronDataIntervalTimetable("40 0 * * *", timezone="Asia/Shanghai"),
        assets=DAILY,
    ),
    max_active_runs=2,
    doc_md=__doc__,
    **COMMON,
)
def period_assessment() -> None:
    @task(outlets=[PERIODS])
    def aggregate() -> int:
        # The night of the day before has ended since, so that day's are done again as well.
        over = day_of(get_current_context())
        before = Interval.city_day(over.start - timedelta(hours=1))
        with sources() as (store, registry):
            return aggregate_periods([before, over], until=over.end, store=store, registry=registry)

    aggregate()


def day_of(context: Any) -> Interval:
    """The day of a run by the clock; of one by the asset, the last that was over."""
    if context.get("data_interval_start") is not None:
        return Interval.city_day(interval_of(context).start)
    return Interval.city_day(from_ms(to_ms(context["dag_run"].run_after)) - DAY)


period_assessment()
