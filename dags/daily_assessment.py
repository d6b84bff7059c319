"""Each night at 00:20: the city day's hours to daily aggregates; sound also by day and night."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Asset, CronDataIntervalTimetable, dag, get_current_context, task

from dags.sources import COMMON, interval_of, sources
from network import aggregate_days
from schemas import Interval

DAILY = Asset("onenet://aggregates/daily")


@dag(
    schedule=CronDataIntervalTimetable("20 0 * * *", timezone="Asia/Shanghai"),
    max_active_runs=2,
    doc_md=__doc__,
    **COMMON,
)
def daily_assessment() -> None:
    @task(outlets=[DAILY])
    def aggregate() -> int:
        # The night of the day before ends only at 06:00, so that day is done again as well.
        over = Interval.city_day(interval_of(get_current_context()).start)
        before = Interval.city_day(over.start - timedelta(hours=1))
        with sources() as (store, registry):
            return aggregate_days([before, over], store=store, registry=registry)

    aggregate()


daily_assessment()
