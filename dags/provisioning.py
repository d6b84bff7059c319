"""Each 5 min: the broker's accounts of sensors become what the registry says, and overlaps end."""

from __future__ import annotations

from airflow.sdk import CronDataIntervalTimetable, dag, task

from dags.sources import COMMON, sources
from registry.follow import reconcile
from registry.provisioner import accounts_of
from schemas import SystemClock


@dag(
    schedule=CronDataIntervalTimetable("*/5 * * * *", timezone="Asia/Shanghai"),
    max_active_runs=1,
    doc_md=__doc__,
    **COMMON,
)
def provisioning() -> None:
    @task
    def sync() -> dict[str, int]:
        with sources() as (_, registry):
            done = reconcile(registry, accounts_of(), SystemClock().now())
        return {"removed": len(done.removed), "failed": len(done.failed), "lost": len(done.lost)}

    sync()


provisioning()
