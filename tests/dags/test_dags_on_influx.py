"""The DAGs of hours, days and late data by a real Airflow on InfluxDB: the rows of live SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec

import pytest

from network import (
    aggregate_days,
    aggregate_hours,
    assess_days,
    assess_hours,
    rejudge_pending,
)
from schemas import FlaggedReading, Interval, ParameterKey, Period, SensorId, to_ms
from schemas.clock import DAY, HOUR
from storage import Store, open_store
from tests.city import measured
from tests.dags.city import AIRFLOW, City, rows
from tests.influx import influx
from tests.parts import need

pytestmark = [pytest.mark.airflow, pytest.mark.influx]

CHAIN = ("hourly_aggregates", "daily_assessment", "late_data")
PARTS_OF_DAY = (Period.DAY, Period.DAYTIME, Period.NIGHT)
YESTERDAY = Interval.city_day(datetime.now(UTC) - DAY)
FAR = YESTERDAY.end + 9 * DAY
SENSOR, LAEQ = SensorId("noise-lianhua-1"), ParameterKey("laeq")
LATE = YESTERDAY.start + timedelta(hours=9, seconds=1)


@dataclass(frozen=True)
class Stores:
    """The same readings twice: where Airflow works, and where the functions are called here.

    dags: what a DAG's token may do; url, token: for Airflow. ingest: what ingest's may do.
    """

    url: str
    token: str
    dags: Store
    ingest: Store
    live: Store

    def write(self, readings: list[FlaggedReading]) -> None:
        for store in (self.ingest, self.live):
            store.write(readings)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    need("airflow", find_spec("airflow") is not None)
    made = City(tmp_path_factory.mktemp("city"), only=CHAIN)
    made.run(str(AIRFLOW), "db", "migrate")
    yield made
    made.registry.close()


@pytest.fixture(scope="module")
def stores(city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    span = Interval(YESTERDAY.start, datetime.now(UTC) + HOUR)  # for an hour may end meanwhile
    with ExitStack() as stack:
        server = stack.enter_context(influx(tmp_path_factory.mktemp("influx")))
        url = server.clean()
        tokens = server.tokens(url)

        def opened(at: str, token: str = "") -> Store:
            return stack.enter_context(closing(open_store(at, token=token)))

        made = Stores(
            url,
            tokens["airflow"],
            opened(url, tokens["airflow"]),
            opened(url, tokens["ingest"]),
            opened(city.store_url),
        )
        made.write([r for s in city.registry.sensors().values() for r in measured(s, span)])
        yield made


def run(city: City, dag: str, stores: Stores) -> datetime:
    """Run a DAG within one hour; returns the end of the hour that was over."""
    while True:
        begun = Interval.hour(datetime.now(UTC)).start
        city.test(dag, stores.url, stores.token)
        if Interval.hour(datetime.now(UTC)).start == begun:
            return begun


def same(stores: Stores, window: Interval, period: Period) -> list[tuple[object, ...]]:
    """The rows of a period, which are those of both stores."""
    expected = rows(stores.live, window, period)
    assert expected
    assert rows(stores.dags, window, period) == expected
    return expected


def test_an_hour_a_day_and_late_data_end_in_the_rows_of_live_aggregation(
    city: City, stores: Stores
) -> None:
    live, registry = stores.live, city.registry
    now = run(city, "hourly_aggregates", stores)
    hour = Interval.hour(now - HOUR)
    aggregate_hours([hour], store=live, registry=registry)
    assess_hours([hour], store=live, registry=registry)
    same(stores, hour, Period.HOUR)

    hours = list(YESTERDAY.hours())
    for store in (live, stores.dags):
        aggregate_hours(hours, store=store, registry=registry)
        assess_hours(hours, store=store, registry=registry)
        store.settle_hours(store.pending_hours(FAR))
    now = run(city, "daily_assessment", stores)
    over = Interval.city_day(now - DAY)
    days = [Interval.city_day(over.start - HOUR), over]
    aggregate_days(days, store=live, registry=registry)
    assess_days(days, store=live, registry=registry)
    wide = Interval(days[0].start, now)
    judged = {period: same(stores, wide, period) for period in PARTS_OF_DAY}
    before = same(stores, YESTERDAY, Period.HOUR)

    late = FlaggedReading(SENSOR, to_ms(LATE), {LAEQ: 119.0}, {}, to_ms(datetime.now(UTC)))
    stores.write([late])
    now = run(city, "late_data", stores)
    assert rejudge_pending(now, store=live, registry=registry).hours == 1
    changed = set(before) ^ set(same(stores, YESTERDAY, Period.HOUR))
    assert {row[4] for row in changed} == {Interval.hour(LATE).start}
    assert ("sensor", SENSOR, LAEQ) in {row[:3] for row in changed}
    assert judged[Period.DAY] != same(stores, wide, Period.DAY)
    assert stores.dags.pending_hours(FAR) == []
