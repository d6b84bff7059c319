"""The alert's lifecycle, its evidence, and delivery that falls over.

Alerts of the first schema are carried over: those that were open stay open, closed ones count as
recovered.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.models import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIMES = {
    "alert": ("started", "ended", "opened", "closed", "peak_at", "certain", "level_since"),
    "alert_event": ("at",),
    "outbox_item": ("created", "next_attempt", "delivered"),
}
_TABLES = ("alert", "alert_event", "outbox_item")

REFUSAL = "evidence is append-only"
SQLITE = (
    f"""CREATE TRIGGER evidence_no_update BEFORE UPDATE ON evidence
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    # INSERT OR REPLACE deletes without asking the trigger of DELETE.
    f"""CREATE TRIGGER evidence_no_replace BEFORE INSERT ON evidence
    WHEN EXISTS (SELECT 1 FROM evidence
        WHERE id = NEW.id OR sha256 = NEW.sha256 OR previous = NEW.previous)
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
)
POSTGRESQL = (
    f"""CREATE FUNCTION evidence_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$""",
    """CREATE TRIGGER evidence_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence
    FOR EACH STATEMENT EXECUTE FUNCTION evidence_refuse()""",
)


def upgrade() -> None:
    kept = {name: _rows(name) for name in _TABLES}
    sensors = op.get_bind().execute(sa.text("SELECT id, medium FROM sensor"))
    media = {row.id: row.medium for row in sensors}
    _drop_first_tables()
    _create_tables()
    _insert("alert", [_alert(row, media[row["sensor"]]) for row in kept["alert"]])
    _insert("alert_event", _events(kept["alert_event"]))
    _insert("outbox_item", [_item(row) for row in kept["outbox_item"]])


def downgrade() -> None:
    kept = {name: _rows(name) for name in _TABLES}
    _drop_tables()
    _create_first_tables()
    alerts = [_first_alert(row) for row in kept["alert"] if row["sensor"] is not None]
    numbers = {row["id"] for row in alerts}
    _insert("alert", alerts)
    _insert("alert_event", [_first_event(e) for e in kept["alert_event"] if e["alert_id"] in numbers])
    _insert("outbox_item", _first_items(kept["outbox_item"], numbers))


def _rows(name: str) -> list[dict[str, Any]]:
    """All rows of a table as it is now, times timezone-aware."""
    bind = op.get_bind()
    columns = [column["name"] for column in sa.inspect(bind).get_columns(name)]
    typed = [sa.column(c, UtcTime()) if c in _TIMES[name] else sa.column(c) for c in columns]
    found = bind.execute(sa.select(*typed).select_from(sa.table(name)).order_by(sa.column("id")))
    return [dict(row) for row in found.mappings()]


def _insert(name: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    columns = [sa.column(c, UtcTime()) if c in _TIMES[name] else sa.column(c) for c in rows[0]]
    op.bulk_insert(sa.table(name, *columns), rows)
    if op.get_bind().dialect.name == "postgresql":  # numbers that were given count as taken
        op.execute(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))")


def _alert(row: dict[str, Any], medium: str) -> dict[str, Any]:
    closed = row["state"] == "closed"
    return row | {
        "rule_hash": "",
        "kind": "exceedance",
        "subject": row["sensor"],
        "subdistrict": None,
        "medium": medium,
        "outcome": "recovered" if closed else None,
        "route": "enforcement",
        "basis": "",
        "peak_at": row["started"],
        "excess": abs(row["peak"] - row["limit_value"]),
        "certain": row["opened"],
        "at_level": "subdistrict",
        "level_since": row["opened"],
        "late": False,
        "findings": "",
    }


def _events(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first schema kept no states; they follow from the moves, in order."""
    moves = {"opened": ("open", "open"), "updated": ("revise", None)}
    now: dict[int, str] = {}
    found = []
    for row in rows:
        kind = row.pop("kind")
        move, after = moves.get(kind, ("recover_and_close", "closed"))
        before = now.get(row["alert_id"])
        now[row["alert_id"]] = after or before or "open"
        found.append(
            row | {"move": move, "before": before, "after": now[row["alert_id"]], "why": ""}
        )
    return found


def _item(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"recipient": row["channel"], "channels": row["channel"], "address": "{}"}


def _first_alert(row: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "rule", "sensor", "station", "district", "parameter", "severity", "started")
    kept = (*names, "ended", "limit_value", "peak", "last", "opened", "closed")
    state = "closed" if row["state"] == "closed" else "open"
    return {name: row[name] for name in kept} | {"state": state}


def _first_event(row: dict[str, Any]) -> dict[str, Any]:
    kinds = {"open": "opened", "recover_and_close": "closed", "close": "closed"}
    kept = {name: row[name] for name in ("id", "alert_id", "at", "who", "detail")}
    return kept | {"kind": kinds.get(row["move"], "updated")}


