"""Each two minutes: hours whose observations changed are judged again, and all that they touch:
days, months, years, the verdicts of each, and alerts.
"""

from __future__ import annotations

from dataclasses import asdict

from airflow.sdk import CronDataIntervalTimetable, dag, task

from alerts import judge_hours, router_from_environment, rules_in_force
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
            now, rules = SystemClock().now(), rules_in_force(registry)
            router = router_from_environment()
            done = rejudge_pending(
                now,
                store=store,
                registry=registry,
                alerts=lambda hours: judge_hours(
                    hours, now, rules=rules, store=store, registry=registry, router=router
                ),
            )
        return asdict(done)

    rejudge()


late_data()
