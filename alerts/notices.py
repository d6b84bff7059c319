"""What operators are told about delivery itself: a channel is down, a channel works again.

A notice goes into the outbox as an alert's message does, to those on duty for the network and to
whoever is told everything, never by the channel that it is about.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.routing import Recipient, Router
from registry.duty import CITY
from registry.models import OutboxItemRow
from schemas import CITY_TIME

DOWN, UP = "channel_down", "channel_up"
KINDS = {
    DOWN: ("orange", "告警通道中断", "Alert channel is down"),
    UP: ("blue", "告警通道恢复", "Alert channel works again"),
}


def announce(
    session: Session,
    router: Router,
    kind: str,
    channel: str,
    *,
    since: datetime,
    now: datetime,
    error: str = "",
) -> None:
    """Put a notice into the outbox; the same one again changes nothing.

    since: when the channel began to fail. The caller commits.
    """
    key = f"{kind}-{channel}-{int(since.timestamp())}"
    if session.scalar(select(OutboxItemRow.id).where(OutboxItemRow.key == key).limit(1)):
        return
    payload = json.dumps(notice(kind, channel, since, error), ensure_ascii=False)
    for recipient in router.operators(session, now):
        others = tuple(name for name in recipient.channels if name != channel)
        if others:
            session.add(_item(recipient, others, key, payload, now))


def notice(kind: str, channel: str, since: datetime, error: str) -> dict[str, Any]:
    """The content: what every channel needs of a message, and what went wrong."""
    severity, zh, en = KINDS[kind]
    began = since.astimezone(CITY_TIME)
    when = began.strftime("%Y-%m-%d %H:%M:%S")
    because_zh, because_en = (f"：{error}", f": {error}") if error else ("", "")
    return {
        "alert": None,
        "event": kind,
        "severity": severity,
        "district": CITY,
        "channel": channel,
        "started": began.isoformat(),
        "title_zh": f"【{zh}】{channel}",
        "title_en": f"[{en}] {channel}",
        "text_zh": f"{zh}（{channel}），自 {when} 起失败{because_zh}",
        "text_en": f"{en} ({channel}), failing since {when}{because_en}",
    }


def _item(
    recipient: Recipient, channels: tuple[str, ...], key: str, payload: str, now: datetime
) -> OutboxItemRow:
    return OutboxItemRow(
        alert_id=None,
        event_id=None,
        recipient=recipient.name,
        channel=channels[0],
        channels=",".join(channels),
        address=json.dumps(recipient.address, ensure_ascii=False),
        key=key,
        payload=payload,
        created=now,
        next_attempt=now,
    )
