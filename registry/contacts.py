"""What ingest last heard of each sensor: connection, clock, battery, signal, refusals.

Knowledge for people, not data: it is written some seconds late, and may be lost without harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from registry.models import ContactRow
from registry.registry import Registry
from schemas.ids import SensorId


@dataclass(slots=True)
class Contact:
    """None, or an empty text, where nothing was ever told.

    state: online or offline, by the device's own status message. heard: anything came under its
    topics; accepted: a reading was stored. skew_s: how far its clock is ahead of ours, with the
    time that the message took. battery: V; rssi: dBm. denied: the broker turned it away, for a
    wrong password or an account that holds no longer; only the embedded broker tells.
    """

    state: str = ""
    state_at: datetime | None = None
    session: int | None = None
    heard: datetime | None = None
    accepted: datetime | None = None
    skew_s: float | None = None
    battery: float | None = None
    rssi: float | None = None
    firmware: str = ""
    refused: datetime | None = None
    refused_code: str = ""
    denied: datetime | None = None
    denied_why: str = ""

    def update(self, newer: Contact) -> None:
        """Take over what the newer one tells."""
        for name in NAMES:
            value = getattr(newer, name)
            if value is not None and value != "":
                setattr(self, name, value)


NAMES = tuple(field.name for field in fields(Contact))


def keep(registry: Registry, heard: Mapping[SensorId, Contact]) -> None:
    """Bring contacts up to date; what is not told stays as it was."""
    if not heard:
        return
    dialect = postgresql if registry.engine.dialect.name == "postgresql" else sqlite
    rows: list[dict[str, Any]] = [
        {"sensor": sensor, **{name: getattr(contact, name) for name in NAMES}}
        for sensor, contact in heard.items()
    ]
    statement = dialect.insert(ContactRow)
    columns = ContactRow.__table__.c
    told = {
        name: func.coalesce(func.nullif(statement.excluded[name], ""), columns[name])
        if name in ("state", "firmware", "refused_code", "denied_why")
        else func.coalesce(statement.excluded[name], columns[name])
        for name in NAMES
    }
    upsert = statement.on_conflict_do_update(index_elements=["sensor"], set_=told)
    with registry.session.begin() as session:
        session.execute(upsert, rows)


def contact(registry: Registry, sensor: str) -> Contact | None:
    with registry.session() as session:
        row = session.get(ContactRow, sensor)
        return None if row is None else _contact(row)


def contacts(registry: Registry) -> dict[SensorId, Contact]:
    with registry.session() as session:
        return {SensorId(row.sensor): _contact(row) for row in session.scalars(select(ContactRow))}


def _contact(row: ContactRow) -> Contact:
    return Contact(**{name: getattr(row, name) for name in NAMES})
