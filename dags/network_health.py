"""Each 15 min: sensors that need somebody get a work order; data that prove a repair close it.

And how long the certificates that ONENET_CERTIFICATES names still hold, for Grafana's alert rule.
"""

from __future__ import annotations

import os

from airflow.sdk import CronDataIntervalTimetable, dag, task

from dags.sources import COMMON, sources
from network.health import review
from network.standings import look_at_certificates, note_round
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
            now = SystemClock().now()
            done = review(now, store=store, registry=registry)
            note_round("network_health", now, registry=registry)
        return {"opened": done.opened, "closed": done.closed}

    @task
    def certificates() -> dict[str, float | None]:
        watched = os.environ.get("ONENET_CERTIFICATES", "")
        addresses = [one.strip() for one in watched.split(",") if one.strip()]
        with sources() as (_, registry):
            return look_at_certificates(addresses, SystemClock().now(), registry=registry)

    look_after()
    certificates()


network_health()
