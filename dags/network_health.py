"""Each 15 min: sensors that need somebody get a work order; data that prove a repair close it."""

from __future__ import annotations

from airflow.sdk import CronDataIntervalTimetable, dag, task

from dags.sources import COMMON, sources
from network.health import review
from schemas import SystemClock


@dag(
    schedule=CronDataIntervalTimetable("*/15 * * * *", timezone="Asia/Shanghai"),
    max_active_runs=1,
    doc_md=__doc__,
    **COMMON,
)
def network_health() -> None:
    @task
    def look_after() -> dict[str, int]:
        with sources() as (store, registry):
            done = review(SystemClock().now(), store=store, registry=registry)
        return {"opened": done.opened, "closed": done.closed}

    look_after()


network_health()
