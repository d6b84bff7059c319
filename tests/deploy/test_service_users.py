"""Each service's user of a real PostgreSQL does its whole part, and nothing of another's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import psycopg
import pytest
from sqlalchemy import text

from alerts import Router, alerts, deliver, escalate, freeze_due, judge, load_rules
from bulletin import area_of, compile_bulletin, span_of
from network import rejudge_pending
from network.health import review
from network.standings import look_at_certificates
from registry import Registry, audit, migrate, open_registry, seed_demo_city
from registry.accounts import RegistryIsTheList
from registry.commands import order, orders, send_commands
from registry.contacts import contact
from registry.credentials import issue
from registry.follow import reconcile
from registry.grants import CLOSED, grants
from registry.models import Base
from registry.quarantine import quarantined
from registry.work_orders import work_orders
from schemas import CITY_TIME, Interval
from schemas.clock import DAY
from storage import open_store
from tests import postgres
from tests.brokers import free_port, mosquitto
from tests.chaos.test_ingest_is_killed import Ingest
from tests.city import measured
from tests.deploy.test_outbox_postgresql import Counting
from tests.network.alerted import add_alert
from tests.parts import need
from tests.postgres import url

ROAD = "noise-dongmen-1"
RULE = """
- id: noise-at-once
  zh: 立即
  en: at once
  medium: noise
  parameter: laeq
  window: instant
  limit: {value: 60, reason: test}
  severity: yellow
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    need("postgresql", postgres.available())
    with postgres.postgres(tmp_path_factory.mktemp("pg")) as running:
        migrate(url(running, "registry", "registry"))
        with opened(running, "registry_console") as registry:  # the tools' and the demo's user
            seed_demo_city(registry)
        yield running


@contextmanager
def opened(server: dict[str, str], user: str) -> Iterator[Registry]:
    registry = open_registry(url(server, user, "registry"))
    yield registry
    registry.close()


def until(condition: Callable[[], object], told: Callable[[], str] = str) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, told()
        time.sleep(0.1)


# What is said


@pytest.mark.parametrize("user", grants())
def test_every_table_stands_once_under_each_user(user: str) -> None:
    named = [table for tables in grants()[user].values() for table in tables]
    assert sorted(named) == sorted(Base.metadata.tables)


def test_secrets_of_people_are_closed_to_every_machine() -> None:
    for by_rights in grants().values():
        assert {"person", "session", "api_token", "login_failure"} <= set(by_rights[CLOSED])


# What each may


