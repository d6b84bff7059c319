"""Each hour + 5 min: the hour's observations to hourly aggregates of every level."""

from __future__ import annotations

import pendulum
from airflow.sdk import Asset, CronDataIntervalTimetable, dag, get_current_context, task

from dags.sources import RETRIES, interval_of, sources
from network import aggregate_hours

HOURLY = Asset("onenet://aggregates/hourly")


@dag(
    schedule=CronDataIntervalTimetable("5 * * * *", timezone="Asia/Shanghai"),
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=2,
    default_args=RETRIES,
    tags=["onenet"],
    doc_md=__doc__,
)
def hourly_aggregates() -> None:
    @task(outlets=[HOURLY])
    def aggregate() -> int:
        # The run of 09:05 has the interval 08:05-09:05; the hour that has ended is 08:00-09:00.
        ended = list(interval_of(get_current_context()).hours())[:-1]
        with sources() as (store, registry):
            return aggregate_hours(ended, store=store, registry=registry)

    aggregate()


hourly_aggregates()
