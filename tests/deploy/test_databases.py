"""deploy/postgres/databases.sh on a real PostgreSQL: who owns, who reads, who stays out."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

import alerts as alerting
from alerts.evidence import evidence_of, freeze, freeze_due, verify_chain
from dashboards import BOARDS, City, to_json
from registry import (
    NewDeadLetter,
    Registry,
    audit,
    migrate,
    open_registry,
    people,
    seed_demo_city,
    sessions,
)
from registry.loggers import admitted_loggers, fits, set_logger
from registry.samples import add_samples, find_samples, newest_samples, revisions_of
from schemas.people import Person, Role
from schemas.samples import Result, SampleMedium
from storage import open_store
from tests import postgres
from tests.dashboards.asking import filled_in
from tests.network.alerted import add_alert
from tests.parts import need
from tests.postgres import url

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    need("postgresql", postgres.available())
    with postgres.postgres(tmp_path_factory.mktemp("pg")) as running:
        yield running


@pytest.fixture(scope="module")
def console(server: dict[str, str]) -> Registry:
    """The registry as the console has it: made by its owner, filled, opened by the other user."""
    migrate(url(server, "registry", "registry"))
    seed_demo_city(open_registry(url(server, "registry", "registry")))
    return open_registry(url(server, "registry_console", "registry"))


def test_the_console_writes_the_registry_and_alters_no_table(
    server: dict[str, str], console: Registry
) -> None:
    assert len(console.sensors()) > 50
    people.add(
        console,
        Person(id="li.na", name="李娜", roles=(Role.OPERATOR,), scopes=("city",)),
        at=NOON,
        who="cli:test",
        password="four blue rivers run",
    )
    cookie = sessions.open_session(console, "li.na", at=NOON, lifetimes=sessions.Lifetimes())
    assert sessions.find_session(console, cookie, at=NOON, lifetimes=sessions.Lifetimes())
    with psycopg.connect(url(server, "registry_console", "registry"), autocommit=True) as db:
        for forbidden in (
            "CREATE TABLE x ()",
            "DROP TABLE sensor",
            "ALTER TABLE audit DISABLE TRIGGER ALL",
            "TRUNCATE audit",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(forbidden)


@pytest.mark.parametrize("user", ["registry_console", "registry"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET why = 'x'",
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET number = 0",
    ],
)
def test_no_user_of_ours_changes_what_the_audit_log_says(
    server: dict[str, str], console: Registry, user: str, statement: str
) -> None:
    note_something(console)
    with (
        psycopg.connect(url(server, user, "registry"), autocommit=True) as db,
        pytest.raises(psycopg.errors.RaiseException, match="append-only"),
    ):
        db.execute(statement)
    assert audit.verify(console) == []


def test_many_writers_make_one_chain_on_postgresql(console: Registry) -> None:
    before = audit.head(console).number

    def several() -> None:
        for _ in range(10):
            note_something(console)

    threads = [threading.Thread(target=several) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audit.head(console).number == before + 40
    assert audit.verify(console) == []


def test_evidence_is_one_chain_on_postgresql_and_no_user_of_ours_changes_it(
    server: dict[str, str], console: Registry, tmp_path: Path
) -> None:
    started = NOON - timedelta(hours=9)
    over = {"certain": None, "outcome": "lapsed", "closed": NOON}  # no board counts it
    add_alert(console, sensor="noise-dongmen-1", severity="red", started=started, **over)
    (alert,) = (a.id for a in alerting.alerts(console, states=["closed"]) if a.started == started)
    failures: list[Exception] = []

    def write(number: int) -> None:
        store = open_store(f"sqlite:///{tmp_path}/{number}.db")
        try:
            freeze(alert, registry=console, store=store, at=NOON, by=f"writer-{number}")
        except Exception as error:  # shown below, in the test's own thread
            failures.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    chain = evidence_of(console, alert)
    assert [one.previous for one in chain] == ["", *(one.sha256 for one in chain[:-1])]
    assert len(chain) == 4
    assert list(verify_chain(console)) == []
    store = open_store(f"sqlite:///{tmp_path}/due.db")
    assert freeze_due(console, store, NOON + timedelta(days=9)) == []
    store.close()
    for user in ("registry_console", "registry"):
        for statement in ("UPDATE evidence SET who = 'x'", "DELETE FROM evidence"):
            with (
                psycopg.connect(url(server, user, "registry"), autocommit=True) as db,
                pytest.raises(psycopg.errors.RaiseException, match="append-only"),
            ):
                db.execute(statement)


def test_the_gateway_reads_who_may_come_in_writes_what_it_refused_and_no_more(
    server: dict[str, str], console: Registry
) -> None:
    outfall = "water-outfall-songgang-plating-1"
    password = set_logger(console, outfall, mn="88888880000001", by="li", at=NOON)
    gateway = open_registry(url(server, "registry_gateway", "registry"))
    (logger,) = admitted_loggers(gateway).values()
    assert fits(password, logger.hash)
    assert gateway.version() > 0
    letter = NewDeadLetter(
        topic="hj212/9", sensor="unknown", raw=b"##", arrived=NOON, code="hj212_mn_unknown",
        field="MN", value="9", reason_zh="", reason_en="", readings=1,
    )  # fmt: skip
    gateway.add_dead_letters([letter, letter])
    (kept,) = console.dead_letters(code="hj212_mn_unknown")
    assert kept.times_seen == 2
    with psycopg.connect(url(server, "registry_gateway", "registry"), autocommit=True) as db:
        for forbidden in (
            "SELECT hash FROM credential",
            "SELECT * FROM person",
            "SELECT * FROM audit",
            "UPDATE data_logger SET mn = '1'",
            "DELETE FROM dead_letter",
            "INSERT INTO sensor (id) VALUES ('x')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(forbidden)


def note_something(registry: Registry) -> None:
    with registry.session.begin() as session:
        audit.note(session, at=NOON, who="a", action="b", subject="c", before=None, after={"d": 1})


def test_airflow_owns_its_database(server: dict[str, str]) -> None:
    with psycopg.connect(url(server, "airflow", "airflow"), autocommit=True) as db:
        db.execute("CREATE TABLE a (b int)")


@pytest.mark.parametrize(
    ("role", "database"),
    [
        ("airflow", "registry"),
        ("registry", "airflow"),
        ("registry_console", "airflow"),
        ("registry_grafana", "airflow"),
        ("registry_gateway", "airflow"),
        ("registry", "postgres"),
    ],
)
def test_nobody_enters_the_database_of_another(
    server: dict[str, str], role: str, database: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(url(server, role, database))


def test_a_wrong_password_does_not_open_a_database(server: dict[str, str]) -> None:
    wrong = url(server, "registry", "registry").replace(server["REGISTRY_DB_PASSWORD"], "guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_samples_are_kept_corrected_and_found_on_postgresql(server: dict[str, str]) -> None:
    owner = open_registry(url(server, "registry", "registry"))
    migrate(url(server, "registry", "registry"))
    seed_demo_city(owner)
    (newest,) = find_samples(owner, stations=["st-plot-yuehai-school"], limit=1)
    lead = Result(determinand="pb", value=Decimal("444.0"), unit="mg/kg")
    changed = newest.model_copy(update={"results": (lead,)})
    assert add_samples(owner, [changed], at=NOON, dry_run=True).revised
    assert add_samples(owner, [changed], at=NOON, who="system:import").revised
    assert add_samples(owner, [changed], at=NOON).unchanged
    reader = open_registry(url(server, "registry_console", "registry"))
    now, before = revisions_of(reader, newest.station, newest.number)
    assert (str(now.result("pb")), now.revision, before) == ("444.0", 2, newest)
    last = newest_samples(reader, SampleMedium.SOIL, date(2026, 11, 24))
    assert now in last
    assert len({one.station for one in last}) == 19


# Alerts on boards


def board_queries() -> dict[str, str]:
    """Every SQL query of the board of alerts and every mark, with Grafana's macros filled in."""
    found = {}
    for uid, make in BOARDS.items():
        board = json.loads(to_json(make(City.demo())))
        for panel in board["panels"] if uid == "onenet-alerts" else []:
            for target in panel.get("targets", []):
                found[f"{uid}: {panel['title']}"] = target["rawSql"]
        for marks in board["annotations"]["list"]:
            found[f"{uid}: {marks['name']}"] = marks["target"]["rawSql"]
    span = "BETWEEN '2026-11-01T00:00:00Z' AND '2026-12-01T00:00:00Z'"
    chosen = {
        "district": [place.id for place in City.demo().districts],
        "station": ["st-noise-dongmen"],
    }
    return {
        k: re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 {span}", filled_in(v, chosen))
        for k, v in found.items()
    }


