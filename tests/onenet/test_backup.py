"""A backup taken while ingest writes comes back whole: store, and registry on both databases."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from onenet.backup import MANIFEST, BackupTrouble, back_up, check, restore
from onenet.cli import app
from registry import Registry, audit, migrate, open_registry, seed_demo_city
from schemas import FlaggedReading, Interval, ParameterKey, SensorId
from storage import Store, open_store
from tests import postgres
from tests.parts import need
from tests.registry.test_registry import letter

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
ALL = Interval(NOON - timedelta(days=1), NOON + timedelta(days=30))


class Writing:
    """As ingest does it, over and over: refusals, readings, their account; and an audit entry."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store, self._registry = store, registry
        self.rounds = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            at = int((NOON + timedelta(minutes=self.rounds)).timestamp() * 1000)
            refused = letter(raw=f"{{ {self.rounds}".encode())
            self._registry.add_dead_letters([replace(refused, readings=1)])
            sensors = [SensorId(f"noise-{n}") for n in range(20)]
            laeq = {ParameterKey("laeq"): 50.0 + self.rounds % 30}
            readings = [FlaggedReading(s, at, laeq, {}, at) for s in sensors]
            key = (SensorId("a-1"), at // 3_600_000 * 3_600_000)
            self._store.write(readings, dead_lettered={key: 1})
            with self._registry.session.begin() as session:
                audit.note(
                    session, at=NOON, who="a", action="b", subject="c", before=None, after={}
                )
            self.rounds += 1

    def until(self, rounds: int) -> None:
        while self.rounds < rounds:
            assert self._thread.is_alive()
            self._stop.wait(0.01)

    def __enter__(self) -> Writing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)


@contextmanager
def registries(kind: str, home: Path) -> Iterator[tuple[str, str]]:
    """Where the registry is, and where it comes back to."""
    if kind == "sqlite":
        yield f"sqlite:///{home}/r.db", f"sqlite:///{home}/back/r.db"
        return
    need("postgresql", postgres.available())
    with postgres.postgres(home) as server:
        before = postgres.url(server, "registry", "registry")
        admin = f"postgresql://postgres@/postgres?host={server['PGHOST']}&port={server['PORT']}"
        with psycopg.connect(admin, autocommit=True) as db:
            db.execute("CREATE DATABASE back OWNER registry")
        yield before, before.removesuffix("/registry") + "/back"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_copied_under_load_comes_back_whole(tmp_path: Path, kind: str) -> None:
    with registries(kind, tmp_path) as (registry_url, back_url):
        before = {"store": f"sqlite:///{tmp_path}/o.db", "registry": registry_url}
        after = {"store": f"sqlite:///{tmp_path}/back/o.db", "registry": back_url}
        migrate(registry_url)
        registry, store = open_registry(registry_url), open_store(before["store"])
        seed_demo_city(registry)
        seeded = audit.head(registry).number
        with Writing(store, registry) as writing:
            writing.until(10)
            begun = writing.rounds
            copies = back_up(before, tmp_path / "copy")
            ended = writing.rounds
            writing.until(ended + 5)
        assert {copy.name for copy in copies} == {"store", "registry"}
        store.close()

        restore(after, tmp_path / "copy")
        migrate(back_url)
        back, back_store = open_registry(back_url), open_store(after["store"])
        assert audit.verify(back) == []
        assert begun <= audit.head(back).number - seeded <= ended + 1
        assert len(back.sensors()) == len(registry.sensors())
        counts = back_store.count_readings()
        assert len(counts) == 20
        rounds = set(counts.values())
        assert len(rounds) == 1, "a write is in the copy with all its sensors, or not at all"
        assert begun <= rounds.pop() <= ended + 1
        books = back_store.account(ALL).sum()
        assert books["stored"][0] == sum(counts.values())
        refused = sum(back.dead_letter_counts().values())
        assert refused >= books["dead_lettered"][0], "the registry's copy is the later one"
        back_store.close()
        back.close()
        registry.close()


def test_a_backup_that_was_changed_or_cut_off_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/r.db"
    migrate(url)
    back_up({"registry": url}, tmp_path / "copy")
    assert [one.name for one in check(tmp_path / "copy")] == ["registry"]
    assert (tmp_path / "copy" / "registry.db").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupTrouble, match="not empty"):
        back_up({"registry": url}, tmp_path / "copy")
    with pytest.raises(BackupTrouble, match="move it away"):
        restore({"registry": url}, tmp_path / "copy")
    with (tmp_path / "copy" / "registry.db").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BackupTrouble, match="was changed"):
        check(tmp_path / "copy")
    (tmp_path / "copy" / MANIFEST).unlink()
    with pytest.raises(BackupTrouble, match="no whole backup"):
        check(tmp_path / "copy")


def test_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def at(folder: str) -> None:
        monkeypatch.setenv("ONENET_STORE_URL", f"sqlite:///{tmp_path}/{folder}/o.db")
        monkeypatch.setenv("ONENET_REGISTRY_URL", f"sqlite:///{tmp_path}/{folder}/r.db")

    run = CliRunner().invoke
    at("one")
    missing = run(app, ["backup", "take", str(tmp_path / "none")])
    assert missing.exit_code == 1
    migrate(os.environ["ONENET_REGISTRY_URL"])
    open_store(os.environ["ONENET_STORE_URL"]).close()
    assert run(app, ["backup", "take", str(tmp_path / "copy")]).exit_code == 0
    assert run(app, ["backup", "check", str(tmp_path / "copy")]).exit_code == 0
    at("two")
    done = run(app, ["backup", "restore", str(tmp_path / "copy")])
    assert done.exit_code == 0, done.output
    assert "the audit log is whole" in done.output
    monkeypatch.setenv("ONENET_STORE_URL", "influx://127.0.0.1:1/onenet")
    own = subprocess.run(
        ["onenet", "backup", "take", str(tmp_path / "influx")], capture_output=True, text=True
    )
    assert own.returncode == 1
    assert "docs/deployment.md" in own.stderr
    assert "Traceback" not in own.stderr
