"""What a real InfluxDB has to keep: how many series, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import polars as pl
import pytest

from schemas import (
    FlaggedReading,
    Interval,
    Medium,
    SensorId,
    SeriesTags,
    catalogue,
    to_ms,
)
from schemas.observation import AGGREGATES
from storage import Store, open_store, prepare
from storage.buckets import InfluxAddress
from storage.influx_csv import tables
from tests.influx import ORG, RunningInflux

pytestmark = pytest.mark.influx

T0 = datetime(2026, 11, 24, tzinfo=UTC)
DAY = Interval(T0, T0 + timedelta(days=1))
EVERY = timedelta(minutes=10)
SENSORS_A_MEDIUM = 10
SENSORS = SENSORS_A_MEDIUM * len(Medium)

Count = Callable[[str], int]


@pytest.fixture
def url(running_influx: RunningInflux) -> str:
    return running_influx.clean()


@pytest.fixture
def series(running_influx: RunningInflux, url: str) -> Count:
    """How many series a bucket of the store has, as InfluxDB counts them."""
    address = InfluxAddress.parse(url)

    def count(bucket: str) -> int:
        name = address.bucket(bucket)
        flux = f"""import "influxdata/influxdb"
influxdb.cardinality(bucket: "{name}", start: 1970-01-01T00:00:00Z, stop: 2200-01-01T00:00:00Z)"""
        answer = httpx.post(
            f"{running_influx.http}/api/v2/query",
            params={"org": ORG},
            headers={"Authorization": f"Token {running_influx.token}"},
            json={"query": flux, "dialect": {"header": True, "annotations": ["datatype"]}},
            timeout=60,
        )
        answer.raise_for_status()
        return sum(int(frame["_value"].sum()) for frame in tables(answer.content))

    return count


def city(at: datetime, value: float = 1.0, station: str = "st") -> Iterator[FlaggedReading]:
    """A reading of every sensor with every parameter of its medium; flags differ from time to
    time.
    """
    for medium in Medium:
        parameters = [p.key for p in catalogue().of_medium(medium)]
        for n in range(SENSORS_A_MEDIUM):
            tags = SeriesTags(medium, f"{station}-{medium}-{n % 3}", f"d-{n % 2}", f"s-{n % 4}")
            codes = dict.fromkeys(parameters, (1, 2, 33, 54)[at.hour % 4])
            values: dict[object, float | None] = dict.fromkeys(parameters, value + n + at.minute)
            yield FlaggedReading(
                SensorId(f"{medium}-{n}"), to_ms(at), values, codes, to_ms(at) + 500, tags
            )


def fill(store: Store, window: Interval, value: float = 1.0, station: str = "st") -> int:
    """Returns how many readings were written."""
    readings = []
    at = window.start
    while at < window.end:
        readings += city(at, value, station)
        at += EVERY
    store.write(readings)
    return len(readings)


def test_observations_have_one_series_a_sensor_however_many_messages_values_and_days(
    running_influx: RunningInflux, url: str, series: Count
) -> None:
    with closing(open_store(url, token=running_influx.token)) as store:
        fill(store, Interval.hour(T0))
        assert series("observations") == SENSORS
        for day in range(3):
            start = DAY.start + timedelta(days=day)
            assert fill(store, Interval(start, start + timedelta(days=1))) == 144 * SENSORS
        fill(store, Interval.hour(T0), value=9.0)  # corrected
        fill(store, Interval.hour(T0), value=9.0)  # doubled
        assert series("observations") == SENSORS
        moved = Interval.hour(DAY.end + timedelta(days=5))
        fill(store, moved, station="st-new")
        assert series("observations") == 2 * SENSORS, "one more for each place where it stood"


def test_the_books_have_two_series_a_sensor_and_worker_at_most(
    running_influx: RunningInflux, url: str, series: Count
) -> None:
    with closing(open_store(url, token=running_influx.token)) as store:
        fill(store, DAY)
        pending = 1
        assert series("accounts") == SENSORS + pending
        store.settle_hours(store.pending_hours(DAY.end))
        settled = 1
        fill(store, DAY, value=9.0)
        revised = SENSORS
        fill(store, Interval(DAY.end, DAY.end + timedelta(days=1)))
        assert series("accounts") == SENSORS + revised + pending + settled
    with closing(open_store(f"{url}&worker=2", token=running_influx.token)) as other:
        fill(other, Interval.hour(DAY.end + timedelta(days=3)))
        assert series("accounts") == 2 * (SENSORS + pending) + revised + settled


def test_aggregates_have_one_series_a_period_subject_and_parameter(
    running_influx: RunningInflux, url: str, series: Count
) -> None:
    with closing(open_store(url, token=running_influx.token)) as store:
        for hour in DAY.hours():
            for valid in (True, False):
                store.write_aggregates(aggregates(hour.start, valid))
        assert series("aggregates_hour") == len(SUBJECTS) * len(PARAMETERS)
        assert series("aggregates") == 2 * len(SUBJECTS) * len(PARAMETERS)


SUBJECTS = [("city", "city"), ("district", "d-1"), ("station", "st-1"), ("sensor", "s-1")]
PARAMETERS = ["pm25", "no2", "laeq"]


def aggregates(start: datetime, valid: bool) -> pl.DataFrame:
    """An hour, a day and a night of each; reason, method and edition change with time."""
    numbers = (1.0 * start.hour, 0.0, 2.0, 1, 1, 1.0)
    about = (valid, "" if valid else f"reason {start.hour}", "mean", f"edition {start.hour}")
    rows = [
        (level, subject, parameter, period, start, *numbers, *about)
        for level, subject in SUBJECTS
        for parameter in PARAMETERS
        for period in ("hour", "day", "night")
    ]
    return pl.DataFrame(rows, schema=AGGREGATES, orient="row")


def test_the_server_keeps_observations_90_days_hours_five_years_and_days_for_ever(
    running_influx: RunningInflux,
) -> None:
    prefix = "kept_"
    prepare(f"{running_influx.url}?prefix={prefix}", token=running_influx.token)
    answer = httpx.get(
        f"{running_influx.http}/api/v2/buckets",
        params={"org": ORG, "limit": 100},
        headers={"Authorization": f"Token {running_influx.token}"},
    )
    days = {
        bucket["name"].removeprefix(prefix): [
            rule["everySeconds"] / 86_400 for rule in bucket["retentionRules"]
        ]
        for bucket in answer.json()["buckets"]
        if bucket["name"].startswith(prefix)
    }
    for_ever, five_years = [0.0], [5 * 366.0]
    assert days == {
        "observations": [90.0],
        "aggregates_hour": five_years,
        "aggregates": for_ever,
        "accounts": five_years,
    }


def test_the_server_takes_nothing_older_than_it_keeps(running_influx: RunningInflux) -> None:
    url = f"{running_influx.url}?prefix=old_"
    prepare(url, token=running_influx.token)
    now = datetime.now(UTC)
    with closing(open_store(url, token=running_influx.token)) as store:
        old, young = (next(city(now - timedelta(days=days))) for days in (91, 89))
        old.arrived_ms = young.arrived_ms = to_ms(now)
        assert store.write([old, young]) == ["refused", "stored"]
        assert store.count_readings() == {young.sensor: 1}