def _first_items(rows: list[dict[str, Any]], numbers: set[int]) -> list[dict[str, Any]]:
    """One item for each event and channel: the first schema had no recipients."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if row["alert_id"] in numbers:
            kept = {k: v for k, v in row.items() if k not in ("recipient", "channels", "address")}
            found.setdefault((row["key"], row["channel"]), kept)
    return list(found.values())


def _drop_first_tables() -> None:
    op.drop_index("ix_outbox_due", table_name="outbox_item")
    op.drop_table("outbox_item")
    op.drop_index(op.f("ix_alert_event_alert_id"), table_name="alert_event")
    op.drop_table("alert_event")
    for name in ("station", "state", "sensor"):
        op.drop_index(op.f(f"ix_alert_{name}"), table_name="alert")
    op.drop_table("alert")


def _create_first_tables() -> None:
    op.create_table('alert',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('rule', sa.String(length=64), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('district', sa.String(length=64), nullable=False),
    sa.Column('parameter', sa.String(length=32), nullable=False),
    sa.Column('severity', sa.String(length=8), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('started', UtcTime(), nullable=False),
    sa.Column('ended', UtcTime(), nullable=True),
    sa.Column('limit_value', sa.Float(), nullable=False),
    sa.Column('peak', sa.Float(), nullable=False),
    sa.Column('last', sa.Float(), nullable=False),
    sa.Column('opened', UtcTime(), nullable=False),
    sa.Column('closed', UtcTime(), nullable=True),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.ForeignKeyConstraint(['station'], ['station.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('rule', 'sensor', 'started', name='uq_alert_breach')
    )
    op.create_index(op.f('ix_alert_sensor'), 'alert', ['sensor'], unique=False)
    op.create_index(op.f('ix_alert_state'), 'alert', ['state'], unique=False)
    op.create_index(op.f('ix_alert_station'), 'alert', ['station'], unique=False)
    op.create_table('alert_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('alert_id', sa.Integer(), nullable=False),
    sa.Column('at', UtcTime(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_alert_event_alert_id'), 'alert_event', ['alert_id'], unique=False)
    op.create_table('outbox_item',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('alert_id', sa.Integer(), nullable=False),
    sa.Column('event_id', sa.Integer(), nullable=False),
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('key', sa.String(length=128), nullable=False),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.Column('created', UtcTime(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_attempt', UtcTime(), nullable=False),
    sa.Column('delivered', UtcTime(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], ),
    sa.ForeignKeyConstraint(['event_id'], ['alert_event.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('key', 'channel', name='uq_outbox_item')
    )
    op.create_index('ix_outbox_due', 'outbox_item', ['delivered', 'next_attempt'], unique=False)


def _create_tables() -> None:
    op.create_table('channel_health',
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('worked', UtcTime(), nullable=True),
    sa.Column('failed', UtcTime(), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('failing', UtcTime(), nullable=True),
    sa.Column('next_try', UtcTime(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('channel')
    )
    op.create_table('duty',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('route', sa.String(length=32), nullable=False),
    sa.Column('area', sa.String(length=64), nullable=False),
    sa.Column('medium', sa.String(length=8), nullable=True),
    sa.Column('person', sa.String(length=64), nullable=False),
    sa.Column('channels', sa.String(length=128), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('since', UtcTime(), nullable=True),
    sa.Column('until', UtcTime(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_duty_route'), 'duty', ['route'], unique=False)
    op.create_table('rule_version',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('rule', sa.String(length=64), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('why', sa.Text(), nullable=False),
    sa.Column('at', UtcTime(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_rule_version_rule'), 'rule_version', ['rule'], unique=False)
    op.create_table('permit_limit',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('parameter', sa.String(length=32), nullable=False),
    sa.Column('value', sa.Float(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('since', UtcTime(), nullable=True),
    sa.Column('until', UtcTime(), nullable=True),
    sa.ForeignKeyConstraint(['station'], ['station.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_permit_limit_station'), 'permit_limit', ['station'], unique=False)
    op.create_table('alert',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('rule', sa.String(length=64), nullable=False),
    sa.Column('rule_hash', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=True),
    sa.Column('station', sa.String(length=64), nullable=True),
    sa.Column('district', sa.String(length=64), nullable=False),
    sa.Column('subdistrict', sa.String(length=64), nullable=True),
    sa.Column('medium', sa.String(length=8), nullable=False),
    sa.Column('parameter', sa.String(length=32), nullable=False),
    sa.Column('severity', sa.String(length=8), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('outcome', sa.String(length=16), nullable=True),
    sa.Column('route', sa.String(length=32), nullable=False),
    sa.Column('started', UtcTime(), nullable=False),
    sa.Column('ended', UtcTime(), nullable=True),
    sa.Column('limit_value', sa.Float(), nullable=False),
    sa.Column('basis', sa.Text(), nullable=False),
    sa.Column('peak', sa.Float(), nullable=False),
    sa.Column('peak_at', UtcTime(), nullable=False),
    sa.Column('excess', sa.Float(), nullable=False),
    sa.Column('last', sa.Float(), nullable=False),
    sa.Column('opened', UtcTime(), nullable=False),
    sa.Column('certain', UtcTime(), nullable=True),
    sa.Column('acknowledged', UtcTime(), nullable=True),
    sa.Column('dispatched', UtcTime(), nullable=True),
    sa.Column('arrived', UtcTime(), nullable=True),
    sa.Column('closed', UtcTime(), nullable=True),
    sa.Column('at_level', sa.String(length=16), nullable=False),
    sa.Column('level_since', UtcTime(), nullable=False),
    sa.Column('assignee', sa.String(length=64), nullable=True),
    sa.Column('snoozed_until', UtcTime(), nullable=True),
    sa.Column('incident', sa.Integer(), nullable=True),
    sa.Column('merged_into', sa.Integer(), nullable=True),
    sa.Column('late', sa.Boolean(), nullable=False),
    sa.Column('findings', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['merged_into'], ['alert.id'], ),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.ForeignKeyConstraint(['station'], ['station.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('rule', 'subject', 'started', name='uq_alert_breach')
    )
    op.create_index(op.f('ix_alert_district'), 'alert', ['district'], unique=False)
    op.create_index(op.f('ix_alert_incident'), 'alert', ['incident'], unique=False)
    op.create_index(op.f('ix_alert_sensor'), 'alert', ['sensor'], unique=False)
    op.create_index('ix_alert_started', 'alert', ['started'], unique=False)
    op.create_index(op.f('ix_alert_state'), 'alert', ['state'], unique=False)
    op.create_index(op.f('ix_alert_station'), 'alert', ['station'], unique=False)
    op.create_index('uq_alert_ongoing', 'alert', ['rule', 'subject'], unique=True, sqlite_where=sa.text('ended IS NULL'), postgresql_where=sa.text('ended IS NULL'))
    op.create_table('alert_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('alert_id', sa.Integer(), nullable=False),
    sa.Column('at', UtcTime(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('move', sa.String(length=24), nullable=False),
    sa.Column('before', sa.String(length=16), nullable=True),
    sa.Column('after', sa.String(length=16), nullable=False),
    sa.Column('why', sa.Text(), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_alert_event_alert_id'), 'alert_event', ['alert_id'], unique=False)
    op.create_table('evidence',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('alert_id', sa.Integer(), nullable=False),
    sa.Column('made', UtcTime(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('sha256'),
    sa.UniqueConstraint('previous')
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
    op.create_index(op.f('ix_evidence_alert_id'), 'evidence', ['alert_id'], unique=False)
    op.create_table('alert_photo',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('alert_id', sa.Integer(), nullable=False),
    sa.Column('event_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], ),
    sa.ForeignKeyConstraint(['event_id'], ['alert_event.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_alert_photo_alert_id'), 'alert_photo', ['alert_id'], unique=False)
    op.create_table('outbox_item',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('alert_id', sa.Integer(), nullable=True),
    sa.Column('event_id', sa.Integer(), nullable=True),
    sa.Column('recipient', sa.String(length=64), nullable=False),
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('channels', sa.String(length=128), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('key', sa.String(length=128), nullable=False),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.Column('created', UtcTime(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_attempt', UtcTime(), nullable=False),
    sa.Column('delivered', UtcTime(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], ),
    sa.ForeignKeyConstraint(['event_id'], ['alert_event.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('key', 'recipient', name='uq_outbox_item')
    )
    op.create_index('ix_outbox_due', 'outbox_item', ['channel', 'next_attempt'], unique=False, sqlite_where=sa.text('delivered IS NULL'), postgresql_where=sa.text('delivered IS NULL'))


def _drop_tables() -> None:
    op.drop_index('ix_outbox_due', table_name='outbox_item', sqlite_where=sa.text('delivered IS NULL'), postgresql_where=sa.text('delivered IS NULL'))
    op.drop_table('outbox_item')
    op.drop_index(op.f('ix_alert_photo_alert_id'), table_name='alert_photo')
    op.drop_table('alert_photo')
    op.drop_index(op.f('ix_evidence_alert_id'), table_name='evidence')
    op.drop_table('evidence')
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION evidence_refuse()")
    op.drop_index(op.f('ix_alert_event_alert_id'), table_name='alert_event')
    op.drop_table('alert_event')
    op.drop_index('uq_alert_ongoing', table_name='alert', sqlite_where=sa.text('ended IS NULL'), postgresql_where=sa.text('ended IS NULL'))
    op.drop_index(op.f('ix_alert_station'), table_name='alert')
    op.drop_index(op.f('ix_alert_state'), table_name='alert')
    op.drop_index('ix_alert_started', table_name='alert')
    op.drop_index(op.f('ix_alert_sensor'), table_name='alert')
    op.drop_index(op.f('ix_alert_incident'), table_name='alert')
    op.drop_index(op.f('ix_alert_district'), table_name='alert')
    op.drop_table('alert')
    op.drop_index(op.f('ix_permit_limit_station'), table_name='permit_limit')
    op.drop_table('permit_limit')
    op.drop_index(op.f('ix_rule_version_rule'), table_name='rule_version')
    op.drop_table('rule_version')
    op.drop_index(op.f('ix_duty_route'), table_name='duty')
    op.drop_table('duty')
    op.drop_table('channel_health')
