"""Tables of alerting: alerts, their events, rules that were edited, permits, and the outbox."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base, UtcTime


class AlertRow(Base):
    """One breach of one rule at one subject, and what people do about it."""

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("rule", "subject", "started", name="uq_alert_breach"),
        # Both lanes may see a breach at the same moment: one of them writes it.
        Index(
            "uq_alert_ongoing",
            "rule",
            "subject",
            unique=True,
            sqlite_where=text("ended IS NULL"),
            postgresql_where=text("ended IS NULL"),
        ),
        Index("ix_alert_started", "started"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(String(64))
    rule_hash: Mapped[str] = mapped_column(String(64))  # of the rule as it was
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(64))
    sensor: Mapped[str | None] = mapped_column(ForeignKey("sensor.id"), index=True)
    station: Mapped[str | None] = mapped_column(ForeignKey("station.id"), index=True)
    district: Mapped[str] = mapped_column(String(64), index=True)
    subdistrict: Mapped[str | None] = mapped_column(String(64))
    medium: Mapped[str] = mapped_column(String(8))
    parameter: Mapped[str] = mapped_column(String(32))
    severity: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(16), index=True)
    outcome: Mapped[str | None] = mapped_column(String(16))
    route: Mapped[str] = mapped_column(String(32))
    started: Mapped[datetime] = mapped_column(UtcTime)
    ended: Mapped[datetime | None] = mapped_column(UtcTime)
    limit_value: Mapped[float] = mapped_column(Float)
    basis: Mapped[str] = mapped_column(Text)
    peak: Mapped[float] = mapped_column(Float)
    peak_at: Mapped[datetime] = mapped_column(UtcTime)
    excess: Mapped[float] = mapped_column(Float)
    last: Mapped[float] = mapped_column(Float)
    opened: Mapped[datetime] = mapped_column(UtcTime)
    certain: Mapped[datetime | None] = mapped_column(UtcTime)
    acknowledged: Mapped[datetime | None] = mapped_column(UtcTime)
    dispatched: Mapped[datetime | None] = mapped_column(UtcTime)
    arrived: Mapped[datetime | None] = mapped_column(UtcTime)
    closed: Mapped[datetime | None] = mapped_column(UtcTime)
    at_level: Mapped[str] = mapped_column(String(16))
    level_since: Mapped[datetime] = mapped_column(UtcTime)
    assignee: Mapped[str | None] = mapped_column(String(64))
    snoozed_until: Mapped[datetime | None] = mapped_column(UtcTime)
    incident: Mapped[int | None] = mapped_column(index=True)
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("alert.id"))
    late: Mapped[bool] = mapped_column(default=False)
    findings: Mapped[str] = mapped_column(Text, default="")


class AlertEventRow(Base):
    """What happened to an alert: who, when, which move, why, and the states before and after."""

    __tablename__ = "alert_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(64))
    move: Mapped[str] = mapped_column(String(24))
    before: Mapped[str | None] = mapped_column(String(16))
    after: Mapped[str] = mapped_column(String(16))
    why: Mapped[str] = mapped_column(Text, default="")
    detail: Mapped[str] = mapped_column(Text)  # JSON


class AlertPhotoRow(Base):
    """A picture from the site, as it was uploaded."""

    __tablename__ = "alert_photo"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("alert_event.id"))
    kind: Mapped[str] = mapped_column(String(32))  # media type
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)


class RuleVersionRow(Base):
    """A rule as somebody left it; the newest of an id is in force."""

    __tablename__ = "rule_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(String(64), index=True)
    content: Mapped[str] = mapped_column(Text)  # JSON
    who: Mapped[str] = mapped_column(String(64))
    why: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcTime)


class PermitLimitRow(Base):
    """What a permit allows at a station."""

    __tablename__ = "permit_limit"
    id: Mapped[int] = mapped_column(primary_key=True)
    station: Mapped[str] = mapped_column(ForeignKey("station.id"), index=True)
    parameter: Mapped[str] = mapped_column(String(32))
    value: Mapped[float] = mapped_column(Float)
    source: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime | None] = mapped_column(UtcTime)
    until: Mapped[datetime | None] = mapped_column(UtcTime)


class DutyRow(Base):
    """Who is on duty for an area, and how to reach them.

    area: a district, a subdistrict, or `city`. channels: names in the order in which they are
    tried, comma-separated. address: JSON, by channel. since, until: of the duty; None = open.
    """

    __tablename__ = "duty"
    id: Mapped[int] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(String(32), index=True)
    area: Mapped[str] = mapped_column(String(64))
    medium: Mapped[str | None] = mapped_column(String(8))
    person: Mapped[str] = mapped_column(String(64))
    channels: Mapped[str] = mapped_column(String(128))
    address: Mapped[str] = mapped_column(Text, default="{}")
    since: Mapped[datetime | None] = mapped_column(UtcTime)
    until: Mapped[datetime | None] = mapped_column(UtcTime)


class OutboxItemRow(Base):
    """One message on its way to one recipient; an event's is written in its own transaction.

    alert_id, event_id: None where the message is about the network itself. channels: in the order
    in which they are tried, the present one first, comma-separated.
    """

    __tablename__ = "outbox_item"
    __table_args__ = (
        UniqueConstraint("key", "recipient", name="uq_outbox_item"),
        Index(
            "ix_outbox_due",
            "channel",
            "next_attempt",
            sqlite_where=text("delivered IS NULL"),
            postgresql_where=text("delivered IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"))
    event_id: Mapped[int | None] = mapped_column(ForeignKey("alert_event.id"))
    recipient: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(16))
    channels: Mapped[str] = mapped_column(String(128))
    address: Mapped[str] = mapped_column(Text, default="{}")  # JSON, by channel
    key: Mapped[str] = mapped_column(String(128))  # idempotency key for the receiver
    payload: Mapped[str] = mapped_column(Text)  # JSON
    created: Mapped[datetime] = mapped_column(UtcTime)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt: Mapped[datetime] = mapped_column(UtcTime)
    delivered: Mapped[datetime | None] = mapped_column(UtcTime)
    last_error: Mapped[str] = mapped_column(Text, default="")


class EvidenceRow(Base):
    """A frozen bundle: its file, the file's SHA-256, and that of the bundle before it.

    previous: empty for the first; no two have the same, so that the chain never forks. Triggers
    refuse to change or delete a row.
    """

    __tablename__ = "evidence"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    made: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    previous: Mapped[str] = mapped_column(String(64), unique=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ChannelHealthRow(Base):
    """How a channel of delivery fares: when it last worked, when and why it last failed.

    failing: since when it has failed each time; next_try: when it may be tried again.
    """

    __tablename__ = "channel_health"
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    worked: Mapped[datetime | None] = mapped_column(UtcTime)
    failed: Mapped[datetime | None] = mapped_column(UtcTime)
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    failing: Mapped[datetime | None] = mapped_column(UtcTime)
    next_try: Mapped[datetime | None] = mapped_column(UtcTime)
    last_error: Mapped[str] = mapped_column(Text, default="")
