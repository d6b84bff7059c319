"""Every revision of the registry, up and down with rows in every table, on both databases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from registry import Registry, audit, migrate, open_registry, seed_demo_city
from registry.engine import MIGRATIONS
from registry.models import Base
from tests.parts import need
from tests.postgres import available, postgres, url

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
REVISIONS = [
    script.revision
    for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()  # the newest first
]
ONE_ROW = {"audit_head", "version"}
Rows = dict[str, list[dict[str, Any]]]


@contextmanager
def database(kind: str, home: Path) -> Iterator[str]:
    """An empty database of the kind; of PostgreSQL with every role of production."""
    if kind == "sqlite":
        yield f"sqlite:///{home}/registry.db"
        return
    need("postgresql", available())
    with postgres(home) as server:
        yield url(server, "registry", "registry")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The demo city at the newest revision, with at least one row in every table."""
    with database(request.param, tmp_path_factory.mktemp("migrations")) as address:
        migrate(address)
        opened = open_registry(address)
        seed_demo_city(opened)
        with opened.session.begin() as session:
            audit.note(
                session, at=NOON, who="cli:test", action="a", subject="b", before=None, after={}
            )
        fill_what_is_empty(opened)
        yield opened
        opened.close()


def fill_what_is_empty(registry: Registry) -> None:
    """One made-up row in each table that has none; what it refers to is there already."""
    numbers = itertools.count(1)
    with registry.engine.begin() as db:
        for table in Base.metadata.sorted_tables:
            if db.execute(sa.select(sa.func.count()).select_from(table)).scalar_one():
                continue
            given = [c for c in table.columns if c is not table.autoincrement_column]
            row = {c.name: made_up(db, c, next(numbers)) for c in given}
            db.execute(table.insert().values(**row))


def made_up(db: sa.Connection, column: sa.Column[Any], number: int) -> Any:
    for key in column.foreign_keys:
        return db.execute(sa.select(key.column).limit(1)).scalar()
    if column.nullable and not column.primary_key:
        return None
    stored = getattr(column.type, "impl_instance", column.type)  # of our moments, the database's
    kind = dict if isinstance(stored, sa.JSON) else stored.python_type
    return {
        int: number,
        float: float(number),
        bool: True,
        bytes: b"x",
        str: f"x{number}",
        datetime: NOON,
        dict: {},
    }[kind]


def rows_of(registry: Registry) -> Rows:
    """Everything in the database, as it is stored, in an order of its own."""
    tables = sa.MetaData()
    with registry.engine.connect() as db:
        tables.reflect(db)
        return {
            name: sorted(map(dict, db.execute(sa.select(table)).mappings()), key=repr)
            for name, table in tables.tables.items()
            if name != "alembic_version"
        }


def numbers_taken(registry: Registry, tables: set[str]) -> list[str]:
    """Tables that would give their next row a number that a row has: made anew, and begun at 1."""
    if registry.engine.dialect.name == "sqlite":  # takes the largest and adds one
        return []
    found = []
    with registry.engine.begin() as db:
        for table in Base.metadata.sorted_tables:
            column = table.autoincrement_column
            if column is None or table.name not in tables or table.name in ONE_ROW:
                continue
            named = sa.func.pg_get_serial_sequence(table.name, column.name)
            coming = db.execute(sa.select(sa.func.nextval(named))).scalar_one()
            if coming <= db.execute(sa.select(sa.func.max(column))).scalar_one():
                found.append(table.name)
    return found


def config_of(registry: Registry) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = registry.engine
    return config


def test_every_table_has_rows(registry: Registry) -> None:
    empty = [name for name, rows in rows_of(registry).items() if not rows]
    assert empty == []


def test_each_step_down_and_up_again_loses_only_what_the_step_brought(registry: Registry) -> None:
    config = config_of(registry)
    try:
        for revision in REVISIONS:
            above = rows_of(registry)
            command.downgrade(config, "-1")
            below = rows_of(registry)
            for table in set(above) & set(below):
                assert len(below[table]) == len(above[table]), f"{revision} down: {table}"
            command.upgrade(config, revision)
            again = rows_of(registry)
            assert set(again) == set(above), revision
            for table in set(above) & set(below):
                assert len(again[table]) == len(above[table]), f"{revision} up: {table}"
                if not above[table] or above[table][0].keys() == below[table][0].keys():
                    assert again[table] == above[table], f"{revision}: {table}"
            assert numbers_taken(registry, set(above) & set(below)) == [], revision
            command.downgrade(config, "-1")
        assert rows_of(registry) == {}
    finally:
        command.upgrade(config, "head")


def test_the_schema_is_that_of_the_models_and_works(registry: Registry) -> None:
    with registry.engine.connect() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    seed_demo_city(registry)
    with registry.session.begin() as session:
        audit.note(session, at=NOON, who="cli:test", action="a", subject="b", before=None, after={})
    assert audit.verify(registry) == []
    with registry.engine.begin() as db, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        db.execute(sa.text("UPDATE audit SET who = 'x'"))
