"""Each hour + 5 min: observations to hourly aggregates of every level, and these to verdicts."""

from __future__ import annotations

from airflow.sdk import Asset, CronDataIntervalTimetable, dag, get_current_context, task

from dags.sources import COMMON, interval_of, sources
from network import aggregate_hours, assess_hours
from schemas import Interval

HOURLY, HOURLY_VERDICTS = Asset("onenet://aggregates/hourly"), Asset("onenet://verdicts/hourly")


@dag(
    schedule=CronDataIntervalTimetable("5 * * * *", timezone="Asia/Shanghai"),
    max_active_runs=2,
    doc_md=__doc__,
    **COMMON,
)
def hourly_aggregates() -> None:
    @task(outlets=[HOURLY])
    def aggregate() -> int:
        with sources() as (store, registry):
            return aggregate_hours(ended(), store=store, registry=registry)

    @task(outlets=[HOURLY_VERDICTS])
    def assess() -> int:
        with sources() as (store, registry):
            return assess_hours(ended(), store=store, registry=registry)

    aggregate() >> assess()


def ended() -> list[Interval]:
    """The run of 09:05 has the interval 08:05-09:05; the hour that has ended is 08:00-09:00."""
    return list(interval_of(get_current_context()).hours())[:-1]


hourly_aggregates()
