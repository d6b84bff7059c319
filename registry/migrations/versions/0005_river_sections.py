"""The order of sections along a river, and who answers for them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Written out: Alembic would copy both tables on SQLite, which their referrers forbid.
_OF_CHIEF = "ALTER TABLE {table} ADD COLUMN chief VARCHAR(64) REFERENCES river_chief (id)"


def upgrade() -> None:
    op.create_table(
        "river_chief",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("zh", sa.String(length=128), nullable=False),
        sa.Column("en", sa.String(length=128), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(_OF_CHIEF.format(table="place"))
    op.execute(_OF_CHIEF.format(table="station"))
    op.add_column("station", sa.Column("river_km", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("station", "river_km")
    op.drop_column("station", "chief")
    op.drop_column("place", "chief")
    op.drop_table("river_chief")
