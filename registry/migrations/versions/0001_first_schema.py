"""The first schema: places, stations, sensors, dead letters, alerts, outbox."""

import sqlalchemy as sa
from alembic import op

from registry.models import UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('dead_letter',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('topic', sa.Text(), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('arrived', UtcTime(), nullable=False),
    sa.Column('code', sa.String(length=32), nullable=False),
    sa.Column('field', sa.Text(), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.Column('reason_zh', sa.Text(), nullable=False),
    sa.Column('reason_en', sa.Text(), nullable=False),
    sa.Column('readings', sa.Integer(), nullable=False),
    sa.Column('refused', sa.Text(), nullable=False),
    sa.Column('times_seen', sa.Integer(), nullable=False),
    sa.Column('replayed', UtcTime(), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('sha256')
    )
    op.create_index('ix_dead_letter_arrived', 'dead_letter', ['arrived'], unique=False)
    op.create_index(op.f('ix_dead_letter_code'), 'dead_letter', ['code'], unique=False)
    op.create_index(op.f('ix_dead_letter_sensor'), 'dead_letter', ['sensor'], unique=False)
    op.create_table('place',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('zh', sa.String(length=128), nullable=False),
    sa.Column('en', sa.String(length=128), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('parent', sa.String(length=64), nullable=True),
    sa.Column('lon', sa.Float(), nullable=True),
    sa.Column('lat', sa.Float(), nullable=True),
    sa.ForeignKeyConstraint(['parent'], ['place.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('version',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('enterprise',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('zh', sa.String(length=128), nullable=False),
    sa.Column('en', sa.String(length=128), nullable=False),
    sa.Column('permit', sa.String(length=64), nullable=False),
    sa.Column('district', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['district'], ['place.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('permit')
    )
    op.create_table('station',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('zh', sa.String(length=128), nullable=False),
    sa.Column('en', sa.String(length=128), nullable=False),
    sa.Column('level', sa.String(length=16), nullable=False),
    sa.Column('grade', sa.String(length=16), nullable=False),
    sa.Column('realm', sa.String(length=8), nullable=False),
    sa.Column('medium', sa.String(length=8), nullable=False),
    sa.Column('district', sa.String(length=64), nullable=False),
    sa.Column('subdistrict', sa.String(length=64), nullable=True),
    sa.Column('basin', sa.String(length=64), nullable=True),
    sa.Column('bay', sa.String(length=64), nullable=True),
    sa.Column('enterprise', sa.String(length=64), nullable=True),
    sa.Column('zone', sa.String(length=16), nullable=True),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('lon', sa.Float(), nullable=False),
    sa.Column('lat', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['basin'], ['place.id'], ),
    sa.ForeignKeyConstraint(['bay'], ['place.id'], ),
    sa.ForeignKeyConstraint(['district'], ['place.id'], ),
    sa.ForeignKeyConstraint(['enterprise'], ['enterprise.id'], ),
    sa.ForeignKeyConstraint(['subdistrict'], ['place.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('sensor',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('medium', sa.String(length=8), nullable=False),
    sa.Column('model', sa.String(length=64), nullable=False),
    sa.Column('serial', sa.String(length=64), nullable=False),
    sa.Column('cadence_s', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('installed', UtcTime(), nullable=True),
    sa.Column('source', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['station'], ['station.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('serial')
    )
    op.create_index(op.f('ix_sensor_station'), 'sensor', ['station'], unique=False)
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
    op.create_table('sensor_parameter',
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('parameter', sa.String(length=32), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.PrimaryKeyConstraint('sensor', 'parameter')
    )
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
    op.execute("INSERT INTO version (id, number) VALUES (1, 1)")


def downgrade() -> None:
    op.drop_index('ix_outbox_due', table_name='outbox_item')
    op.drop_table('outbox_item')
    op.drop_index(op.f('ix_alert_event_alert_id'), table_name='alert_event')
    op.drop_table('alert_event')
    op.drop_table('sensor_parameter')
    op.drop_index(op.f('ix_alert_station'), table_name='alert')
    op.drop_index(op.f('ix_alert_state'), table_name='alert')
    op.drop_index(op.f('ix_alert_sensor'), table_name='alert')
    op.drop_table('alert')
    op.drop_index(op.f('ix_sensor_station'), table_name='sensor')
    op.drop_table('sensor')
    op.drop_table('station')
    op.drop_table('enterprise')
    op.drop_table('version')
    op.drop_table('place')
    op.drop_index(op.f('ix_dead_letter_sensor'), table_name='dead_letter')
    op.drop_index(op.f('ix_dead_letter_code'), table_name='dead_letter')
    op.drop_index('ix_dead_letter_arrived', table_name='dead_letter')
    op.drop_table('dead_letter')
