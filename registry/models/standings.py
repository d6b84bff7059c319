"""Table of standings: what views say of a subject, kept for boards, which can ask tables only."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Float, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base, UtcTime


class StandingRow(Base):
    """The newest standing of one subject in one respect. value: None where it cannot be said."""

    __tablename__ = "standing"
    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    subject: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[float | None] = mapped_column(Float)
    grade: Mapped[str] = mapped_column(String(24))
    label: Mapped[str] = mapped_column(Text)
    day: Mapped[date | None]
    made: Mapped[datetime] = mapped_column(UtcTime)
