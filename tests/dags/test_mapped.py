"""The DAGs with their work shared out to districts, in a real Airflow: the rows of one task."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from network import aggregate_days, aggregate_hours, aggregate_periods, districts_of
from onenet.children import Child
from schemas import Interval, Period
from storage import open_store
from tests.dags.city import City, backfill, rows, task_runs, wait_for, wait_until_scheduled
from tests.parts import need

pytestmark = pytest.mark.airflow

DAY = Interval.city_day(datetime.now(UTC) - timedelta(days=3))
CHAIN = ("hourly_aggregates", "daily_assessment", "period_assessment")
HOURS = Interval(DAY.start, DAY.start + timedelta(hours=1))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    need("airflow", find_spec("airflow") is not None)
    made = City(tmp_path_factory.mktemp("mapped-city"), mapped=True, only=CHAIN)
    yield made
    made.registry.close()


@pytest.fixture(scope="module")
def airflow(city: City) -> Iterator[Child]:
    store = open_store(city.store_url)
    city.fill(store, DAY)
    store.settle_hours(store.pending_hours(datetime.now(UTC)))  # nothing but the backfill writes
    rest = [hour for hour in DAY.hours() if hour.start not in HOURS]
    aggregate_hours(rest, store=store, registry=city.registry)
    store.close()
    child = city.start_airflow()
    yield child
    child.stop(20)


def test_mapped_tasks_write_the_rows_of_one_task(
    city: City, airflow: Child, tmp_path: Path
) -> None:
    live = open_store(f"sqlite:///{tmp_path}/live.db")
    city.fill(live, DAY)
    aggregate_hours(list(DAY.hours()), store=live, registry=city.registry)
    days = [Interval.city_day(DAY.start - timedelta(hours=1)), DAY]
    aggregate_days(days, store=live, registry=city.registry)
    aggregate_periods(days, until=DAY.end, store=live, registry=city.registry)

    wait_until_scheduled(city, airflow)
    store = open_store(city.store_url)
    districts = len(districts_of(city.registry))
    done = [
        task_runs(city, dag, "aggregate_district")
        for dag in ("hourly_aggregates", "daily_assessment")
    ]
    begun = time.monotonic()
    backfill(city, "hourly_aggregates", HOURS.start, HOURS.end - timedelta(minutes=1))
    wait_for(lambda: rows(store, DAY, Period.HOUR) == rows(live, DAY, Period.HOUR), airflow)
    print(f"an hour by {districts} districts: {time.monotonic() - begun:.0f} s")
    begun = time.monotonic()
    backfill(city, "daily_assessment", DAY.start, DAY.start + timedelta(minutes=30))
    for period in (Period.DAY, Period.DAYTIME, Period.NIGHT, Period.YEAR_TO_DATE):
        assert rows(live, DAY, period)
        wait_for(lambda period=period: rows(store, DAY, period) == rows(live, DAY, period), airflow)
    print(f"a day, and its periods after it: {time.monotonic() - begun:.0f} s")
    assert task_runs(city, "hourly_aggregates", "aggregate_district") - done[0] >= districts
    assert task_runs(city, "daily_assessment", "aggregate_district") - done[1] >= districts
    store.close()
    live.close()
