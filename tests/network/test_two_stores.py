"""The same readings through both stores give the same aggregates, bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from network import (
    aggregate_days,
    aggregate_hours,
    aggregate_periods,
    assess_days,
    assess_hours,
)
from registry import Registry
from schemas import CITY_TIME, FlaggedReading, Interval, Period, SeriesTags
from storage import Store, open_store
from tests import influx

START = datetime(2026, 12, 30, tzinfo=CITY_TIME)
SPAN = Interval(START, START + timedelta(hours=26))
WIDE = Interval(datetime(2026, 1, 1, tzinfo=CITY_TIME), START + timedelta(days=3))
NEXT_YEAR = datetime(2027, 1, 1, tzinfo=CITY_TIME)


@pytest.mark.influx
def test_both_stores_lead_to_the_same_aggregates(
    tmp_path: Path,
    open_store_at: Callable[[str], Store],
    registry: Registry,
    readings: Callable[[Interval], list[FlaggedReading]],
) -> None:
    stations = {sensor.id: sensor.station for sensor in registry.sensors().values()}
    stream = readings(SPAN)
    for reading in stream:
        reading.tags = SeriesTags("air", stations[reading.sensor] or "")
    with influx.influx(tmp_path) as running:
        embedded = open_store_at("city")
        production = open_store(running.clean(), token=running.token)
        for store in (embedded, production):
            store.write(stream)
            assert store.write(stream[:6000]) == ["duplicate"] * 6000
            aggregate_hours(list(SPAN.hours()), store=store, registry=registry)
            aggregate_hours(list(SPAN.hours())[:3], store=store, registry=registry)
            days = list(SPAN.city_days())[:1]
            aggregate_days(days, store=store, registry=registry)
            assess_hours(list(SPAN.hours()), store=store, registry=registry)
            assess_days(days, store=store, registry=registry)
            for until in (days[0].end, NEXT_YEAR):
                aggregate_periods(days, until=until, store=store, registry=registry)
        for period in Period:
            expected = embedded.read_aggregates(WIDE, period=period)
            assert not expected.is_empty()
            assert production.read_aggregates(WIDE, period=period).rows() == expected.rows()
        assert production.read(SPAN).rows() == embedded.read(SPAN).rows()
        assert production.latest().rows() == embedded.latest().rows()
        assert production.account(WIDE).rows() == embedded.account(WIDE).rows()
        assert production.count_readings() == embedded.count_readings()
        hours = [each.hour for each in embedded.pending_hours(WIDE.end)]
        assert [each.hour for each in production.pending_hours(WIDE.end)] == hours
        production.close()
