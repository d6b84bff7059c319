"""Each minute: rules are evaluated, alerts brought up to date, and the outbox delivered."""

from __future__ import annotations

from airflow.sdk import CronDataIntervalTimetable, dag, task

from alerts import channels_from_environment, deliver, judge, load_rules
from dags.sources import COMMON, sources
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
        names = [channel.name for channel in channels_from_environment()]
        with sources() as (store, registry):
            judged = judge(
                SystemClock().now(),
                rules=load_rules(),
                store=store,
                registry=registry,
                channels=names,
            )
        return {"opened": judged.opened, "updated": judged.updated, "closed": judged.closed}

    @task(trigger_rule="all_done")
    def send() -> dict[str, int]:
        with sources() as (_, registry):
            done = deliver(
                SystemClock().now(), registry=registry, channels=channels_from_environment()
            )
        return {"sent": done.sent, "failed": done.failed}

    evaluate() >> send()


alert_thresholds()
