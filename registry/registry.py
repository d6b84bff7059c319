"""The registry's face: records in, records out; what is behind is one SQL database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session, sessionmaker

from registry import dead_letters
from registry.dead_letters import NewDeadLetter
from registry.engine import make_engine
from registry.models import (
    DeadLetterRow,
    EnterpriseRow,
    PlaceRow,
    RiverChiefRow,
    SensorParameterRow,
    SensorRow,
    StationRow,
    VersionRow,
)
from schemas import ParameterKey, SensorId, StationId
from schemas.registry import DeadLetter, Enterprise, Place, RiverChief, Sensor, Station


class Registry:
    """Who is where, measuring what; and the dead letters. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.session: sessionmaker[Session] = sessionmaker(engine, expire_on_commit=False)

    def close(self) -> None:
        self.engine.dispose()

    def places(self) -> dict[str, Place]:
        with self.session() as session:
            return {row.id: _place(row) for row in session.scalars(select(PlaceRow))}

    def enterprises(self) -> dict[str, Enterprise]:
        with self.session() as session:
            return {row.id: _enterprise(row) for row in session.scalars(select(EnterpriseRow))}

    def river_chiefs(self) -> dict[str, RiverChief]:
        with self.session() as session:
            rows = session.scalars(select(RiverChiefRow).order_by(RiverChiefRow.id))
            return {row.id: RiverChief.model_validate(_columns(row)) for row in rows}

    def stations(self) -> dict[StationId, Station]:
        with self.session() as session:
            rows = session.scalars(select(StationRow).order_by(StationRow.id))
            return {StationId(row.id): _station(row) for row in rows}

    def sensors(self) -> dict[SensorId, Sensor]:
        """All sensors, retired ones too, in order of id."""
        with self.session() as session:
            rows = session.scalars(select(SensorRow).order_by(SensorRow.id))
            return {SensorId(row.id): _sensor(row) for row in rows}

    def version(self) -> int:
        """Grows with every change of stations or sensors."""
        with self.session() as session:
            return session.scalar(select(VersionRow.number)) or 0

    def add(
        self,
        *,
        chiefs: Sequence[RiverChief] = (),
        places: Sequence[Place] = (),
        enterprises: Sequence[Enterprise] = (),
        stations: Sequence[Station] = (),
        sensors: Sequence[Sensor] = (),
    ) -> None:
        """Insert or replace records, all or nothing. Raises IntegrityError for a dangling name."""
        with self.session.begin() as session:
            for chief in chiefs:
                session.merge(RiverChiefRow(**chief.model_dump()))
            session.flush()
            for place in sorted(places, key=lambda p: p.parent is not None):
                session.merge(PlaceRow(**place.model_dump()))
                session.flush()
            for enterprise in enterprises:
                session.merge(EnterpriseRow(**enterprise.model_dump()))
            session.flush()
            for station in stations:
                session.merge(StationRow(**station.model_dump()))
            session.flush()
            for sensor in sensors:
                session.merge(_sensor_row(sensor))
            if stations or sensors:
                session.execute(update(VersionRow).values(number=VersionRow.number + 1))

    def add_dead_letters(self, letters: Sequence[NewDeadLetter]) -> None:
        """Keep refused messages, in one transaction."""
        with self.session.begin() as session:
            dead_letters.add(session, letters)

    def dead_letters(
        self,
        *,
        code: str | None = None,
        sensor: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[DeadLetter]:
        """Refused messages, newest first."""
        with self.session() as session:
            return dead_letters.find(session, code=code, sensor=sensor, limit=limit, offset=offset)

    def dead_letter(self, number: int) -> DeadLetter | None:
        with self.session() as session:
            row = session.get(DeadLetterRow, number)
            return None if row is None else dead_letters.record(row)

    def dead_letter_counts(self) -> dict[str, int]:
        """Refused readings by reason code."""
        with self.session() as session:
            return dead_letters.readings_by(session, DeadLetterRow.code)

    def dead_letters_by_sensor(self) -> dict[str, int]:
        """Refused readings by the sensor that the topic names."""
        with self.session() as session:
            return dead_letters.readings_by(session, DeadLetterRow.sensor)

    def mark_replayed(self, number: int, at: datetime) -> None:
        with self.session.begin() as session:
            dead_letters.mark_replayed(session, number, at)


def open_registry(url: str) -> Registry:
    """Open a registry by SQLAlchemy URL. Raises ValueError for an unknown kind of database."""
    return Registry(make_engine(url))


def _place(row: PlaceRow) -> Place:
    return Place.model_validate(_columns(row))


def _enterprise(row: EnterpriseRow) -> Enterprise:
    return Enterprise.model_validate(_columns(row))


def _station(row: StationRow) -> Station:
    return Station.model_validate(_columns(row))


def _sensor(row: SensorRow) -> Sensor:
    parameters = tuple(ParameterKey(channel.parameter) for channel in row.parameters)
    return Sensor.model_validate({**_columns(row), "parameters": parameters})


def _sensor_row(sensor: Sensor) -> SensorRow:
    columns = sensor.model_dump(exclude={"parameters"})
    channels = [
        SensorParameterRow(sensor=sensor.id, parameter=key, position=position)
        for position, key in enumerate(sensor.parameters)
    ]
    return SensorRow(**columns, parameters=channels)


def _columns(
    row: RiverChiefRow | PlaceRow | EnterpriseRow | StationRow | SensorRow,
) -> dict[str, object]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}
