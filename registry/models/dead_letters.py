"""The table of refused messages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base, UtcTime


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
