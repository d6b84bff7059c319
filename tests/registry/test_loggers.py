"""Sensors as data loggers of HJ 212: who has which MN, and what is kept of the password."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from registry import Registry, audit
from registry.accounts import RegistryIsTheList
from registry.credentials import issue, suspend
from registry.devices import retire
from registry.life import UnknownSensor, history
from registry.loggers import admitted_loggers, fits, logger_of, loggers, remove_logger, set_logger
from registry.problems import Refused
from schemas.hj212 import Upload

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
OUTFALL, AIR = "water-outfall-songgang-plating-1", "air-lianhua-1"
MN = "010000A8900016F000169DC0"


def register(registry: Registry, sensor: str = OUTFALL, **how: str) -> str:
    return set_logger(registry, sensor, **{"mn": MN, **how}, by="li", at=NOW)


def test_a_logger_is_registered_with_a_password_that_is_kept_as_a_slow_hash_only(
    registry: Registry,
) -> None:
    before = registry.version()
    password = register(registry, upload="2051")
    assert len(password) == 6
    (admitted,) = admitted_loggers(registry).values()
    assert (admitted.sensor, admitted.medium, admitted.mn) == (OUTFALL, "water", MN)
    assert admitted.hash.startswith("$argon2id$")
    assert fits(password, admitted.hash)
    assert [(one.mn, one.upload) for one in loggers(registry)] == [(MN, Upload.MINUTES)]
    assert registry.version() > before
    with registry.session() as session:
        rows = [
            str(tuple(row))
            for table in ("audit", "sensor_event", "data_logger")
            for row in session.execute(text(f"SELECT * FROM {table}"))
        ]
    assert not [row for row in rows if password in row]


def test_each_change_is_told_in_the_history_and_in_the_audit_log(registry: Registry) -> None:
    register(registry, password="q8w3e2")
    assert register(registry, mn="88888880000001") == ""  # the password stays
    remove_logger(registry, OUTFALL, by="li", at=NOW, why="line given up")
    kinds = [line.kind for line in history(registry, OUTFALL)]
    assert kinds == ["logger_removed", "logger_set", "logger_set"]
    with registry.session() as session:
        query = "SELECT count(*) FROM audit WHERE action = 'sensor.logger'"
        assert session.scalar(text(query)) == 3
    assert audit.verify(registry) == []
    assert logger_of(registry, OUTFALL) is None
    assert not remove_logger(registry, OUTFALL, by="li", at=NOW)


def test_a_changed_logger_keeps_its_password_or_gets_the_new_one(registry: Registry) -> None:
    register(registry, password="q8w3e2")
    register(registry, upload="2061")
    assert fits("q8w3e2", admitted_loggers(registry)[MN].hash)
    register(registry, password="n4m5b6")
    assert fits("n4m5b6", admitted_loggers(registry)[MN].hash)


def test_an_mn_is_one_sensors_only(registry: Registry) -> None:
    register(registry)
    with pytest.raises(Refused, match=f"MN '{MN}' is that of {OUTFALL}"):
        register(registry, AIR)


@pytest.mark.parametrize(
    ("how", "field", "told"),
    [
        ({"mn": ""}, "mn", "is no MN"),
        ({"mn": "a;CN=9014"}, "mn", "is no MN"),
        ({"mn": "x" * 65}, "mn", "is no MN"),
        ({"password": "123456"}, "password", "guessed"),
        ({"password": "fedcba"}, "password", "guessed"),
        ({"password": "aaaaab"}, "password", "guessed"),
        ({"password": "short"}, "password", "6 to 16"),
        ({"password": "with;semicolon"}, "password", "6 to 16"),
        ({"upload": "2052"}, "upload", "2011, 2051, 2061, 2031"),
    ],
)
def test_what_cannot_be_is_refused_by_field_in_both_languages(
    registry: Registry, how: dict[str, str], field: str, told: str
) -> None:
    with pytest.raises(Refused, match=told) as refusal:
        register(registry, **how)
    (problem,) = refusal.value.problems
    assert problem.field == field
    assert problem.text("zh") != problem.text("en")
    assert loggers(registry) == []


def test_neither_a_stranger_nor_a_retired_sensor_is_a_logger(registry: Registry) -> None:
    with pytest.raises(UnknownSensor):
        register(registry, "nobody-1")
    register(registry)
    retire(registry, OUTFALL, by="li", at=NOW, why="closed down")
    assert admitted_loggers(registry) == {}
    with pytest.raises(Refused):
        register(registry)


def test_a_sensor_in_quarantine_is_let_in_by_no_gateway(registry: Registry) -> None:
    register(registry)
    issue(registry, RegistryIsTheList(), [OUTFALL], by="li", at=NOW)
    assert MN in admitted_loggers(registry)
    suspend(registry, RegistryIsTheList(), OUTFALL, by="li", at=NOW, why="flood")
    assert admitted_loggers(registry) == {}
