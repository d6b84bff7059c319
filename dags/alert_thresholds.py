"""Each minute: rules are evaluated, alerts brought up to date or passed up, the outbox delivered.

Both are checks as much as work: the fast lane has seen short windows before, and the deliverer has
sent what was due; what either missed is done here. Then evidence is frozen of what was closed.
"""

from __future__ import annotations

import os

from airflow.sdk import CronDataIntervalTimetable, dag, task

from alerts import (
    channels_from_environment,
    deliver,
    escalate,
    freeze_due,
    judge,
    router_from_environment,
    rules_in_force,
)
from dags.sources import COMMON, sources
from network.standings import note_round
from schemas import SystemClock


@dag(
    schedule=CronDataIntervalTimetable("* * * * *", timezone="Asia/Shanghai"),
    max_active_runs=1,
    doc_md=__doc__,
    **COMMON,
)
def alert_thresholds() -> None:
    @task
    def evaluate() -> dict[str, int]:
        now = SystemClock().now()
        with sources() as (store, registry):
            router = router_from_environment()
            rules = rules_in_force(registry)
            judged = judge(now, rules=rules, store=store, registry=registry, router=router)
            escalated = escalate(now, registry=registry, router=router)
            note_round("alert_thresholds", now, registry=registry)
        return {**judged.moves, "escalate": escalated}

    @task(trigger_rule="all_done")
    def send() -> dict[str, int]:
        with sources() as (_, registry):
            done = deliver(
                SystemClock().now(),
                registry=registry,
                channels=channels_from_environment(),
                router=router_from_environment(),
            )
        return {"sent": done.sent, "failed": done.failed}

    @task(trigger_rule="all_done")
    def freeze_evidence() -> list[int]:
        days = int(os.environ.get("ONENET_RAW_DAYS", "7"))
        with sources() as (store, registry):
            made = freeze_due(registry, store, SystemClock().now(), raw_days=days)
        return [evidence.id for evidence in made]

    evaluate() >> send() >> freeze_evidence()


alert_thresholds()
