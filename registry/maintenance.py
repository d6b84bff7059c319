"""Windows in which somebody works at a sensor: its data are flagged, its alerts held back.

Ingest flags what is measured within a window, also what was stored before it was entered
(`ingest/past_maintenance.py`); `suppressed` and `maintenance_windows` are for who judges data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select

from registry.life import changed, living, noted, told
from registry.models import MaintenanceRow, SensorRow
from registry.problems import Problem, Refused
from registry.registry import Registry
from schemas.ids import SensorId


@dataclass(frozen=True, slots=True)
class Maintenance:
    """end None: it goes on."""

    id: int
    sensor: SensorId
    start: datetime
    end: datetime | None
    reason: str
    who: str

    def holds(self, at: datetime) -> bool:
        return self.start <= at and (self.end is None or at < self.end)


def begin_maintenance(
    registry: Registry,
    sensor: str,
    *,
    start: datetime,
    end: datetime | None,
    reason: str,
    by: str,
    at: datetime,
) -> int:
    """Enter a window, also one that is past or to come; its number. Raises Refused."""
    if end is not None and end <= start:
        raise Refused([Problem("ends_before", "end", end.isoformat())])
    with registry.session.begin() as session:
        living(session, sensor)
        row = MaintenanceRow(sensor=sensor, starts=start, ends=end, reason=reason, who=by)
        session.add(row)
        session.flush()
        about = {"id": row.id, "start": start, "end": end, "reason": reason}
        told(session, sensor, at, by, "maintenance", about)
        changed(session)
        noted(session, at, by, "sensor.maintain", sensor, None, about, reason)
        return row.id


def end_maintenance(registry: Registry, sensor: str, *, by: str, at: datetime) -> int:
    """End what is going on at a sensor; how many windows that were."""
    with registry.session.begin() as session:
        query = select(MaintenanceRow).where(
            MaintenanceRow.sensor == sensor,
            MaintenanceRow.starts <= at,
            or_(MaintenanceRow.ends.is_(None), MaintenanceRow.ends > at),
        )
        rows = list(session.scalars(query))
        for row in rows:
            # A window that began this very moment still has a length.
            row.ends, row.ended_by = max(at, row.starts + timedelta(seconds=1)), by
            about = {"id": row.id, "end": row.ends}
            told(session, sensor, at, by, "maintenance_ended", about)
            noted(session, at, by, "sensor.maintain", sensor, None, about, "")
        if rows:
            changed(session)
        return len(rows)


def maintenance_windows(
    registry: Registry, since: datetime, until: datetime | None = None, *, sensor: str | None = None
) -> dict[SensorId, list[Maintenance]]:
    """Windows that touch a span, by sensor, in order of their start."""
    query = (
        select(MaintenanceRow)
        .where(or_(MaintenanceRow.ends.is_(None), MaintenanceRow.ends > since))
        .order_by(MaintenanceRow.starts)
    )
    if until is not None:
        query = query.where(MaintenanceRow.starts < until)
    if sensor is not None:
        query = query.where(MaintenanceRow.sensor == sensor)
    found: dict[SensorId, list[Maintenance]] = {}
    with registry.session() as session:
        for row in session.scalars(query):
            found.setdefault(SensorId(row.sensor), []).append(_window(row))
    return found


def suppressed(registry: Registry, sensor: str, at: datetime) -> bool:
    """Whether what a sensor measured at a moment must raise no alert."""
    with registry.session() as session:
        state = session.scalar(select(SensorRow.state).where(SensorRow.id == sensor))
    if state != "active":
        return True
    windows = maintenance_windows(registry, at, at + timedelta(seconds=1), sensor=sensor)
    return any(window.holds(at) for window in windows.get(SensorId(sensor), []))


def _window(row: MaintenanceRow) -> Maintenance:
    return Maintenance(row.id, SensorId(row.sensor), row.starts, row.ends, row.reason, row.who)