@pytest.fixture(scope="module")
def alerted(console: Registry) -> Registry:
    """Three alerts of a day: one dealt with, one found unfounded, one that waits; one withdrawn."""

    def at(minutes: float) -> datetime:
        return NOON + timedelta(minutes=minutes)

    done = {"acknowledged": at(10), "dispatched": at(12), "arrived": at(42), "closed": at(90)}
    for number, (severity, more) in enumerate(
        (
            ("red", {**done, "outcome": "confirmed", "ended": at(60)}),
            ("yellow", {"acknowledged": at(50), "closed": at(60), "outcome": "unfounded"}),
            ("orange", {}),
            ("orange", {"closed": at(5), "outcome": "withdrawn"}),
        )
    ):
        ended = {"ended": at(number + 1)} | more
        add_alert(
            console, sensor="noise-dongmen-1", severity=severity, started=at(number / 60), **ended
        )
    return console


@pytest.mark.parametrize("where", board_queries())
def test_a_board_reads_alerts_by_its_own_user(
    server: dict[str, str], alerted: Registry, where: str
) -> None:
    with psycopg.connect(url(server, "registry_grafana", "registry"), row_factory=dict_row) as db:
        rows = db.execute(board_queries()[where].encode()).fetchall()
    if "告警 / Alerts" in where and "onenet-alerts" not in where:
        quiet = any(medium in where for medium in ("air", "water", "soil"))
        assert len(rows) == (0 if quiet else 3), where
    else:
        assert rows, where


