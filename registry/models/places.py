"""Tables of who is where: places, river chiefs, enterprises, stations, sensors, channels."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, UtcTime


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
    chief: Mapped[str | None] = mapped_column(ForeignKey("river_chief.id"))


class RiverChiefRow(Base):
    """Who answers for a river: of a whole basin, or of single sections."""

    __tablename__ = "river_chief"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    zh: Mapped[str] = mapped_column(String(128))
    en: Mapped[str] = mapped_column(String(128))
    level: Mapped[str] = mapped_column(String(16))


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
    river_km: Mapped[float | None] = mapped_column(Float)
    chief: Mapped[str | None] = mapped_column(ForeignKey("river_chief.id"))


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