def test_ingest_does_its_whole_part(server: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rule.yaml").write_text(RULE, "utf-8")
    log = tmp_path / "ingest.log"
    with mosquitto(tmp_path) as broker, opened(server, "registry_console") as registry:
        number = order(registry, ROAD, "restart", {}, by="li", at=datetime.now(UTC))
        send_commands(registry, lambda *_: True, datetime.now(UTC))
        environment = {
            **broker.environment,
            "ONENET_STORE_URL": f"sqlite:///{tmp_path}/o.db",
            "ONENET_REGISTRY_URL": url(server, "registry_ingest", "registry"),
            "ONENET_RULES": str(tmp_path / "rules"),
            "ONENET_INGEST_PORT": str(free_port()),
            "ONENET_INGEST_BATCH_AGE_S": "0.1",
        }
        worker = Ingest(environment, log)
        worker.wait_until_it_listens()
        sender = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        sender.connect("127.0.0.1", broker.port)
        sender.loop_start()

        def say(channel: str, body: object) -> None:
            topic = f"onenet/v1/noise/{ROAD}/{channel}/json"
            sender.publish(topic, json.dumps(body), qos=1).wait_for_publish(10)

        def told() -> str:
            return log.read_text("utf-8", "replace")[-3000:]

        say("status", {"state": "online", "ts": datetime.now(UTC).isoformat()})
        say("data", {"ts": datetime.now(UTC).isoformat(), "values": {"laeq": 88.0}})
        say("data", {"ts": "yesterday", "values": {"laeq": 50.0}})
        say("reply", {"id": number, "state": "done"})
        until(lambda: registry.dead_letters(sensor=ROAD), told)
        until(lambda: alerts(registry, rule="noise-at-once"), told)
        until(lambda: orders(registry, ROAD, datetime.now(UTC))[0].state == "done", told)
        until(lambda: (known := contact(registry, ROAD)) and known.accepted, told)
        issue(registry, RegistryIsTheList(), [ROAD], by="li", at=datetime.now(UTC))
        for _ in range(3000):
            sender.publish(f"onenet/v1/noise/{ROAD}/event/json", b"{}", qos=1)
        until(lambda: ROAD in quarantined(registry), told)
        assert worker.drain() == 0
        sender.disconnect()
        sender.loop_stop()
    assert "permission denied" not in log.read_text("utf-8", "replace")


def test_the_dags_do_their_whole_part(server: dict[str, str], tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(minute=20, second=0, microsecond=0)
    store = open_store(f"sqlite:///{tmp_path}/o.db")
    channel, router = Counting(), Router(["webhook"])
    only_one_alert(server, now)
    with opened(server, "registry_dags") as registry:
        for sensor in list(registry.sensors().values())[:12]:
            store.write(list(measured(sensor, Interval(now - 2 * DAY, now - DAY), cadence_s=600)))
        assert rejudge_pending(now, store=store, registry=registry).rows
        judge(now, rules=load_rules(), store=store, registry=registry, router=router)
        escalate(now + 7 * DAY, registry=registry, router=router)
        deliver(now, registry=registry, channels=[channel], router=router)
        assert review(now, store=store, registry=registry).opened, "silent sensors need somebody"
        assert work_orders(registry)
        look_at_certificates(["127.0.0.1:1"], now, registry=registry)
        reconcile(registry, RegistryIsTheList(), now)
        month = (now.astimezone(CITY_TIME).date().replace(day=1) - DAY).strftime("%Y-%m")
        compile_bulletin(
            area_of("city", registry),
            span_of(month, now),
            store=store,
            registry=registry,
            made=now,
        )
        close_every_alert(server)
        assert freeze_due(registry, store, now + 30 * DAY), "it is closed: its evidence is due"
        assert audit.verify(registry) == []
    store.close()


def only_one_alert(server: dict[str, str], now: datetime) -> None:
    """One that waits for somebody, by a rule that is shipped."""
    with opened(server, "registry_console") as registry:
        with registry.engine.begin() as db:
            for table in ("outbox_item", "alert_event", "alert"):
                db.execute(text(f"DELETE FROM {table}"))
        add_alert(registry, sensor=ROAD, severity="red", started=now - DAY)


def close_every_alert(server: dict[str, str]) -> None:
    with opened(server, "registry_console") as registry, registry.engine.begin() as db:
        db.execute(text("UPDATE alert SET state = 'closed', outcome = 'confirmed', closed = now()"))


# What each may not

DDL = ("CREATE TABLE x ()", "DROP TABLE sensor", "ALTER TABLE audit DISABLE TRIGGER ALL")
FORBIDDEN = {
    "registry_ingest": (
        "SELECT * FROM person",
        "SELECT * FROM session",
        "SELECT * FROM api_token",
        "INSERT INTO credential SELECT * FROM credential",
        "UPDATE credential SET hash = 'x'",
        "SELECT * FROM audit",
        "INSERT INTO sensor SELECT * FROM sensor",
        "UPDATE station SET zone = '4b'",
        "UPDATE rule_version SET content = ''",
        "UPDATE alert_event SET at = now()",
        "DELETE FROM dead_letter",
        "DELETE FROM alert",
        "INSERT INTO evidence SELECT * FROM evidence",
        "TRUNCATE dead_letter",
    ),
    "registry_dags": (
        "SELECT * FROM person",
        "SELECT * FROM session",
        "SELECT * FROM login_failure",
        "INSERT INTO person SELECT * FROM person",
        "UPDATE sensor SET state = 'retired'",
        "UPDATE dead_letter SET code = ''",
        "UPDATE audit SET who = 'x'",
        "DELETE FROM audit",
        "UPDATE evidence SET who = 'x'",
        "DELETE FROM alert",
        "TRUNCATE audit",
    ),
}


@pytest.mark.parametrize(
    ("user", "statement"), [(u, s) for u, all_of in FORBIDDEN.items() for s in (*DDL, *all_of)]
)
def test_a_user_does_nothing_of_another(server: dict[str, str], user: str, statement: str) -> None:
    with (
        psycopg.connect(url(server, user, "registry"), autocommit=True) as db,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        db.execute(statement.encode())


@pytest.mark.parametrize("user", grants())
@pytest.mark.parametrize("database", ["airflow", "postgres"])
def test_nobody_enters_the_database_of_another(
    server: dict[str, str], user: str, database: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(url(server, user, database))


# How rights come and go


def test_a_new_table_is_closed_until_it_has_a_line_and_what_was_given_by_hand_is_taken(
    server: dict[str, str],
) -> None:
    owner = url(server, "registry", "registry")
    with psycopg.connect(owner, autocommit=True) as db:
        db.execute("CREATE TABLE brand_new ()")
        db.execute("GRANT SELECT ON person TO registry_ingest")
    try:
        migrate(owner)
        with psycopg.connect(url(server, "registry_ingest", "registry"), autocommit=True) as db:
            for closed in ("SELECT * FROM brand_new", "SELECT * FROM person"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    db.execute(closed.encode())
            assert db.execute("SELECT count(*) FROM sensor").fetchone() != (0,)
    finally:
        with psycopg.connect(owner, autocommit=True) as db:
            db.execute("DROP TABLE brand_new")


def test_the_script_may_run_again_and_renews_passwords(server: dict[str, str]) -> None:
    changed = {**server, "REGISTRY_DAGS_DB_PASSWORD": "another password of .env"}
    postgres.run_script(changed)
    try:
        with opened(changed, "registry_dags") as registry:
            assert registry.sensors()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url(server, "registry_dags", "registry"))
    finally:
        postgres.run_script(server)
