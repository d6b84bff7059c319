"""Each two minutes: hours whose observations changed are judged again, and all that they touch:
days, months, years, and the verdicts of each.
"""

from __future__ import annotations

from dataclasses import asdict

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
        return asdict(done)

    rejudge()


late_data()
