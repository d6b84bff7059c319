"""What boards may see of the pipeline, of permits and of standings: views without people.

Only PostgreSQL has the views, for Grafana reads no other database of ours. No view shows to whom a
message goes, what it says, why its sending failed, or the bytes of a refused message. A later
migration that alters a column that one of them shows drops it first and makes it again.
"""

import sqlalchemy as sa
from alembic import op

from registry.models import UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

READER = "registry_grafana"
VIEWS = {
    "board_outbox": """
        SELECT id, channel, attempts, created AT TIME ZONE 'UTC' AS created,
            next_attempt AT TIME ZONE 'UTC' AS next_attempt,
            delivered AT TIME ZONE 'UTC' AS delivered
        FROM outbox_item
    """,
    "board_channel": """
        SELECT channel, failures, worked AT TIME ZONE 'UTC' AS worked,
            failed AT TIME ZONE 'UTC' AS failed, failing AT TIME ZONE 'UTC' AS failing
        FROM channel_health
    """,
    "board_dead_letter": """
        SELECT l.id, l.sensor, l.code, l.reason_zh || ' / ' || l.reason_en AS reason, l.readings,
            l.times_seen, s.station, t.district, l.arrived AT TIME ZONE 'UTC' AS arrived,
            l.replayed AT TIME ZONE 'UTC' AS replayed
        FROM dead_letter l
        LEFT JOIN sensor s ON s.id = l.sensor
        LEFT JOIN station t ON t.id = s.station
    """,
    "board_permit": """
        SELECT p.station, s.zh || ' ' || s.en AS station_name, s.district, s.enterprise,
            e.zh || ' ' || e.en AS enterprise_name, e.permit, p.parameter, p.value,
            p.since AT TIME ZONE 'UTC' AS since, p.until AT TIME ZONE 'UTC' AS until
        FROM permit_limit p
        JOIN station s ON s.id = p.station
        LEFT JOIN enterprise e ON e.id = s.enterprise
    """,
    "board_standing": """
        SELECT t.kind, t.subject, s.zh || ' ' || s.en AS station_name, s.district,
            d.zh || ' ' || d.en AS district_name, s.enterprise, s.zone, t.value, t.grade, t.label,
            t.day, t.made AT TIME ZONE 'UTC' AS made
        FROM standing t
        LEFT JOIN station s ON s.id = t.subject
        LEFT JOIN place d ON d.id = s.district
    """,
}


def upgrade() -> None:
    op.create_table(
        "standing",
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("grade", sa.String(length=24), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("made", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )
    if op.get_bind().dialect.name != "postgresql":
        return
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
    granted = ", ".join(VIEWS)
    op.execute(f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{READER}') THEN
                GRANT SELECT ON {granted} TO {READER};
            END IF;
        END $$
    """)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in VIEWS:
            op.execute(f"DROP VIEW {name}")
    op.drop_table("standing")
