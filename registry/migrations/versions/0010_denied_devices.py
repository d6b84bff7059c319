"""When a device was last turned away, and why."""

import sqlalchemy as sa
from alembic import op

from registry.models import UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact", sa.Column("denied", UtcTime, nullable=True))
    op.add_column(
        "contact", sa.Column("denied_why", sa.String(8), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("contact", "denied_why")
    op.drop_column("contact", "denied")
