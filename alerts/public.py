"""What the public is told about alerts: messages for the CAP feed, without enforcement's words."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from alerts.cap import TOLD, mapping
from alerts.letter import Letter
from alerts.outbox import earlier_of, event_key
from registry import Registry
from registry.models import AlertEventRow, AlertRow
from schemas.alerts import LIVE_STATES

IDENTIFIER = re.compile(r"^alert-(\d{1,9})-event-(\d{1,9})$")
MOST = 200


def public_letters(registry: Registry, now: datetime) -> list[Letter]:
    """The newest message of each alert that goes on, or was over only lately; newest first."""
    lately = now - timedelta(hours=mapping()["feed_h"])
    newest = (
        select(func.max(AlertEventRow.id))
        .join(AlertRow, AlertRow.id == AlertEventRow.alert_id)
        .where(
            AlertEventRow.move.in_(TOLD),
            AlertRow.route.in_(mapping()["public_routes"]),
            AlertRow.certain.is_not(None),
            or_(AlertRow.state.in_(LIVE_STATES), AlertRow.closed > lately),
        )
        .group_by(AlertEventRow.alert_id)
    )
    query = select(AlertEventRow).where(AlertEventRow.id.in_(newest))
    with registry.session() as session:
        events = list(session.scalars(query.order_by(AlertEventRow.id.desc()).limit(MOST)))
        return [_letter(session, event) for event in events if _is_whole(event)]


def public_letter(registry: Registry, identifier: str) -> Letter | None:
    """The message of an identifier; None where there is none, or it is not for the public."""
    found = IDENTIFIER.match(identifier)
    if found is None:
        return None
    with registry.session() as session:
        event = session.get(AlertEventRow, int(found[2]))
        if event is None or event.alert_id != int(found[1]) or event.move not in TOLD:
            return None
        alert = session.get_one(AlertRow, event.alert_id)
        public = alert.route in mapping()["public_routes"] and alert.certain is not None
        return _letter(session, event) if public and _is_whole(event) else None


def _letter(session: Session, event: AlertEventRow) -> Letter:
    return Letter(
        key=event_key(event.alert_id, event.id),
        at=event.at,
        content=json.loads(event.detail),
        earlier=earlier_of(session, event.alert_id, event.id),
    )


def _is_whole(event: AlertEventRow) -> bool:
    """Events of the first schema do not say what a document needs."""
    return "facts_zh" in json.loads(event.detail)
