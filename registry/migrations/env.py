"""Alembic's entry: always in process, with the engine that `registry.engine.migrate` hands in."""

from alembic import context

from registry.models import Base

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