def test_the_figures_of_the_alert_board_are_those_of_the_alerts(
    server: dict[str, str], alerted: Registry
) -> None:
    queries = {k.partition(": ")[2]: v for k, v in board_queries().items() if "-alerts:" in k}
    with psycopg.connect(url(server, "registry_grafana", "registry"), row_factory=dict_row) as db:

        def ask(title: str) -> list[dict[str, object]]:
            return db.execute(queries[title].encode()).fetchall()

        (grades,) = ask("未办结 · 按等级 / Not closed, by grade")
        assert grades == {"red": 0, "orange": 1, "yellow": 0, "blue": 0}
        assert ask("无人确认 / Not acknowledged") == [{"waiting": 1}]
        assert ask("误报率 / False alarms") == [{"false_share": 0.5}]
        (district,) = ask("各区 / By district")
        assert (district["alerts"], district["open"]) == (3, 1)
        assert float(district["acknowledged_median"]) == pytest.approx(30 * 60, abs=1)
        assert float(district["acknowledged_p90"]) == pytest.approx(50 * 60, abs=1)
        assert float(district["arrived_median"]) == 30 * 60
        (waits,) = ask("未办结告警 / Alerts in hand")
        assert waits["place"] == "东门道路噪声站 Dongmen Road"
        assert waits["started"] == NOON + timedelta(minutes=2 / 60)
        assert [row["alerts"] for row in ask("每日告警 / Alerts by day")] == [1, 1, 1]


def test_a_boards_user_sees_no_people_and_writes_nothing(
    server: dict[str, str], alerted: Registry
) -> None:
    with psycopg.connect(url(server, "registry_grafana", "registry"), autocommit=True) as db:
        for forbidden in (
            "SELECT * FROM alert",
            "SELECT * FROM person",
            "SELECT findings FROM alert",
            "SELECT * FROM audit",
            "SELECT payload FROM outbox_item",
            "SELECT address FROM duty",
            "SELECT last_error FROM channel_health",
            "SELECT raw FROM dead_letter",
            "UPDATE board_channel SET failures = 0",
            "DELETE FROM board_outbox",
            "DELETE FROM alert",
            "CREATE TABLE x ()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(forbidden)
        for view in VIEWS:
            columns = {
                c.name for c in db.execute(b"SELECT * FROM " + view.encode()).description or ()
            }
            assert not columns & PERSONAL, view


VIEWS = (
    "board_alert",
    "board_outbox",
    "board_channel",
    "board_dead_letter",
    "board_permit",
    "board_standing",
)
PERSONAL = {"assignee", "findings", "recipient", "address", "payload", "last_error", "raw"}
