"""Each 5 min: the broker's accounts of sensors and Grafana's boards become what the registry says.

Boards are written where Grafana reads them from a folder, ONENET_BOARDS_DIR; another Grafana is
given them by `onenet dashboards push`.
"""

from __future__ import annotations

import os
from pathlib import Path

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

    @task
    def boards(folder: str) -> list[str]:
        import dashboards  # here, for each of the others would wait for Grafana's SDK

        with sources() as (_, registry):
            if not registry.stations():
                return []  # a city that is still to be entered
            city = dashboards.City.of(registry, os.environ["ONENET_CONSOLE_URL"])
        return [path.name for path in dashboards.follow(Path(folder), city)]

    sync()
    if folder := os.environ.get("ONENET_BOARDS_DIR"):
        boards(folder)


provisioning()
