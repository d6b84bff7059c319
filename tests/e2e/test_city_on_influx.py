"""The whole way on production's parts: sensors, Mosquitto, ingest, InfluxDB, aggregation.

Each process has its own token, and the buckets keep as long as they are made for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from network import rejudge_pending
from onenet.stack import published_of, write_fleet
from schemas import FlaggedReading, Interval, Level, Medium, Period, SensorId, to_ms
from storage import Store, open_store, prepare
from tests.brokers import free_port, mosquitto
from tests.chaos.test_ingest_is_killed import Ingest, start_fleet, wait_until_all_is_in
from tests.city import demo_registry
from tests.influx import influx

pytestmark = [pytest.mark.chaos, pytest.mark.influx]


def readings_of(observations: pl.DataFrame) -> Iterator[FlaggedReading]:
    """Observations as the readings that they were."""
    for (sensor, ts), rows in observations.group_by("sensor", "ts"):
        values = dict(rows.select("parameter", "value").rows())
        codes = dict(rows.select("parameter", "quality").rows())
        at = to_ms(ts)  # type: ignore[arg-type]
        yield FlaggedReading(SensorId(str(sensor)), at, values, codes, at)


def test_what_sensors_send_is_in_influxdb_and_its_aggregates_are_those_of_sqlite(
    tmp_path: Path,
) -> None:
    registry = demo_registry(tmp_path)
    write_fleet(registry, tmp_path / "fleet.json")
    (tmp_path / "influx").mkdir()
    with influx(tmp_path / "influx") as server, mosquitto(tmp_path) as broker:
        url = f"{server.url}?prefix=city_"
        prepare(url, token=server.token)
        tokens = server.tokens(url)
        environment = {
            **broker.environment,
            "ONENET_STORE_URL": url,
            "ONENET_STORE_TOKEN": tokens["ingest"],
            "ONENET_REGISTRY_URL": f"sqlite:///{tmp_path}/registry.db",
            "ONENET_INGEST_PORT": str(free_port()),
        }
        ingest = Ingest(environment, tmp_path / "ingest.log")
        with (
            closing(open_store(url, token=tokens["console"])) as board,
            closing(open_store(url, token=tokens["airflow"])) as production,
            closing(open_store(f"sqlite:///{tmp_path}/o.db")) as embedded,
        ):
            try:
                ingest.wait_until_it_listens()
                assert start_fleet(broker, tmp_path, days=1.25).wait(400) == 0
                published = published_of(tmp_path / "ledger.json")
                wait_until_all_is_in(board, published)
                assert ingest.drain() == 0
            finally:
                ingest.kill()
            assert board.count_readings() == dict(published.distinct)
            now = datetime.now(UTC)
            wide = Interval(now - timedelta(days=40), now + timedelta(days=1))
            sums = board.account_sums(wide)
            balance = pl.col("stored") + pl.col("duplicate") + pl.col("dead_lettered")
            assert sums.filter(pl.col("received") != balance).is_empty()
            assert sums["stored"].sum() == sum(published.distinct.values())
            assert sums["duplicate"].sum() > 0

            seen = board.read(wide)
            media = {registry.sensors()[SensorId(name)].medium for name in seen["sensor"].unique()}
            assert media == set(Medium)
            embedded.write(list(readings_of(seen)))
            assert embedded.read(wide).equals(seen)
            for store in (production, embedded):
                rejudge_pending(now, store=store, registry=registry)
            same_aggregates(board, embedded, wide)
    registry.close()


def same_aggregates(one: Store, other: Store, window: Interval) -> None:
    for period in (Period.HOUR, Period.DAY, Period.DAYTIME, Period.NIGHT, Period.YEAR_TO_DATE):
        found = one.read_aggregates(window, period=period)
        assert not found.is_empty(), period
        if period is Period.HOUR:
            assert set(found["level"]) == set(Level)
        assert found.write_csv() == other.read_aggregates(window, period=period).write_csv()
