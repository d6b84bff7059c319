"""The audit log: kept with the change it tells of, and every tampering found and named."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from onenet.cli import app
from registry import Registry, audit, migrate, open_registry
from schemas.people import Person, Role

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
LENGTH = 8


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    url = f"sqlite:///{tmp_path}/r.db"
    migrate(url)
    opened = open_registry(url)
    yield opened
    opened.close()


def write(registry: Registry, number: int, **more: object) -> None:
    with registry.session.begin() as session:
        audit.note(
            session,
            at=NOON + timedelta(minutes=number),
            who="zhang.wei",
            action="rule.edit",
            subject=f"rule:{number}",
            before={"limit": number},
            after={"limit": number + 1},
            **more,  # type: ignore[arg-type]
        )


def raw(registry: Registry) -> sqlite3.Connection:
    """The file as somebody sees it who owns it, the triggers taken off."""
    db = sqlite3.connect(str(registry.engine.url.database), isolation_level=None)
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    return db


def test_a_whole_log_has_no_breaks(registry: Registry) -> None:
    assert audit.verify(registry) == []
    for number in range(LENGTH):
        write(registry, number)
    assert audit.verify(registry) == []
    newest = next(iter(audit.entries(registry)))
    assert (newest.number, newest.before, newest.after) == (LENGTH, {"limit": 7}, {"limit": 8})
    assert audit.head(registry) == audit.Head(LENGTH, newest.hash)


def test_an_entry_is_kept_with_its_change_or_not_at_all(registry: Registry) -> None:
    with registry.session() as session:
        audit.note(session, at=NOON, who="a", action="b", subject="c", before=None, after=None)
        session.rollback()
    assert audit.head(registry).number == 0
    write(registry, 1)
    assert audit.verify(registry) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET why = 'x'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET number = 0",
    ],
)
def test_the_database_refuses_to_change_what_was_written(
    registry: Registry, statement: str
) -> None:
    write(registry, 1)
    with (
        pytest.raises(DBAPIError, match="append-only"),
        registry.engine.begin() as connection,
    ):
        connection.exec_driver_sql(statement)
    assert audit.verify(registry) == []


COLUMNS = ("at", "who", "action", "subject", "before", "after", "why", "previous", "hash")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(1, LENGTH),
    column=st.sampled_from(COLUMNS),
    value=st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=12)),
)
def test_an_altered_entry_is_found_and_named(
    tmp_path_factory: pytest.TempPathFactory, number: int, column: str, value: str | None
) -> None:
    registry = filled(tmp_path_factory)
    db = raw(registry)
    if column == "at":
        value = "2026-01-01 00:00:00.000000"
    if value is None and column not in ("before", "after"):
        value = ""
    old = db.execute(f"SELECT {column} FROM audit WHERE number = ?", (number,)).fetchone()[0]
    if value == old:
        value = "another"
    db.execute(f"UPDATE audit SET {column} = ? WHERE number = ?", (value, number))
    db.close()
    assert number in {found.number for found in audit.verify(registry)}
    registry.close()


@settings(max_examples=40)
@given(first=st.integers(1, LENGTH), length=st.integers(1, LENGTH))
def test_removed_entries_are_found_and_named(
    tmp_path_factory: pytest.TempPathFactory, first: int, length: int
) -> None:
    registry = filled(tmp_path_factory)
    last = min(first + length - 1, LENGTH)
    db = raw(registry)
    db.execute("DELETE FROM audit WHERE number BETWEEN ? AND ?", (first, last))
    db.close()
    found = audit.verify(registry)
    assert (found[0].number, found[0].kind) == (first, "removed")
    assert str(last) in found[0].what
    registry.close()


@settings(max_examples=40)
@given(st.permutations(range(1, LENGTH + 1)))
def test_reordered_entries_are_found_and_named(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    registry = filled(tmp_path_factory)
    db = raw(registry)
    for old, new in enumerate(order, start=1):
        db.execute("UPDATE audit SET number = ? WHERE number = ?", (-new, old))
    db.execute("UPDATE audit SET number = -number")
    db.close()
    moved = {number for old, number in enumerate(order, start=1) if old != number}
    named = {found.number for found in audit.verify(registry) if found.kind == "altered"}
    assert named == moved
    registry.close()


def test_an_entry_forged_with_its_own_hash_breaks_the_chain_behind_it(registry: Registry) -> None:
    for number in range(3):
        write(registry, number)
    db = raw(registry)
    db.execute("UPDATE audit SET who = 'li.na' WHERE number = 2")
    with registry.session() as session:
        row = session.get(audit.AuditRow, 2)
        assert row is not None
        forged = audit._digest(audit._content(row))
    db.execute("UPDATE audit SET hash = ? WHERE number = 2", (forged,))
    db.close()
    assert [(b.number, b.kind) for b in audit.verify(registry)] == [(3, "replaced")]


def test_a_log_rewritten_from_end_to_end_is_found_by_a_head_that_was_kept(
    registry: Registry, tmp_path: Path
) -> None:
    write(registry, 1)
    kept = audit.head(registry)
    url = f"sqlite:///{tmp_path}/other.db"
    migrate(url)
    rewritten = open_registry(url)
    write(rewritten, 2)
    assert audit.verify(rewritten) == []
    assert [b.kind for b in audit.verify(rewritten, expected=kept)] == ["replaced"]
    longer = audit.Head(9, kept.hash)
    assert [b.what for b in audit.verify(registry, expected=longer)] == ["entries 2 to 9 removed"]
    assert audit.verify(registry, expected=kept) == []


def test_an_entry_beyond_the_head_is_found(registry: Registry) -> None:
    write(registry, 1)
    db = raw(registry)
    names = ", ".join(COLUMNS)
    db.execute(f"INSERT INTO audit (number, {names}) SELECT 5, {names} FROM audit")
    db.close()
    assert [(b.number, b.kind) for b in audit.verify(registry)] == [(5, "added")]


def test_many_writers_make_one_chain(registry: Registry) -> None:
    def several(writer: int) -> None:
        for number in range(10):
            write(registry, writer * 100 + number)

    threads = [threading.Thread(target=several, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audit.head(registry).number == 40
    assert audit.verify(registry) == []


def test_a_secret_is_told_as_changed_and_never_with_its_value(registry: Registry) -> None:
    with registry.session.begin() as session:
        audit.note(
            session,
            at=NOON,
            who="a",
            action="person.reset",
            subject="person:b",
            before=None,
            after={"password": "correct horse", "must_change": True},
        )
    entry = next(iter(audit.entries(registry)))
    assert entry.after == {"password": audit.NOT_KEPT, "must_change": True}


@pytest.mark.parametrize("text", ["\0", "\ud800", "'; DROP TABLE audit; --", "網" * 300])
def test_hostile_text_is_kept_without_breaking_the_chain(registry: Registry, text: str) -> None:
    with registry.session.begin() as session:
        audit.note(
            session,
            at=NOON,
            who=text,
            action="login.failed",
            subject=f"person:{text}",
            before={text: text},
            after=None,
            why=text,
        )
    assert audit.verify(registry) == []


def test_entries_are_found_by_who_action_subject_and_time(registry: Registry) -> None:
    for number in range(5):
        write(registry, number)
    find = lambda **by: [e.subject for e in audit.entries(registry, **by)]  # noqa: E731
    assert find(subject="rule:3") == ["rule:3"]
    assert find(who="zhang", action="rule.*", limit=2) == ["rule:4", "rule:3"]
    assert find(action="rule.edit", limit=2, offset=2) == ["rule:2", "rule:1"]
    assert find(who="%") == []
    span = {"since": NOON + timedelta(minutes=1), "until": NOON + timedelta(minutes=3)}
    assert find(**span) == ["rule:2", "rule:1"]
    assert audit.actions(registry) == ["rule.edit"]


def test_what_is_noted_may_hold_times_records_and_numbers_that_are_none(
    registry: Registry,
) -> None:
    with registry.session.begin() as session:
        person = Person(id="li.na", name="李娜", roles=(Role.OPERATOR,))
        fields = {"at": NOON, "person": person, "limit": float("nan")}
        audit.note(session, at=NOON, who="a", action="b", subject="c", before=None, after=fields)
    entry = next(iter(audit.entries(registry)))
    assert entry.after is not None
    assert entry.after["at"] == "2026-11-24T04:00:00Z"
    assert entry.after["person"]["roles"] == ["operator"]
    assert entry.after["limit"] == "NaN"
    assert audit.verify(registry) == []


def test_a_time_without_zone_is_refused(registry: Registry) -> None:
    with pytest.raises(ValueError, match="without zone"), registry.session.begin() as session:
        audit.note(
            session,
            at=datetime(2026, 1, 1),  # noqa: DTZ001
            who="a",
            action="b",
            subject="c",
            before=None,
            after=None,
        )


def test_the_command_verifies_lists_and_exports(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONENET_REGISTRY_URL", str(registry.engine.url))
    for number in range(3):
        write(registry, number, why="[bold]asked")
    run = lambda *words: CliRunner().invoke(app, ["audit", *words])  # noqa: E731
    whole = run("verify")
    assert whole.exit_code == 0
    assert "3 entries, 0 breaks" in whole.output
    head = whole.output.split("head ")[1].strip()
    assert run("verify", "--expect", head).exit_code == 0
    assert "rule:2" in run("list").output
    assert "[bold]asked" in run("list").output
    assert run("export", str(tmp_path / "log.jsonl")).exit_code == 0
    lines = (tmp_path / "log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["number"] for line in lines] == [3, 2, 1]
    db = raw(registry)
    db.execute("UPDATE audit SET who = 'nobody' WHERE number = 2")
    db.close()
    broken = run("verify")
    assert broken.exit_code == 1
    assert "altered: entry 2" in broken.output


def filled(factory: pytest.TempPathFactory) -> Registry:
    """A fresh copy of a log of eight entries."""
    template = factory.getbasetemp() / "audit-template.db"
    if not template.exists():
        migrate(f"sqlite:///{template}")
        opened = open_registry(f"sqlite:///{template}")
        for number in range(LENGTH):
            write(opened, number)
        with opened.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        opened.close()
    copy = factory.mktemp("audit") / "r.db"
    copy.write_bytes(template.read_bytes())
    return open_registry(f"sqlite:///{copy}")
