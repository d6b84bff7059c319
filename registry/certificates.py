"""Certificates that were made for sensors, for mutual TLS: who has one, and when it ends.

The certificate is given away, and only its end is kept, as a line in the sensor's history.
"""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import select

from registry.credentials import LET_IN
from registry.life import noted, told
from registry.models import CredentialRow, SensorEventRow
from registry.registry import Registry
from schemas.ids import SensorId

KIND = "certificate"


def note_certificate(
    registry: Registry, sensor: str, username: str, ends: datetime, *, by: str, at: datetime
) -> None:
    about = {"username": username, "ends": ends.isoformat()}
    with registry.session.begin() as session:
        told(session, sensor, at, by, KIND, about)
        noted(session, at, by, "credential.rotate", sensor, None, about, "certificate")


def certificate_ends(registry: Registry) -> dict[SensorId, datetime]:
    """When the newest certificate of each sensor ends, of accounts that are let in."""
    lines = select(SensorEventRow).where(SensorEventRow.kind == KIND).order_by(SensorEventRow.id)
    open_to = select(CredentialRow.username).where(CredentialRow.state.in_(LET_IN))
    with registry.session() as session:
        let_in = set(session.scalars(open_to))
        made = [(row.sensor, json.loads(row.detail)) for row in session.scalars(lines)]
    return {
        SensorId(sensor): datetime.fromisoformat(about["ends"])
        for sensor, about in made
        if about["username"] in let_in
    }
