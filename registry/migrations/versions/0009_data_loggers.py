"""Sensors that speak HJ 212: their MN and password; and what their gateway may do on PostgreSQL.

The gateway reads who may come in, and writes what it refused; it sees nothing else.
"""

import sqlalchemy as sa
from alembic import op

from registry.models import UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

GATEWAY = "registry_gateway"


def upgrade() -> None:
    op.create_table(
        "data_logger",
        sa.Column("sensor", sa.String(length=64), nullable=False),
        sa.Column("mn", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=160), nullable=False),
        sa.Column("upload", sa.String(length=4), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("set_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["sensor"], ["sensor.id"]),
        sa.PrimaryKeyConstraint("sensor"),
        sa.UniqueConstraint("mn"),
    )
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{GATEWAY}') THEN
                GRANT SELECT ON data_logger, sensor, version TO {GATEWAY};
                GRANT SELECT (sensor, state) ON credential TO {GATEWAY};
                GRANT SELECT (sensor, kind, state) ON work_order TO {GATEWAY};
                GRANT SELECT, INSERT, UPDATE ON dead_letter TO {GATEWAY};
                GRANT USAGE ON SEQUENCE dead_letter_id_seq TO {GATEWAY};
            END IF;
        END $$
    """)


def downgrade() -> None:
    op.drop_table("data_logger")
