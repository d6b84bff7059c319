"""Tables of samples: each revision of a sample, and what was found in it."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, UtcTime


class SampleRow(Base):
    """One revision of a sample; the newest is `current`, the earlier ones stay."""

    __tablename__ = "sample"
    __table_args__ = (
        UniqueConstraint("station", "number", "revision", name="uq_sample_revision"),
        Index("ix_sample_station_day", "station", "day"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    station: Mapped[str] = mapped_column(ForeignKey("station.id"))
    number: Mapped[str] = mapped_column(String(64), index=True)
    revision: Mapped[int]
    current: Mapped[bool]
    medium: Mapped[str] = mapped_column(String(16))
    taken: Mapped[datetime] = mapped_column(UtcTime)
    day: Mapped[date]  # of `taken`, in the city
    depth_from: Mapped[float | None] = mapped_column(Float)
    depth_to: Mapped[float | None] = mapped_column(Float)
    laboratory: Mapped[str] = mapped_column(Text)
    remark: Mapped[str] = mapped_column(Text)
    recorded: Mapped[datetime] = mapped_column(UtcTime)
    results: Mapped[list[SampleResultRow]] = relationship(
        order_by="SampleResultRow.position", cascade="all, delete-orphan", lazy="selectin"
    )


class SampleResultRow(Base):
    """One determinand. Numbers are text: the digits that the laboratory wrote are kept."""

    __tablename__ = "sample_result"
    sample: Mapped[int] = mapped_column(ForeignKey("sample.id"), primary_key=True)
    determinand: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int]
    value: Mapped[str | None] = mapped_column(String(64))
    limit: Mapped[str | None] = mapped_column("limit_value", String(64))
    unit: Mapped[str] = mapped_column(String(32))
    reported: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    remark: Mapped[str] = mapped_column(Text)
