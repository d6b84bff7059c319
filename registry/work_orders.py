"""What is to be done at sensors: opened by the health of the network or by hand, taken, closed.

One order a fault: while it is open, the same fault of the same sensor opens no second one. It is
closed by whoever did it, or by data that prove the repair.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry.life import noted, told
from registry.models import SensorRow, StationRow, WorkOrderRow
from registry.registry import Registry
from schemas.ids import SensorId, StationId

LIVE = ("open", "taken")
BY_DATA = "system:network_health"


@dataclass(frozen=True, slots=True)
class WorkOrder:
    id: int
    sensor: SensorId
    station: StationId
    district: str
    kind: str
    state: str
    facts: dict[str, Any]
    opened: datetime
    due: datetime
    taken: datetime | None
    taken_by: str
    closed: datetime | None
    closed_by: str
    resolution: str


def open_order(
    registry: Registry,
    sensor: str,
    kind: str,
    *,
    facts: Mapping[str, Any],
    due: datetime,
    by: str,
    at: datetime,
) -> int | None:
    """Open an order; its number, or None when this fault of this sensor has one already."""
    try:
        with registry.session.begin() as session:
            key = f"{sensor}:{kind}"
            if session.scalar(select(WorkOrderRow.id).where(WorkOrderRow.open_key == key)):
                return None
            station = session.get_one(StationRow, session.get_one(SensorRow, sensor).station)
            row = WorkOrderRow(
                sensor=sensor,
                station=station.id,
                district=station.district,
                kind=kind,
                state="open",
                open_key=key,
                facts=json.dumps(dict(facts), ensure_ascii=False, default=str),
                opened=at,
                due=due,
            )
            session.add(row)
            session.flush()
            told(session, sensor, at, by, "order_opened", {"order": row.id, "kind": kind})
            return row.id
    except IntegrityError:
        return None  # somebody else opened it a moment ago


def take_order(registry: Registry, number: int, *, by: str, at: datetime) -> None:
    """Say that one is on the way. Raises LookupError when it is not open."""
    with registry.session.begin() as session:
        row = _live(session, number)
        row.state, row.taken, row.taken_by = "taken", at, by
        told(session, row.sensor, at, by, "order_taken", {"order": number})
        _audit(session, row, at, by, {"state": "taken"}, "")


def close_order(registry: Registry, number: int, *, by: str, at: datetime, resolution: str) -> None:
    """Raises LookupError when it is not open."""
    with registry.session.begin() as session:
        row = _live(session, number)
        row.state, row.closed, row.closed_by = "closed", at, by
        row.resolution, row.open_key = resolution, None
        told(session, row.sensor, at, by, "order_closed", {"order": number, "kind": row.kind})
        if by != BY_DATA:
            _audit(session, row, at, by, {"state": "closed"}, resolution)


def work_order(registry: Registry, number: int) -> WorkOrder | None:
    with registry.session() as session:
        row = session.get(WorkOrderRow, number)
        return None if row is None else _order(row)


def work_orders(
    registry: Registry,
    *,
    states: Iterable[str] = LIVE,
    sensor: str | None = None,
    limit: int = 1000,
) -> list[WorkOrder]:
    """Orders, what is due first at the top."""
    query = (
        select(WorkOrderRow)
        .where(WorkOrderRow.state.in_(tuple(states)))
        .order_by(WorkOrderRow.due, WorkOrderRow.id)
        .limit(limit)
    )
    if sensor is not None:
        query = query.where(WorkOrderRow.sensor == sensor)
    with registry.session() as session:
        return [_order(row) for row in session.scalars(query)]


def _live(session: Session, number: int) -> WorkOrderRow:
    row = session.get(WorkOrderRow, number)
    if row is None or row.state not in LIVE:
        raise LookupError(f"work order {number} is not open")
    return row


def _audit(
    session: Session, row: WorkOrderRow, at: datetime, by: str, after: dict[str, Any], why: str
) -> None:
    about = {"order": row.id, "kind": row.kind, **after}
    noted(session, at, by, "sensor.maintain", row.sensor, None, about, why)


def _order(row: WorkOrderRow) -> WorkOrder:
    return WorkOrder(
        row.id,
        SensorId(row.sensor),
        StationId(row.station),
        row.district,
        row.kind,
        row.state,
        json.loads(row.facts),
        row.opened,
        row.due,
        row.taken,
        row.taken_by,
        row.closed,
        row.closed_by,
        row.resolution,
    )
