"""The DAGs in a real Airflow: they import, they run, and a backfill gives the rows of live runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

import bulletin
from network import (
    aggregate_days,
    aggregate_hours,
    aggregate_periods,
    assess_days,
    assess_hours,
)
from network.periods import month_of
from onenet.children import Child
from schemas import Interval, Period
from storage import open_store
from tests.dags.city import (
    AIRFLOW,
    DAGS,
    City,
    backfill,
    mapped_tasks,
    rows,
    succeeded,
    wait_for,
    wait_until_scheduled,
)
from tests.parts import need

pytestmark = pytest.mark.airflow

END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
SPAN = Interval(END - timedelta(days=3), END)

LIST_DAGS = """
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
print("DAGS " + json.dumps({
    "errors": {str(k): str(v) for k, v in bag.import_errors.items()},
    "dags": {d.dag_id: {"tasks": d.task_ids, "catchup": d.catchup, "doc": bool(d.doc_md),
                        "retries": [t.retries for t in d.tasks]} for d in bag.dags.values()},
}))
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    need("airflow", find_spec("airflow") is not None)
    made = City(tmp_path_factory.mktemp("airflow-city"))
    yield made
    made.registry.close()


@pytest.fixture(scope="module")
def airflow(city: City) -> Iterator[Child]:
    """A whole Airflow, as the demo runs it."""
    store = open_store(city.store_url)
    city.fill(store, SPAN)
    store.close()
    child = city.start_airflow()
    yield child
    child.stop(20)


def test_every_dag_imports_and_says_what_it_is_for(city: City) -> None:
    city.run(str(AIRFLOW), "db", "migrate")
    output = city.run(sys.executable, "-c", LIST_DAGS)
    line = next(text for text in output.splitlines() if text.startswith("DAGS "))
    found = json.loads(line.removeprefix("DAGS "))
    assert found["errors"] == {}
    assert set(found["dags"]) == DAGS
    for name, dag in found["dags"].items():
        assert dag["doc"], name
        assert not dag["catchup"], name
        assert 1 <= len(dag["tasks"]) <= 3, f"{name}: a DAG is a timetable, not a program"
        assert all(retries > 0 for retries in dag["retries"]), name


def test_a_backfill_gives_the_rows_of_live_aggregation(
    city: City, airflow: Child, tmp_path: Path
) -> None:
    live = open_store(f"sqlite:///{tmp_path}/live.db")
    city.fill(live, SPAN)
    day = next(iter(d for d in SPAN.city_days() if d.start >= SPAN.start + timedelta(hours=6)))
    hours = Interval(day.start, day.start + timedelta(hours=6))
    aggregate_hours(list(hours.hours()), store=live, registry=city.registry)
    assess_hours(list(hours.hours()), store=live, registry=city.registry)
    days = [Interval.city_day(day.start - timedelta(hours=1)), day]
    aggregate_days(days, store=live, registry=city.registry)
    assess_days(days, store=live, registry=city.registry)
    aggregate_periods(days, until=day.end, store=live, registry=city.registry)

    wait_until_scheduled(city, airflow)
    store = open_store(city.store_url)
    # Nothing but the backfill may have written these hours.
    store.settle_hours(store.pending_hours(END + timedelta(days=1)))
    backfill(city, "hourly_aggregates", hours.start, hours.end)
    wait_for(lambda: rows(store, hours, Period.HOUR) == rows(live, hours, Period.HOUR), airflow)
    backfill(city, "daily_assessment", day.start, day.start + timedelta(minutes=30))
    wide = Interval(day.start, day.end)
    for period in (Period.DAY, Period.DAYTIME, Period.NIGHT):
        wait_for(
            lambda period=period: rows(store, wide, period) == rows(live, wide, period), airflow
        )
    # The day pulls its periods after it, by its key.
    for period in (Period.YEAR_TO_DATE, Period.YEAR_TO_DATE_NIGHT):
        assert rows(live, wide, period)
        wait_for(
            lambda period=period: rows(store, wide, period) == rows(live, wide, period), airflow
        )
    store.close()
    live.close()


def test_a_day_that_is_aggregated_pulls_its_periods_after_it(city: City, airflow: Child) -> None:
    wait_until_scheduled(city, airflow)
    wait_for(lambda: succeeded(city, "period_assessment", "asset_triggered") > 0, airflow)


def test_a_backfill_makes_the_bulletins_of_a_month_of_every_area(
    city: City, airflow: Child
) -> None:
    wait_until_scheduled(city, airflow)
    month = month_of((datetime.now(UTC) - timedelta(days=40)).date())
    first = month.reach.start + timedelta(hours=6)  # 06:00 of the 1st
    backfill(city, "bulletin", first, first + timedelta(minutes=30))
    areas = [area.id for area in bulletin.areas(city.registry)]
    wait_for(lambda: mapped_tasks(city, "bulletin", "make") == len(areas), airflow)

    def made(area: str) -> list[bulletin.Request]:
        return [file for file in bulletin.there(city.reports) if file.area == area]

    # One after the other, in this order; the first ones stand for all, which take minutes.
    files = len(bulletin.LANGUAGES) * len(bulletin.FORMATS)
    for area in areas[:3]:
        wait_for(lambda area=area: len(made(area)) == files, airflow)
    assert {file.span for file in made("city")} == {f"{month.first:%Y-%m}"}
    page = bulletin.path_of(city.reports, made("city")[0])
    assert "环境质量" in page.read_text("utf-8")
