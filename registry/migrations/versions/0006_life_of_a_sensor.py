"""Credentials, commissioning, calibration, maintenance, work orders."""

import sqlalchemy as sa
from alembic import op

from registry.models import UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('contact',
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('state_at', UtcTime(), nullable=True),
    sa.Column('session', sa.BigInteger(), nullable=True),
    sa.Column('heard', UtcTime(), nullable=True),
    sa.Column('accepted', UtcTime(), nullable=True),
    sa.Column('skew_s', sa.Float(), nullable=True),
    sa.Column('battery', sa.Float(), nullable=True),
    sa.Column('rssi', sa.Float(), nullable=True),
    sa.Column('firmware', sa.String(length=32), nullable=False),
    sa.Column('refused', UtcTime(), nullable=True),
    sa.Column('refused_code', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('sensor')
    )
    op.create_table('calibration',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('parameter', sa.String(length=32), nullable=False),
    sa.Column('at', UtcTime(), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('reference', sa.Float(), nullable=False),
    sa.Column('found', sa.Float(), nullable=False),
    sa.Column('left', sa.Float(), nullable=False),
    sa.Column('drift', sa.Float(), nullable=False),
    sa.Column('drift_percent', sa.Float(), nullable=False),
    sa.Column('tolerance_percent', sa.Float(), nullable=False),
    sa.Column('standard', sa.String(length=128), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('ix_calibration_sensor_at', 'calibration', ['sensor', 'at'], unique=False)
    op.create_table('command',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('arguments', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('created', UtcTime(), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('expires', UtcTime(), nullable=False),
    sa.Column('sent', UtcTime(), nullable=True),
    sa.Column('answered', UtcTime(), nullable=True),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_command_sensor'), 'command', ['sensor'], unique=False)
    op.create_index(op.f('ix_command_state'), 'command', ['state'], unique=False)
    op.create_table('commissioning',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('at', UtcTime(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('checks', sa.Text(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_commissioning_sensor'), 'commissioning', ['sensor'], unique=False)
    op.create_table('credential',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('username', sa.String(length=80), nullable=False),
    sa.Column('hash', sa.String(length=160), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('created', UtcTime(), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('until', UtcTime(), nullable=True),
    sa.Column('ended', UtcTime(), nullable=True),
    sa.Column('why', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('username')
    )
    op.create_index(op.f('ix_credential_sensor'), 'credential', ['sensor'], unique=False)
    op.create_index(op.f('ix_credential_state'), 'credential', ['state'], unique=False)
    op.create_table('device',
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('lon', sa.Float(), nullable=False),
    sa.Column('lat', sa.Float(), nullable=False),
    sa.Column('zone', sa.String(length=16), nullable=True),
    sa.Column('firmware', sa.String(length=32), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('registered', UtcTime(), nullable=False),
    sa.Column('registered_by', sa.String(length=64), nullable=False),
    sa.Column('commissioned', UtcTime(), nullable=True),
    sa.Column('calibration_due', UtcTime(), nullable=True),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.PrimaryKeyConstraint('sensor')
    )
    op.create_index(op.f('ix_device_calibration_due'), 'device', ['calibration_due'], unique=False)
    op.create_table('device_photo',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('at', UtcTime(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('jpeg', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_device_photo_sensor'), 'device_photo', ['sensor'], unique=False)
    op.create_table('maintenance',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('starts', UtcTime(), nullable=False),
    sa.Column('ends', UtcTime(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('ended_by', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('ix_maintenance_sensor', 'maintenance', ['sensor', 'starts'], unique=False)
    op.create_table('sensor_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('at', UtcTime(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_sensor_event_sensor'), 'sensor_event', ['sensor'], unique=False)
    op.create_table('work_order',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sensor', sa.String(length=64), nullable=False),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('district', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('open_key', sa.String(length=96), nullable=True),
    sa.Column('facts', sa.Text(), nullable=False),
    sa.Column('opened', UtcTime(), nullable=False),
    sa.Column('due', UtcTime(), nullable=False),
    sa.Column('taken', UtcTime(), nullable=True),
    sa.Column('taken_by', sa.String(length=64), nullable=False),
    sa.Column('closed', UtcTime(), nullable=True),
    sa.Column('closed_by', sa.String(length=64), nullable=False),
    sa.Column('resolution', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['sensor'], ['sensor.id'], ),
    sa.ForeignKeyConstraint(['station'], ['station.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('open_key', name='uq_work_order_open')
    )
    op.create_index(op.f('ix_work_order_district'), 'work_order', ['district'], unique=False)
    op.create_index(op.f('ix_work_order_sensor'), 'work_order', ['sensor'], unique=False)
    op.create_index(op.f('ix_work_order_state'), 'work_order', ['state'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_work_order_state'), table_name='work_order')
    op.drop_index(op.f('ix_work_order_sensor'), table_name='work_order')
    op.drop_index(op.f('ix_work_order_district'), table_name='work_order')
    op.drop_table('work_order')
    op.drop_index(op.f('ix_sensor_event_sensor'), table_name='sensor_event')
    op.drop_table('sensor_event')
    op.drop_index('ix_maintenance_sensor', table_name='maintenance')
    op.drop_table('maintenance')
    op.drop_index(op.f('ix_device_photo_sensor'), table_name='device_photo')
    op.drop_table('device_photo')
    op.drop_index(op.f('ix_device_calibration_due'), table_name='device')
    op.drop_table('device')
    op.drop_index(op.f('ix_credential_state'), table_name='credential')
    op.drop_index(op.f('ix_credential_sensor'), table_name='credential')
    op.drop_table('credential')
    op.drop_index(op.f('ix_commissioning_sensor'), table_name='commissioning')
    op.drop_table('commissioning')
    op.drop_index(op.f('ix_command_state'), table_name='command')
    op.drop_index(op.f('ix_command_sensor'), table_name='command')
    op.drop_table('command')
    op.drop_index('ix_calibration_sensor_at', table_name='calibration')
    op.drop_table('calibration')
    op.drop_table('contact')
