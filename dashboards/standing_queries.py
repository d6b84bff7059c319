"""SQL about what the registry's views keep beside alerts: permits, noise credit, soil risk.

Nothing that a person typed is a part of a query.
"""

from __future__ import annotations

from dashboards.alert_queries import AT_STATION, IN_DISTRICT, Sql

OF_ENTERPRISE = "enterprise IN (${enterprise:sqlstring})"


def credit(where: str = IN_DISTRICT) -> Sql:
    """Noise credit of facilities, the worst first."""
    return Sql(
        "SELECT subject AS station, station_name, district_name, value AS score, label AS grade, "
        "made\n"
        f"FROM board_standing WHERE kind = 'noise_credit' AND {where}\n"
        "ORDER BY value NULLS LAST, subject LIMIT 200"
    )


def soil(where: str = IN_DISTRICT) -> Sql:
    """Plots by risk, the worst first."""
    return Sql(
        "SELECT subject AS station, station_name, district_name, zone, label AS risk, "
        "value AS factor, day::timestamptz AS day, made\n"
        f"FROM board_standing WHERE kind = 'soil_risk' AND {where}\n"
        "ORDER BY CASE grade WHEN 'high' THEN 1 WHEN 'between' THEN 2 WHEN 'none' THEN 3 ELSE 4 END"
        ", value DESC NULLS LAST, subject LIMIT 200"
    )


def soil_counts(where: str = IN_DISTRICT) -> Sql:
    """How many plots there are of each risk."""
    return Sql(
        "SELECT label AS risk, count(*) AS plots\n"
        f"FROM board_standing WHERE kind = 'soil_risk' AND {where}\n"
        "GROUP BY label, grade ORDER BY plots DESC, risk"
    )


def permits() -> Sql:
    """What the chosen enterprises' permits allow."""
    return Sql(
        "SELECT enterprise_name, permit, station, station_name, parameter, value AS limit_value, "
        "since, until\n"
        f"FROM board_permit WHERE {OF_ENTERPRISE} AND {AT_STATION}\n"
        "ORDER BY enterprise_name, station, parameter LIMIT 500"
    )
