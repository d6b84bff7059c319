"""The registry: migrations, the demo city, dead letters; on a real database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError, StatementError

from registry import NewDeadLetter, Registry, migrate, open_registry, seed_demo_city
from registry.engine import MIGRATIONS
from registry.models import Base, DeadLetterRow
from registry.seed import demo_city
from schemas import Medium, catalogue

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/deep/registry.db"


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    migrate(url)
    opened = open_registry(url)
    yield opened
    opened.close()


def letter(raw: bytes = b"{", topic: str = "onenet/v1/air/a-1/data/json") -> NewDeadLetter:
    return NewDeadLetter(
        topic=topic,
        sensor="a-1",
        raw=raw,
        arrived=NOON,
        code="json_broken",
        field="payload",
        value="{",
        reason_zh="报文不完整",
        reason_en="not complete JSON",
        readings=2,
        refused=(0, 3),
    )


def test_the_migrated_schema_is_that_of_the_models(registry: Registry) -> None:
    with registry.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrations_go_down_to_nothing_and_up_again(registry: Registry, url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = registry.engine
    command.downgrade(config, "base")
    assert inspect(registry.engine).get_table_names() == ["alembic_version"]
    migrate(url)
    assert "sensor" in inspect(registry.engine).get_table_names()


def test_two_processes_may_migrate_at_once(url: str) -> None:
    threads = [threading.Thread(target=migrate, args=(url,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert open_registry(url).version() == 1


def test_an_unknown_database_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="registry URL mysql://nobody: expected sqlite:///"):
        open_registry("mysql://nobody")


def test_the_demo_city_is_whole(registry: Registry) -> None:
    seed_demo_city(registry)
    stations, sensors, places = registry.stations(), registry.sensors(), registry.places()
    assert {s.medium for s in sensors.values()} == set(Medium)
    assert {s.level for s in stations.values()} == {"city", "district", "subdistrict"}
    assert {s.realm for s in stations.values()} >= {"land", "sea"}
    assert sum(p.kind == "district" for p in places.values()) == 11
    assert {s.state for s in sensors.values()} == {"active", "maintenance", "retired"}
    assert {s.enterprise for s in stations.values() if s.kind == "outfall"} <= set(
        registry.enterprises()
    )
    for place in places.values():
        assert place.kind != "subdistrict" or places[str(place.parent)].kind == "district"


@pytest.mark.parametrize("sensor", demo_city()[3], ids=lambda s: s.id)
def test_every_demo_sensor_measures_what_its_medium_has(sensor) -> None:
    stations = {station.id: station for station in demo_city()[2]}
    assert stations[sensor.station].medium == sensor.medium
    for key in sensor.parameters:
        assert sensor.medium in catalogue()[key].media


def test_a_month_of_the_demo_city_is_half_a_million_readings() -> None:
    month_s = 30 * 86_400
    played = [s for s in demo_city()[3] if s.source and s.state != "retired"]
    assert 450_000 <= sum(month_s // s.cadence_s for s in played) <= 600_000


def test_seeding_twice_changes_nothing_but_the_version(registry: Registry) -> None:
    seed_demo_city(registry)
    before, version = registry.sensors(), registry.version()
    seed_demo_city(registry)
    assert registry.sensors() == before
    assert registry.version() > version


def test_a_sensor_without_station_is_refused_and_leaves_nothing(registry: Registry) -> None:
    stray = demo_city()[3][0]
    with pytest.raises(IntegrityError):
        registry.add(sensors=[stray])
    assert registry.sensors() == {}


def test_a_serial_number_belongs_to_one_sensor(registry: Registry) -> None:
    seed_demo_city(registry)
    first = next(iter(registry.sensors().values()))
    with pytest.raises(IntegrityError):
        registry.add(sensors=[first.model_copy(update={"id": "another-1"})])


def test_the_same_message_is_one_dead_letter_seen_twice(registry: Registry) -> None:
    registry.add_dead_letters([letter()])
    registry.add_dead_letters([letter(), letter(b"["), letter(topic="onenet/v1/air/a-2/data/json")])
    assert sorted(kept.times_seen for kept in registry.dead_letters()) == [1, 1, 2]
    assert registry.dead_letter_counts() == {"json_broken": 8}
    assert registry.dead_letters_by_sensor() == {"a-1": 8}


def test_a_dead_letter_comes_back_as_it_was(registry: Registry) -> None:
    raw = bytes(range(256)) * 4096
    registry.add_dead_letters([letter(raw)])
    kept = registry.dead_letters(code="json_broken", sensor="a-1")[0]
    assert (kept.raw, kept.refused, kept.arrived, kept.replayed) == (raw, (0, 3), NOON, None)
    registry.mark_replayed(kept.id, NOON)
    again = registry.dead_letter(kept.id)
    assert again is not None
    assert again.replayed == NOON
    assert registry.dead_letter(10_000) is None


def test_a_time_without_zone_never_gets_in(registry: Registry) -> None:
    with pytest.raises(StatementError, match="time without zone"), registry.session.begin() as s:
        s.query(DeadLetterRow).filter(DeadLetterRow.arrived < datetime(2026, 1, 1)).all()  # noqa: DTZ001


def test_many_writers_do_not_disturb_each_other(registry: Registry) -> None:
    def write(writer: int) -> None:
        for number in range(20):
            registry.add_dead_letters([letter(f"{writer}-{number}".encode())])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.dead_letter_counts() == {"json_broken": 160}
