"""Each night at 00:20: the city day's hours to daily aggregates, sound also by day and night; and
these to verdicts: AQI, attainment of noise limits, classes of water and sea.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Asset, CronDataIntervalTimetable, dag, get_current_context, task

from dags.sources import COMMON, interval_of, sources
from network import aggregate_days, assess_days
from schemas import Interval

DAILY, DAILY_VERDICTS = Asset("onenet://aggregates/daily"), Asset("onenet://verdicts/daily")


@dag(
    schedule=CronDataIntervalTimetable("20 0 * * *", timezone="Asia/Shanghai"),
    max_active_runs=2,
    doc_md=__doc__,
    **COMMON,
)
def daily_assessment() -> None:
    @task(outlets=[DAILY])
    def aggregate() -> int:
        with sources() as (store, registry):
            return aggregate_days(ended(), store=store, registry=registry)

    @task(outlets=[DAILY_VERDICTS])
    def assess() -> int:
        with sources() as (store, registry):
            return assess_days(ended(), store=store, registry=registry)

    aggregate() >> assess()


def ended() -> list[Interval]:
    """The day that is over, and the one before: its night ended only at 06:00."""
    over = Interval.city_day(interval_of(get_current_context()).start)
    return [Interval.city_day(over.start - timedelta(hours=1)), over]


daily_assessment()
