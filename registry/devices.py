"""A sensor's life as the registry keeps it: registered, commissioned, moved, retired.

Each step is one transaction with its line in the history and in the audit log. Until it is
commissioned a sensor is in maintenance: its data are kept and flagged, and raise no alert.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from registry.audit import note
from registry.entries import Entry, Known, give_id, judge_entry
from registry.life import about_of, changed, living, noted, told
from registry.models import (
    Base,
    CommissioningRow,
    DeviceRow,
    PhotoRow,
    SensorEventRow,
    SensorParameterRow,
    SensorRow,
)
from registry.placing import outlines, place
from registry.problems import Problem, Refused, refuse_if_grave
from registry.registry import Registry
from registry.seed import district_shapes
from schemas import SensorId, StationId
from schemas.models import sensor_models


@dataclass(frozen=True, slots=True)
class Device:
    """What is known of a sensor beside its channels. Sensors of the seed have none."""

    sensor: SensorId
    lon: float
    lat: float
    zone: str | None
    firmware: str
    note: str
    registered: datetime
    registered_by: str
    commissioned: datetime | None
    calibration_due: datetime | None


@dataclass(frozen=True, slots=True)
class Registered:
    sensor: SensorId
    remarks: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Commissioning:
    at: datetime
    who: str
    checks: list[dict[str, Any]]
    note: str


def known_now(registry: Registry, now: datetime) -> Known:
    """What entries are held against."""
    sensors = registry.sensors()
    return Known(
        stations=registry.stations(),
        models=sensor_models(),
        rings=outlines(district_shapes()),
        now=now,
        serials={sensor.serial: sensor.id for sensor in sensors.values()},
        ids=set(sensors),
    )


def register(
    registry: Registry, entries: Sequence[Entry], *, by: str, at: datetime, why: str = ""
) -> list[Registered]:
    """Register sensors, all or none. Raises Refused with every problem of every entry.

    Two people may type the same label at once: the second gets Refused or, between check and write,
    IntegrityError; never half a sensor.
    """
    known = known_now(registry, at)
    made: list[Registered] = []
    wrong: list[Problem] = []
    with registry.session.begin() as session:
        for entry in entries:
            found = list(judge_entry(entry, known))
            wrong += [problem for problem in found if problem.grave]
            medium = known.models[entry.model].medium
            sensor = SensorId(entry.id or give_id(medium, entry.station, known.ids))
            known.ids.add(sensor)
            known.serials[entry.serial] = sensor
            made.append(Registered(sensor, tuple(found)))
        if wrong:
            raise Refused(wrong)
        _write(session, [line.sensor for line in made], entries, by, at)
        changed(session)
        one = len(made) == 1
        subject = f"sensor:{made[0].sensor}" if one else "sensors"
        after = asdict(entries[0]) if one else {"sensors": [line.sensor for line in made]}
        note(
            session,
            at=at,
            who=by,
            action="sensor.register",
            subject=subject,
            before=None,
            after=after,
            why=why,
        )
    return made


def device(registry: Registry, sensor: str) -> Device | None:
    with registry.session() as session:
        row = session.get(DeviceRow, sensor)
        return None if row is None else _device(row)


def devices(registry: Registry) -> dict[SensorId, Device]:
    with registry.session() as session:
        return {SensorId(row.sensor): _device(row) for row in session.scalars(select(DeviceRow))}


def commission(
    registry: Registry,
    sensor: str,
    *,
    checks: Sequence[Mapping[str, Any]],
    by: str,
    at: datetime,
    remark: str = "",
) -> None:
    """Sign a sensor off: from now on its data count. checks: what was seen, as it is kept."""
    with registry.session.begin() as session:
        row = living(session, sensor)
        before = {"state": row.state}
        row.state = "active"
        session.add(
            CommissioningRow(
                sensor=sensor,
                at=at,
                who=by,
                checks=json.dumps(list(checks), ensure_ascii=False),
                note=remark,
            )
        )
        about = session.get(DeviceRow, sensor)
        if about is not None:
            model = sensor_models().get(row.model)
            about.commissioned = at
            if about.calibration_due is None and model is not None:
                about.calibration_due = at + timedelta(days=model.calibrate_days)
        told(session, sensor, at, by, "commissioned", {"note": remark})
        changed(session)
        noted(session, at, by, "sensor.commission", sensor, before, {"state": "active"}, remark)


def commissionings(registry: Registry, sensor: str) -> list[Commissioning]:
    """Signed records, the newest first."""
    query = (
        select(CommissioningRow)
        .where(CommissioningRow.sensor == sensor)
        .order_by(CommissioningRow.id.desc())
    )
    with registry.session() as session:
        return [
            Commissioning(row.at, row.who, json.loads(row.checks), row.note)
            for row in session.scalars(query)
        ]


def move(
    registry: Registry,
    sensor: str,
    *,
    station: StationId,
    lon: float,
    lat: float,
    by: str,
    at: datetime,
    why: str = "",
) -> list[Problem]:
    """Put a sensor up at another station; it is to be commissioned again. Raises Refused."""
    known = known_now(registry, at)
    target = known.stations.get(station)
    if target is None:
        raise Refused([Problem("station_unknown", "station", station)])
    with registry.session.begin() as session:
        row = living(session, sensor)
        if row.station == station:
            raise Refused([Problem("already", "station", sensor)])
        if row.medium != target.medium:
            media = {"medium": row.medium, "station_medium": target.medium}
            raise Refused([Problem("medium_mismatch", "station", station, media)])
        remarks = refuse_if_grave(place((lon, lat), target, known.rings))
        before = {"station": row.station}
        row.station, row.state = station, "maintenance"
        about = session.get(DeviceRow, sensor) or about_of(session, sensor, at, by)
        about.lon, about.lat, about.zone, about.commissioned = lon, lat, target.zone, None
        after = {"station": station, "lon": lon, "lat": lat}
        told(session, sensor, at, by, "moved", {**before, "to": station, "why": why})
        changed(session)
        noted(session, at, by, "sensor.move", sensor, before, after, why)
    return remarks


def exchange(
    registry: Registry,
    sensor: str,
    *,
    part: str,
    serial: str = "",
    firmware: str = "",
    by: str,
    at: datetime,
    why: str = "",
) -> None:
    """Note a part that was changed. serial: of a whole new device in the old one's place.

    firmware: the version that runs now. Raises Refused for a serial number that is taken.
    """
    with registry.session.begin() as session:
        row = living(session, sensor)
        owner = session.scalar(select(SensorRow.id).where(SensorRow.serial == serial))
        if serial and owner is not None and owner != sensor:
            raise Refused([Problem("serial_taken", "serial", serial, {"owner": owner})])
        about = session.get(DeviceRow, sensor) or about_of(session, sensor, at, by)
        before = {"serial": row.serial, "firmware": about.firmware}
        row.serial = serial or row.serial
        about.firmware = firmware or about.firmware
        after = {"serial": row.serial, "firmware": about.firmware, "part": part}
        kind = "firmware" if firmware and not part and not serial else "exchanged"
        told(session, sensor, at, by, kind, {"before": before, **after, "why": why})
        changed(session)
        noted(session, at, by, f"sensor.{kind}", sensor, before, after, why)


def retire(registry: Registry, sensor: str, *, by: str, at: datetime, why: str) -> None:
    """Take a sensor out of service for good. Its credentials are revoked apart from this."""
    with registry.session.begin() as session:
        row = living(session, sensor)
        before = {"state": row.state}
        row.state = "retired"
        told(session, sensor, at, by, "retired", {"why": why})
        changed(session)
        noted(session, at, by, "sensor.retire", sensor, before, {"state": "retired"}, why)


def add_photo(registry: Registry, sensor: str, jpeg: bytes, *, by: str, at: datetime) -> None:
    with registry.session.begin() as session:
        session.add(PhotoRow(sensor=sensor, at=at, who=by, jpeg=jpeg))
        told(session, sensor, at, by, "photo", {"bytes": len(jpeg)})


def photo(registry: Registry, sensor: str) -> bytes | None:
    """The newest picture of a sensor."""
    query = select(PhotoRow.jpeg).where(PhotoRow.sensor == sensor).order_by(PhotoRow.id.desc())
    with registry.session() as session:
        return session.scalar(query.limit(1))


def _write(
    session: Session, ids: Sequence[SensorId], entries: Sequence[Entry], by: str, at: datetime
) -> None:
    """Rows of many sensors, a statement a table: 5 000 take a second or two."""
    pairs = list(zip(ids, entries, strict=True))
    rows: list[tuple[type[Base], list[dict[str, Any]]]] = [
        (SensorRow, [_sensor_columns(sensor, entry, at) for sensor, entry in pairs]),
        (
            SensorParameterRow,
            [
                {"sensor": sensor, "parameter": key, "position": position}
                for sensor, entry in pairs
                for position, key in enumerate(entry.parameters)
            ],
        ),
        (DeviceRow, [_device_columns(sensor, entry, by, at) for sensor, entry in pairs]),
        (SensorEventRow, [_event_columns(sensor, entry, by, at) for sensor, entry in pairs]),
    ]
    for table, columns in rows:
        if columns:
            session.execute(insert(table), columns)


def _sensor_columns(sensor: SensorId, entry: Entry, at: datetime) -> dict[str, Any]:
    return {
        "id": sensor,
        "station": entry.station,
        "medium": sensor_models()[entry.model].medium,
        "model": entry.model,
        "serial": entry.serial,
        "cadence_s": entry.cadence_s,
        "state": "maintenance",
        "installed": entry.installed or at,
    }


def _device_columns(sensor: SensorId, entry: Entry, by: str, at: datetime) -> dict[str, Any]:
    return {
        "sensor": sensor,
        "lon": entry.lon,
        "lat": entry.lat,
        "zone": entry.zone,
        "firmware": entry.firmware,
        "note": entry.note,
        "registered": at,
        "registered_by": by,
    }


def _event_columns(sensor: SensorId, entry: Entry, by: str, at: datetime) -> dict[str, Any]:
    about = {"serial": entry.serial, "model": entry.model, "station": entry.station}
    return {
        "sensor": sensor,
        "at": at,
        "who": by,
        "kind": "registered",
        "detail": json.dumps(about, ensure_ascii=False),
    }


def _device(row: DeviceRow) -> Device:
    return Device(
        SensorId(row.sensor),
        row.lon,
        row.lat,
        row.zone,
        row.firmware,
        row.note,
        row.registered,
        row.registered_by,
        row.commissioned,
        row.calibration_due,
    )
