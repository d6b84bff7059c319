"""Dead letters: kept with everything needed to understand and replay them, each message once.

The same bytes on the same topic are one letter seen several times, so a redelivery after a kill
makes no second one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from registry.models import DeadLetterRow
from schemas.registry import DeadLetter


@dataclass(frozen=True, slots=True)
class NewDeadLetter:
    """A message, or the refused part of it, as ingest hands it over.

    readings: how many readings were refused. refused: their positions in the payload's array; empty
    when the message was refused as a whole.
    """

    topic: str
    sensor: str
    raw: bytes
    arrived: datetime
    code: str
    field: str
    value: str
    reason_zh: str
    reason_en: str
    readings: int
    refused: tuple[int, ...] = ()


def add(session: Session, letters: Iterable[NewDeadLetter]) -> None:
    """Insert or, for a message seen before, raise its count. The caller commits."""
    dialect = session.get_bind().dialect.name
    insert: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    for letter in letters:
        statement = insert(DeadLetterRow).values(
            **_columns(letter), sha256=_fingerprint(letter), times_seen=1
        )
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["sha256"],
                set_={
                    "times_seen": DeadLetterRow.times_seen + 1,
                    "arrived": statement.excluded.arrived,
                    "code": statement.excluded.code,
                    "field": statement.excluded.field,
                    "value": statement.excluded.value,
                    "reason_zh": statement.excluded.reason_zh,
                    "reason_en": statement.excluded.reason_en,
                    "readings": statement.excluded.readings,
                    "refused": statement.excluded.refused,
                },
            )
        )


def _fingerprint(letter: NewDeadLetter) -> str:
    """One message may be refused for several reasons: each of them is a letter of its own."""
    parts = (letter.topic.encode(), letter.code.encode(), letter.raw)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _columns(letter: NewDeadLetter) -> dict[str, Any]:
    return {
        "topic": letter.topic,
        "sensor": letter.sensor[:64],
        "raw": letter.raw,
        "arrived": letter.arrived,
        "code": letter.code,
        "field": letter.field,
        "value": letter.value,
        "reason_zh": letter.reason_zh,
        "reason_en": letter.reason_en,
        "readings": letter.readings,
        "refused": ",".join(map(str, letter.refused)),
    }


def find(
    session: Session, *, code: str | None, sensor: str | None, limit: int, offset: int
) -> list[DeadLetter]:
    """Letters, newest first."""
    query = select(DeadLetterRow).order_by(DeadLetterRow.arrived.desc(), DeadLetterRow.id.desc())
    if code is not None:
        query = query.where(DeadLetterRow.code == code)
    if sensor is not None:
        query = query.where(DeadLetterRow.sensor == sensor)
    return [record(row) for row in session.scalars(query.limit(limit).offset(offset))]


def record(row: DeadLetterRow) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        topic=row.topic,
        sensor=row.sensor,
        raw=row.raw,
        arrived=row.arrived,
        code=row.code,
        field=row.field,
        value=row.value,
        reason_zh=row.reason_zh,
        reason_en=row.reason_en,
        readings=row.readings,
        refused=tuple(int(part) for part in row.refused.split(",") if part),
        times_seen=row.times_seen,
        replayed=row.replayed,
    )


def readings_by(session: Session, column: Any) -> dict[str, int]:
    """Refused readings, repeats included, by a column of the letter."""
    total = func.sum(DeadLetterRow.readings * DeadLetterRow.times_seen)
    rows: Sequence[Any] = session.execute(select(column, total).group_by(column)).all()
    return {key: int(number) for key, number in rows}


def mark_replayed(session: Session, number: int, at: datetime) -> None:
    session.execute(update(DeadLetterRow).where(DeadLetterRow.id == number).values(replayed=at))
