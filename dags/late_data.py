"""Each two minutes: hours whose observations changed are judged again, and the days they touch."""

from __future__ import annotations

import pendulum
from airflow.sdk import CronDataIntervalTimetable, dag, task

from dags.sources import RETRIES, sources
from network import rejudge_pending
from schemas import SystemClock


@dag(
    schedule=CronDataIntervalTimetable("*/2 * * * *", timezone="Asia/Shanghai"),
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    default_args=RETRIES,
    tags=["onenet"],
    doc_md=__doc__,
)
def late_data() -> None:
    @task
    def rejudge() -> dict[str, int]:
        with sources() as (store, registry):
            done = rejudge_pending(SystemClock().now(), store=store, registry=registry)
        return {"hours": done.hours, "days": done.days, "rows": done.rows}

    rejudge()


late_data()
