"""Tables of a sensor's life: credentials, contact, commissioning, calibration, repair, commands."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base, UtcTime


class DeviceRow(Base):
    """What is known of a sensor beside its channels; one row a sensor that was registered."""

    __tablename__ = "device"
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), primary_key=True)
    lon: Mapped[float] = mapped_column(Float)
    lat: Mapped[float] = mapped_column(Float)
    zone: Mapped[str | None] = mapped_column(String(16))
    firmware: Mapped[str] = mapped_column(String(32), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    registered: Mapped[datetime] = mapped_column(UtcTime)
    registered_by: Mapped[str] = mapped_column(String(64))
    commissioned: Mapped[datetime | None] = mapped_column(UtcTime)
    calibration_due: Mapped[datetime | None] = mapped_column(UtcTime, index=True)


class PhotoRow(Base):
    """A picture of a mounted sensor, encoded anew when it came."""

    __tablename__ = "device_photo"
    id: Mapped[int] = mapped_column(primary_key=True)
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(64))
    jpeg: Mapped[bytes] = mapped_column(LargeBinary)


class CredentialRow(Base):
    """One account of a sensor at the broker; the password only as its salted hash."""

    __tablename__ = "credential"
    id: Mapped[int] = mapped_column(primary_key=True)
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), index=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    hash: Mapped[str] = mapped_column(String(160))
    state: Mapped[str] = mapped_column(String(16), index=True)
    created: Mapped[datetime] = mapped_column(UtcTime)
    created_by: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime | None] = mapped_column(UtcTime)  # of one that is being replaced
    ended: Mapped[datetime | None] = mapped_column(UtcTime)
    why: Mapped[str] = mapped_column(Text, default="")


class LoggerRow(Base):
    """A sensor that speaks HJ 212: its MN, and its password as a slow hash only."""

    __tablename__ = "data_logger"
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), primary_key=True)
    mn: Mapped[str] = mapped_column(String(64), unique=True)
    hash: Mapped[str] = mapped_column(String(160))
    upload: Mapped[str] = mapped_column(String(4))
    since: Mapped[datetime] = mapped_column(UtcTime)
    set_by: Mapped[str] = mapped_column(String(64))


class ContactRow(Base):
    """What ingest last heard of a sensor; knowledge, not data: it may lag by some seconds."""

    __tablename__ = "contact"
    sensor: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(8), default="")  # online, offline, "" = never told
    state_at: Mapped[datetime | None] = mapped_column(UtcTime)
    session: Mapped[int | None] = mapped_column(BigInteger)
    heard: Mapped[datetime | None] = mapped_column(UtcTime)
    accepted: Mapped[datetime | None] = mapped_column(UtcTime)
    skew_s: Mapped[float | None] = mapped_column(Float)
    battery: Mapped[float | None] = mapped_column(Float)
    rssi: Mapped[float | None] = mapped_column(Float)
    firmware: Mapped[str] = mapped_column(String(32), default="")
    refused: Mapped[datetime | None] = mapped_column(UtcTime)
    refused_code: Mapped[str] = mapped_column(String(32), default="")
    denied: Mapped[datetime | None] = mapped_column(UtcTime)
    denied_why: Mapped[str] = mapped_column(String(8), default="")  # password, account


class CommissioningRow(Base):
    """The record that somebody signed: what was checked, with which result."""

    __tablename__ = "commissioning"
    id: Mapped[int] = mapped_column(primary_key=True)
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(64))
    checks: Mapped[str] = mapped_column(Text)  # JSON
    note: Mapped[str] = mapped_column(Text, default="")


class CalibrationRow(Base):
    __tablename__ = "calibration"
    __table_args__ = (Index("ix_calibration_sensor_at", "sensor", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"))
    parameter: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcTime)
    kind: Mapped[str] = mapped_column(String(8))  # zero, span
    reference: Mapped[float] = mapped_column(Float)
    found: Mapped[float] = mapped_column(Float)
    left: Mapped[float] = mapped_column(Float)
    drift: Mapped[float] = mapped_column(Float)  # found - reference, in the unit
    drift_percent: Mapped[float] = mapped_column(Float)  # of the model's span
    tolerance_percent: Mapped[float] = mapped_column(Float)
    standard: Mapped[str] = mapped_column(String(128), default="")
    who: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")


class MaintenanceRow(Base):
    """A span in which somebody works at a sensor; without an end it goes on."""

    __tablename__ = "maintenance"
    __table_args__ = (Index("ix_maintenance_sensor", "sensor", "starts"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"))
    starts: Mapped[datetime] = mapped_column(UtcTime)
    ends: Mapped[datetime | None] = mapped_column(UtcTime)
    reason: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(String(64))
    ended_by: Mapped[str] = mapped_column(String(64), default="")


class SensorEventRow(Base):
    """What happened to a sensor: who, when, what; only ever added to."""

    __tablename__ = "sensor_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(24))
    detail: Mapped[str] = mapped_column(Text)  # JSON


class WorkOrderRow(Base):
    """Something to be done at a sensor. `open_key` is unique while open: one order a fault."""

    __tablename__ = "work_order"
    __table_args__ = (UniqueConstraint("open_key", name="uq_work_order_open"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), index=True)
    station: Mapped[str] = mapped_column(ForeignKey("station.id"))
    district: Mapped[str] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(8), index=True)  # open, taken, closed
    open_key: Mapped[str | None] = mapped_column(String(96))
    facts: Mapped[str] = mapped_column(Text)  # JSON: the figures behind it
    opened: Mapped[datetime] = mapped_column(UtcTime)
    due: Mapped[datetime] = mapped_column(UtcTime)
    taken: Mapped[datetime | None] = mapped_column(UtcTime)
    taken_by: Mapped[str] = mapped_column(String(64), default="")
    closed: Mapped[datetime | None] = mapped_column(UtcTime)
    closed_by: Mapped[str] = mapped_column(String(64), default="")
    resolution: Mapped[str] = mapped_column(Text, default="")


class CommandRow(Base):
    """One order to a device, and what became of it."""

    __tablename__ = "command"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    arguments: Mapped[str] = mapped_column(Text)  # JSON
    state: Mapped[str] = mapped_column(String(8), index=True)  # queued, sent, done, refused
    created: Mapped[datetime] = mapped_column(UtcTime)
    created_by: Mapped[str] = mapped_column(String(64))
    expires: Mapped[datetime] = mapped_column(UtcTime)
    sent: Mapped[datetime | None] = mapped_column(UtcTime)
    answered: Mapped[datetime | None] = mapped_column(UtcTime)
    answer: Mapped[str] = mapped_column(Text, default="")
