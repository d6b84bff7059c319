"""SQL about what the time-series store does not know of the pipeline: delivery to people, what was
refused and why, and how long certificates still hold.

For the registry's views without people; nothing that a person typed is a part of a query.
"""

from __future__ import annotations

from dashboards.alert_queries import IN_DISTRICT, Sql

STUCK_MINUTES = 15  # a message that waits longer has failed on its channels several times
# A sender that the registry does not know has no district.
_FROM_HERE = f"(district IS NULL OR {IN_DISTRICT})"
_CERTIFICATES = "FROM board_standing WHERE kind = 'certificate'"


def waiting() -> Sql:
    """Messages that nobody has received, and those of them that are stuck."""
    return Sql(
        f"SELECT count(*) AS waiting, count(*) FILTER (WHERE {_STUCK}) AS stuck\n"
        "FROM board_outbox WHERE delivered IS NULL"
    )


def stuck() -> Sql:
    return Sql(f"SELECT count(*) AS stuck\nFROM board_outbox WHERE delivered IS NULL AND {_STUCK}")


def channels() -> Sql:
    """Channels of delivery: minutes since each fails every time, null where it works."""
    return Sql(
        f"SELECT channel, {_MINUTES_DOWN} AS down, failures, worked, failed\n"
        "FROM board_channel ORDER BY down DESC NULLS LAST, channel"
    )


def channels_down() -> Sql:
    """Minutes that each failing channel has failed."""
    return Sql(
        f"SELECT channel, {_MINUTES_DOWN} AS down\nFROM board_channel WHERE failing IS NOT NULL"
    )


def refusals() -> Sql:
    """Messages that were refused in the time shown, by reason; those replayed since."""
    return Sql(
        "SELECT code, min(reason) AS reason, count(*) AS messages, sum(readings) AS readings, "
        "count(replayed) AS replayed, max(arrived) AS last\n"
        f"FROM board_dead_letter WHERE {_FROM_HERE} AND $__timeFilter(arrived)\n"
        "GROUP BY code ORDER BY messages DESC, code"
    )


def refused_by_store() -> Sql:
    """Messages whose readings the time-series store would not take."""
    return Sql(
        "SELECT count(*) AS messages\n"
        "FROM board_dead_letter WHERE code = 'store_refused' AND $__timeFilter(arrived)"
    )


def certificates() -> Sql:
    """Watched certificates, the one that ends first on top; no days where none is shown."""
    return Sql(
        f"SELECT subject, value AS days, label, made\n{_CERTIFICATES} ORDER BY days, subject"
    )


def certificate_days() -> Sql:
    """Days that each watched certificate still holds; -1 where none can be read."""
    return Sql(f"SELECT subject, coalesce(value, -1) AS days\n{_CERTIFICATES}")


def minutes_since_a_round(dag: str) -> Sql:
    """Minutes since a DAG last went its round; no row where it never did."""
    return Sql(
        f"SELECT {_minutes_since('made')} AS minutes\n"
        f"FROM board_standing WHERE kind = 'round' AND subject = '{dag}'"
    )


def rounds() -> Sql:
    """When the DAGs that note it last went their round."""
    return Sql(
        "SELECT subject AS dag, made\nFROM board_standing WHERE kind = 'round' ORDER BY made, dag"
    )


def _minutes_since(moment: str) -> str:
    return f"(EXTRACT(EPOCH FROM now() - {moment}) / 60)::float"


_STUCK = f"created < now() - interval '{STUCK_MINUTES} minutes'"
_MINUTES_DOWN = _minutes_since("failing")
