"""Span and zero checks of sensors: what was found against the reference, and when the next is due.

Drift is what the sensor showed less the reference, before anybody adjusted it; in percent of the
measuring range of its model, which is how tolerances are stated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from registry.life import about_of, changed, living, noted, told
from registry.models import CalibrationRow, DeviceRow, SensorParameterRow, SensorRow
from registry.problems import Problem, Refused
from registry.registry import Registry
from schemas.ids import ParameterKey, SensorId
from schemas.models import SensorModel, sensor_models


@dataclass(frozen=True, slots=True)
class Calibration:
    """kind: zero or span. found: shown before, left: after adjusting; in the parameter's unit."""

    sensor: SensorId
    parameter: ParameterKey
    at: datetime
    kind: str
    reference: float
    found: float
    left: float
    drift: float
    drift_percent: float
    tolerance_percent: float
    standard: str
    who: str
    note: str

    @property
    def within(self) -> bool:
        """Whether the drift that was found is within the model's tolerance."""
        return abs(self.drift_percent) <= self.tolerance_percent

    @property
    def mended(self) -> bool:
        """Whether what was left after adjusting is."""
        if self.drift_percent == 0:
            return True
        one_percent = self.drift / self.drift_percent  # of the measuring range, in the unit
        return abs((self.left - self.reference) / one_percent) <= self.tolerance_percent


@dataclass(frozen=True, slots=True)
class Due:
    sensor: SensorId
    due: datetime


def drift_of(reference: float, found: float, span: float) -> tuple[float, float]:
    """Drift in the unit, and in percent of the measuring range."""
    drift = found - reference
    return drift, 100 * drift / span


def calibrate(
    registry: Registry,
    sensor: str,
    *,
    parameter: str,
    kind: str,
    reference: float,
    found: float,
    left: float | None = None,
    standard: str = "",
    note: str = "",
    by: str,
    at: datetime,
) -> Calibration:
    """Note a check; the next is due after the model's time. left None: nothing was adjusted.

    standard: the gas, calibrator or solution, with its certificate. Raises UnknownSensor, Refused.
    """
    with registry.session.begin() as session:
        row = living(session, sensor)
        model = _model(row, parameter)
        if session.get(SensorParameterRow, (sensor, parameter)) is None:
            raise Refused([_unknown(row.model, parameter)])
        wrong = [
            Problem("not_a_number", name, str(value))
            for name, value in (("reference", reference), ("found", found), ("left", left))
            if value is not None and not math.isfinite(value)
        ]
        if wrong:
            raise Refused(wrong)
        drift, percent = drift_of(reference, found, model.span(ParameterKey(parameter)))
        made = CalibrationRow(
            sensor=sensor,
            parameter=parameter,
            at=at,
            kind=kind,
            reference=reference,
            found=found,
            left=found if left is None else left,
            drift=drift,
            drift_percent=percent,
            tolerance_percent=model.tolerance_percent,
            standard=standard,
            who=by,
            note=note,
        )
        session.add(made)
        about = session.get(DeviceRow, sensor) or about_of(session, sensor, at, by)
        before = {"calibration_due": about.calibration_due}
        about.calibration_due = at + timedelta(days=model.calibrate_days)
        facts = {"parameter": parameter, "kind": kind, "drift_percent": round(percent, 3)}
        told(session, sensor, at, by, "calibrated", facts)
        changed(session)
        after = {"calibration_due": about.calibration_due, **facts}
        noted(session, at, by, "sensor.calibrate", sensor, before, after, note)
        return _calibration(made)


def calibrations(
    registry: Registry, sensor: str, *, until: datetime | None = None, limit: int = 100
) -> list[Calibration]:
    """Checks of a sensor, the newest first; until: as they were known at a moment."""
    query = (
        select(CalibrationRow)
        .where(CalibrationRow.sensor == sensor)
        .order_by(CalibrationRow.at.desc(), CalibrationRow.id.desc())
        .limit(limit)
    )
    if until is not None:
        query = query.where(CalibrationRow.at <= until)
    with registry.session() as session:
        return [_calibration(row) for row in session.scalars(query)]


def newest_calibrations(registry: Registry) -> dict[tuple[SensorId, ParameterKey], Calibration]:
    """The last check of each channel that ever had one."""
    found: dict[tuple[SensorId, ParameterKey], Calibration] = {}
    query = select(CalibrationRow).order_by(CalibrationRow.at, CalibrationRow.id)
    with registry.session() as session:
        for row in session.scalars(query):
            found[SensorId(row.sensor), ParameterKey(row.parameter)] = _calibration(row)
    return found


def due_calibrations(registry: Registry, until: datetime) -> list[Due]:
    """Sensors in use whose next calibration falls before a moment, the longest overdue first."""
    query = (
        select(DeviceRow.sensor, DeviceRow.calibration_due)
        .join(SensorRow, SensorRow.id == DeviceRow.sensor)
        .where(DeviceRow.calibration_due <= until, SensorRow.state != "retired")
        .order_by(DeviceRow.calibration_due)
    )
    with registry.session() as session:
        return [Due(SensorId(name), due) for name, due in session.execute(query) if due]


def _model(row: SensorRow, parameter: str) -> SensorModel:
    model = sensor_models().get(row.model)
    if model is None:
        known = ", ".join(sensor_models())
        raise Refused([Problem("model_unknown", "model", row.model, {"known": known})])
    if parameter not in model.channels:
        raise Refused([_unknown(row.model, parameter)])
    return model


def _unknown(model: str, parameter: str) -> Problem:
    known = ", ".join(sensor_models()[model].channels)
    return Problem("parameter_unknown", "parameter", parameter, {"model": model, "known": known})


def _calibration(row: CalibrationRow) -> Calibration:
    return Calibration(
        SensorId(row.sensor),
        ParameterKey(row.parameter),
        row.at,
        row.kind,
        row.reference,
        row.found,
        row.left,
        row.drift,
        row.drift_percent,
        row.tolerance_percent,
        row.standard,
        row.who,
        row.note,
    )
