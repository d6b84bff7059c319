"""What boards may see of alerts: a view without people, and who may read it.

Only PostgreSQL has it, for Grafana reads no other database of ours. A later migration that alters a
column of `alert` drops the view first and makes it again.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

READER = "registry_grafana"
VIEW = """
CREATE VIEW board_alert AS
SELECT a.id, a.rule, a.kind, a.medium, a.parameter, a.severity, a.state, a.outcome, a.route,
    a.at_level, a.district, d.zh || ' ' || d.en AS district_name,
    a.station, s.zh || ' ' || s.en AS station_name,
    a.started AT TIME ZONE 'UTC' AS started, a.ended AT TIME ZONE 'UTC' AS ended,
    a.certain AT TIME ZONE 'UTC' AS certain, a.acknowledged AT TIME ZONE 'UTC' AS acknowledged,
    a.dispatched AT TIME ZONE 'UTC' AS dispatched, a.arrived AT TIME ZONE 'UTC' AS arrived,
    a.closed AT TIME ZONE 'UTC' AS closed,
    a.peak, a.limit_value, a.basis, a.late
FROM alert a
JOIN place d ON d.id = a.district
LEFT JOIN station s ON s.id = a.station
WHERE a.certain IS NOT NULL
    AND (a.outcome IS NULL OR a.outcome NOT IN ('withdrawn', 'lapsed', 'merged'))
"""
GRANT = f"""
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{READER}') THEN
        GRANT SELECT ON board_alert TO {READER};
    END IF;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(VIEW)
        op.execute(GRANT)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP VIEW board_alert")
