"""Tables of the registry: places, stations, sensors, dead letters, alerts, outbox.

One class a table, suffixed `Row`; what other rooms see are the records of `schemas`. Times are kept
as UTC and come back timezone-aware, whatever the database.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A moment: naive UTC in the database, timezone-aware outside. Refuses naive input."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time without zone: {value}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables of the registry."""


class VersionRow(Base):
    """One row: grows with every change of stations and sensors, so that ingest can notice."""

    __tablename__ = "version"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(default=0)


class PlaceRow(Base):
    __tablename__ = "place"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    zh: Mapped[str] = mapped_column(String(128))
    en: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16))
    parent: Mapped[str | None] = mapped_column(ForeignKey("place.id"))
    lon: Mapped[float | None] = mapped_column(Float)
    lat: Mapped[float | None] = mapped_column(Float)


class EnterpriseRow(Base):
    __tablename__ = "enterprise"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    zh: Mapped[str] = mapped_column(String(128))
    en: Mapped[str] = mapped_column(String(128))
    permit: Mapped[str] = mapped_column(String(64), unique=True)
    district: Mapped[str] = mapped_column(ForeignKey("place.id"))


class StationRow(Base):
    __tablename__ = "station"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    zh: Mapped[str] = mapped_column(String(128))
    en: Mapped[str] = mapped_column(String(128))
    level: Mapped[str] = mapped_column(String(16))
    grade: Mapped[str] = mapped_column(String(16))
    realm: Mapped[str] = mapped_column(String(8))
    medium: Mapped[str] = mapped_column(String(8))
    district: Mapped[str] = mapped_column(ForeignKey("place.id"))
    subdistrict: Mapped[str | None] = mapped_column(ForeignKey("place.id"))
    basin: Mapped[str | None] = mapped_column(ForeignKey("place.id"))
    bay: Mapped[str | None] = mapped_column(ForeignKey("place.id"))
    enterprise: Mapped[str | None] = mapped_column(ForeignKey("enterprise.id"))
    zone: Mapped[str | None] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(32))
    lon: Mapped[float] = mapped_column(Float)
    lat: Mapped[float] = mapped_column(Float)


class SensorRow(Base):
    __tablename__ = "sensor"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    station: Mapped[str] = mapped_column(ForeignKey("station.id"), index=True)
    medium: Mapped[str] = mapped_column(String(8))
    model: Mapped[str] = mapped_column(String(64))
    serial: Mapped[str] = mapped_column(String(64), unique=True)
    cadence_s: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), default="active")
    installed: Mapped[datetime | None] = mapped_column(UtcTime)
    source: Mapped[str | None] = mapped_column(String(64))
    parameters: Mapped[list[SensorParameterRow]] = relationship(
        order_by="SensorParameterRow.position", cascade="all, delete-orphan", lazy="selectin"
    )


class SensorParameterRow(Base):
    """A channel: one parameter of one sensor."""

    __tablename__ = "sensor_parameter"
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), primary_key=True)
    parameter: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[int]


class DeadLetterRow(Base):
    """A refused message; the same bytes on the same topic are one row, seen several times."""

    __tablename__ = "dead_letter"
    __table_args__ = (Index("ix_dead_letter_arrived", "arrived"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(Text)
    sensor: Mapped[str] = mapped_column(String(64), index=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)  # of topic, code and raw bytes
    arrived: Mapped[datetime] = mapped_column(UtcTime)
    code: Mapped[str] = mapped_column(String(32), index=True)
    field: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    reason_zh: Mapped[str] = mapped_column(Text)
    reason_en: Mapped[str] = mapped_column(Text)
    readings: Mapped[int]
    refused: Mapped[str] = mapped_column(Text, default="")  # positions, comma-separated
    times_seen: Mapped[int] = mapped_column(default=1)
    replayed: Mapped[datetime | None] = mapped_column(UtcTime)


class AlertRow(Base):
    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("rule", "sensor", "started", name="uq_alert_breach"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(String(64))
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), index=True)
    station: Mapped[str] = mapped_column(ForeignKey("station.id"), index=True)
    district: Mapped[str] = mapped_column(String(64))
    parameter: Mapped[str] = mapped_column(String(32))
    severity: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(16), index=True)
    started: Mapped[datetime] = mapped_column(UtcTime)
    ended: Mapped[datetime | None] = mapped_column(UtcTime)
    limit_value: Mapped[float] = mapped_column(Float)
    peak: Mapped[float] = mapped_column(Float)
    last: Mapped[float] = mapped_column(Float)
    opened: Mapped[datetime] = mapped_column(UtcTime)
    closed: Mapped[datetime | None] = mapped_column(UtcTime)


class AlertEventRow(Base):
    """What happened to an alert: who, when, what."""

    __tablename__ = "alert_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(Text)  # JSON


class OutboxItemRow(Base):
    """One event to be delivered by one channel; written in the event's own transaction."""

    __tablename__ = "outbox_item"
    __table_args__ = (
        UniqueConstraint("key", "channel", name="uq_outbox_item"),
        Index("ix_outbox_due", "delivered", "next_attempt"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"))
    event_id: Mapped[int] = mapped_column(ForeignKey("alert_event.id"))
    channel: Mapped[str] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(128))  # idempotency key for the receiver
    payload: Mapped[str] = mapped_column(Text)  # JSON
    created: Mapped[datetime] = mapped_column(UtcTime)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt: Mapped[datetime] = mapped_column(UtcTime)
    delivered: Mapped[datetime | None] = mapped_column(UtcTime)
    last_error: Mapped[str] = mapped_column(Text, default="")
