"""Samples: what a laboratory found, by station and date."""

import sqlalchemy as sa
from alembic import op

from registry.models import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sample",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("medium", sa.String(length=16), nullable=False),
        sa.Column("taken", UtcTime(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("depth_from", sa.Float(), nullable=True),
        sa.Column("depth_to", sa.Float(), nullable=True),
        sa.Column("laboratory", sa.Text(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("recorded", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["station"], ["station.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("station", "number", "revision", name="uq_sample_revision"),
    )
    op.create_index("ix_sample_station_day", "sample", ["station", "day"])
    op.create_index(op.f("ix_sample_number"), "sample", ["number"])
    op.create_table(
        "sample_result",
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("determinand", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=True),
        sa.Column("limit_value", sa.String(length=64), nullable=True),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("reported", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sample"], ["sample.id"]),
        sa.PrimaryKeyConstraint("sample", "determinand"),
    )


def downgrade() -> None:
    op.drop_table("sample_result")
    op.drop_table("sample")
