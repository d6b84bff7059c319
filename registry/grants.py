"""Who may do what in the registry's tables on PostgreSQL; the rights are in `grants.yaml`.

Given anew after every migration, by the owner: a table that came with it is closed to a service
until it has a line. Users that this server does not have are left out: one machine may have fewer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

import yaml
from sqlalchemy import Connection, text

CLOSED = "closed"
# Only one of several that migrate at once; any number that nothing else of ours takes.
LOCK = 7_310_018


@cache
def grants() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """By user: rights, or `closed`, with the tables that they hold for."""
    source = resources.files("registry").joinpath("grants.yaml").read_text("utf-8")
    return {
        user: {rights: tuple(tables) for rights, tables in by_rights.items()}
        for user, by_rights in yaml.safe_load(source).items()
    }


def give_rights(connection: Connection) -> None:
    """Bring the rights of every user of the server to what `grants.yaml` says; in a transaction."""
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    there = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
    for user, by_rights in grants().items():
        if user in there:
            for statement in _statements(user, by_rights):
                connection.execute(text(statement))


def _statements(user: str, by_rights: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Names are those of our own file, never of an entry."""
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {user}"
    for rights, tables in by_rights.items():
        if rights != CLOSED:
            yield f"GRANT {rights} ON {', '.join(tables)} TO {user}"
    # To take a number is nothing without the right to insert the row that it is for.
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {user}"
