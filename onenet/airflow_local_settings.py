"""What Airflow on SQLite needs; copied into the home of a demo's Airflow, which imports it by name.

`airflow backfill create` opens a savepoint, reads, and then writes. SQLite lets one that has read
become a writer only if nobody wrote meanwhile; beside a running scheduler that ends in 'database is
locked' at once, whatever the time-out. So a savepoint takes the write lock before it reads.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, event


@event.listens_for(Engine, "savepoint")
def lock_first(connection: Connection, _name: str) -> None:
    if connection.dialect.name != "sqlite":
        return
    driver = connection.connection.driver_connection
    if driver is not None and not driver.in_transaction:
        driver.execute("BEGIN IMMEDIATE")
