"""What is on record of a sensor: model, calibrations, maintenance, what was done to it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import select

from registry import Registry
from registry.models import (
    Base,
    CalibrationRow,
    CommissioningRow,
    DeviceRow,
    MaintenanceRow,
    SensorEventRow,
)
from schemas.models import sensor_models
from schemas.registry import Sensor


def life_of(registry: Registry, sensor: Sensor, *, until: datetime) -> dict[str, Any]:
    """A sensor's record and history up to a moment, as JSON has it; the oldest first."""
    model = sensor_models().get(sensor.model)
    with registry.session() as session:
        about = session.get(DeviceRow, sensor.id)

        def rows(table: Any, time: Any) -> list[dict[str, Any]]:
            query = select(table).where(table.sensor == sensor.id, time <= until)
            return [_columns(row) for row in session.scalars(query.order_by(time, table.id))]

        return {
            "id": sensor.id,
            "sensor": sensor.model_dump(mode="json", exclude={"source"}),
            "model": None if model is None else model.model_dump(mode="json"),
            "about": None if about is None else _columns(about),
            "commissionings": rows(CommissioningRow, CommissioningRow.at),
            "calibrations": rows(CalibrationRow, CalibrationRow.at),
            "maintenance": rows(MaintenanceRow, MaintenanceRow.starts),
            "history": rows(SensorEventRow, SensorEventRow.at),
        }


def _columns(row: Base) -> dict[str, Any]:
    return {c.key: _plain(c.key, getattr(row, c.key)) for c in row.__table__.columns}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if name in ("checks", "detail"):
        return json.loads(value)
    return value
