"""SQL about alerts, for the registry's view `board_alert`; Grafana puts the chosen time into it.

Nothing that a person typed is a part of a query: all of them are constants but for a medium.
"""

from __future__ import annotations

from schemas import Medium


class Sql(str):
    """A query for the registry; a plain text is Flux for the store."""

    __slots__ = ()


IN_DISTRICT = "district IN (${district:sqlstring})"
AT_STATION = "station IN (${station:sqlstring})"
GRADES = ("red", "orange", "yellow", "blue")
_OPEN = "state <> 'closed'"
_BY_GRADE = ",\n  ".join(
    f"count(*) FILTER (WHERE severity = '{grade}') AS {grade}" for grade in GRADES
)
_FOUND = "outcome IN ('confirmed', 'unfounded', 'sensor_fault')"
_FALSE = "outcome IN ('unfounded', 'sensor_fault')"


def _minutes(start: str, end: str) -> str:
    """Seconds of a step: median, and the nearest rank that nine of ten kept."""
    took = f"EXTRACT(EPOCH FROM {end} - {start})"
    within = f"WITHIN GROUP (ORDER BY {took}) FILTER (WHERE {end} IS NOT NULL)"
    middle = f"percentile_cont(0.5) {within} AS {end}_median"
    return f"{middle},\n  percentile_disc(0.9) {within} AS {end}_p90"


_SERVICE = ",\n  ".join(
    (
        "count(*) AS alerts",
        f"count(*) FILTER (WHERE {_OPEN}) AS open",
        _minutes("certain", "acknowledged"),
        _minutes("dispatched", "arrived"),
        f"count(*) FILTER (WHERE {_FALSE})::float\n"
        f"    / NULLIF(count(*) FILTER (WHERE {_FOUND}), 0) AS false_share",
    )
)


def open_by_grade(where: str = IN_DISTRICT) -> Sql:
    return Sql(f"SELECT {_BY_GRADE}\nFROM board_alert WHERE {_OPEN} AND {where}")


def waiting() -> Sql:
    """Alerts that nobody has acknowledged."""
    return Sql(
        f"SELECT count(*) AS waiting\nFROM board_alert WHERE state = 'open' AND {IN_DISTRICT}"
    )


def false_share() -> Sql:
    """Of those closed with a finding; null without any."""
    return Sql(
        f"SELECT count(*) FILTER (WHERE {_FALSE})::float / NULLIF(count(*), 0) AS false_share\n"
        f"FROM board_alert WHERE {_FOUND} AND {IN_DISTRICT} AND $__timeFilter(closed)"
    )


def by_day() -> Sql:
    return Sql(
        "SELECT date_trunc('day', started, 'Asia/Shanghai') AS time, "
        "severity AS metric, count(*) AS alerts\n"
        f"FROM board_alert WHERE {IN_DISTRICT} AND $__timeFilter(started)\n"
        "GROUP BY 1, 2 ORDER BY 1, 2"
    )


def alert_list(where: str = f"{_OPEN} AND {IN_DISTRICT}") -> Sql:
    """Alerts, those that nobody has acknowledged and the gravest first."""
    grades = " ".join(f"WHEN '{grade}' THEN {n}" for n, grade in enumerate(GRADES))
    return Sql(
        "SELECT id, severity, coalesce(station_name, district_name) AS place, rule, peak, "
        "limit_value, state, at_level, started\n"
        f"FROM board_alert WHERE {where}\n"
        f"ORDER BY (state = 'open') DESC, CASE severity {grades} END, started DESC LIMIT 200"
    )


def service(by: str) -> Sql:
    """Counts and times by a column: `district_name` or `rule`."""
    return Sql(
        f"SELECT {by} AS name,\n  {_SERVICE}\n"
        f"FROM board_alert WHERE {IN_DISTRICT} AND $__timeFilter(started)\n"
        "GROUP BY 1 ORDER BY alerts DESC, 1"
    )


def marks(medium: Medium | None = None, where: str = "") -> Sql:
    """Alerts as marks on the time axis, from their beginning to their end."""
    only = f" AND medium = '{medium.value}'" if medium else ""
    only += f" AND {where}" if where else ""
    return Sql(
        "SELECT started AS time, ended AS timeend, "
        "coalesce(station_name, district_name) || ' · ' || rule AS text, "
        "severity || ',' || medium AS tags\n"
        f"FROM board_alert WHERE $__timeFilter(started){only}\nORDER BY started DESC LIMIT 500"
    )
