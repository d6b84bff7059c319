"""On the 1st of a month at 06:00: the bulletin of the month before, of the city and each district.

By then the last night of the month is over. A backfill makes those of earlier months; one that was
made is replaced, so a bulletin follows data that came late when its month is run again.
"""

from __future__ import annotations

from airflow.sdk import CronDataIntervalTimetable, dag, get_current_context, task

from bulletin import area_of, areas, compile_bulletin, reports_folder, write
from dags.sources import COMMON, interval_of, sources
from network.assessments import city_date
from network.views import month_reported
from schemas import SystemClock


@dag(
    schedule=CronDataIntervalTimetable("0 6 1 * *", timezone="Asia/Shanghai"),
    max_active_runs=1,
    doc_md=__doc__,
    **COMMON,
)
def bulletin() -> None:
    @task
    def which() -> list[str]:
        with sources() as (_, registry):
            return [area.id for area in areas(registry)]

    @task(max_active_tis_per_dagrun=1)
    def make(area: str) -> list[str]:
        # The run of 1 November 06:00 has the interval from 1 October 06:00 on.
        month = city_date(interval_of(get_current_context()).start)
        now = SystemClock().now()
        with sources() as (store, registry):
            made = compile_bulletin(
                area_of(area, registry),
                month_reported(month, now),
                store=store,
                registry=registry,
                made=now,
            )
        return [str(path) for path in write(made, reports_folder())]

    make.expand(area=which())


bulletin()
