"""Each two minutes: hours whose observations changed are judged again, and the days they touch."""

from __future__ import annotations

from airflow.sdk import CronDataIntervalTimetable, dag, task

from dags.sources import COMMON, sources
from network import rejudge_pending
from schemas import SystemClock


@dag(
    schedule=CronDataIntervalTimetable("*/2 * * * *", timezone="Asia/Shanghai"),
    max_active_runs=1,
    doc_md=__doc__,
    **COMMON,
)
def late_data() -> None:
    @task
    def rejudge() -> dict[str, int]:
        with sources() as (store, registry):
            done = rejudge_pending(SystemClock().now(), store=store, registry=registry)
        return {"hours": done.hours, "days": done.days, "rows": done.rows}

    rejudge()


late_data()
