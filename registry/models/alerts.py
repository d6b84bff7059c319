"""Tables of alerting: alerts, their events, and the outbox."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base, UtcTime


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
