"""The outbox: events on their way to people. At least once, with a key that receivers can honour.

An item is claimed by moving its next attempt ahead, so that two deliverers do not send it at the
same time; a deliverer that is killed leaves an item that falls due again. An item of a channel that
is not configured waits, and costs no attempt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from alerts.channels import Channel, Undeliverable
from registry import Registry
from registry.models import OutboxItemRow

CLAIM = timedelta(minutes=2)
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=15)
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Delivered:
    sent: int
    failed: int


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: doubling, up to a quarter of an hour."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 10))


def deliver(now: datetime, *, registry: Registry, channels: Sequence[Channel]) -> Delivered:
    """Send what is due. A channel that fails once is left alone for the rest of this round."""
    by_name = {channel.name: channel for channel in channels}
    with registry.session() as session:
        due = list(
            session.scalars(
                select(OutboxItemRow)
                .where(
                    OutboxItemRow.delivered.is_(None),
                    OutboxItemRow.next_attempt <= now,
                    OutboxItemRow.channel.in_(by_name),
                )
                .order_by(OutboxItemRow.id)
                .limit(AT_ONCE)
            )
        )
    sent = failed = 0
    down: set[str] = set()
    for item in due:
        if item.channel in down or not _claim(registry, item, now):
            continue
        try:
            by_name[item.channel].send(item.key, json.loads(item.payload))
        except Undeliverable as error:
            down.add(item.channel)
            failed += 1
            attempts = item.attempts + 1
            _mark(
                registry,
                item.id,
                attempts=attempts,
                next_attempt=now + wait_after(attempts),
                last_error=str(error)[:500],
            )
        else:
            sent += 1
            _mark(registry, item.id, attempts=item.attempts + 1, delivered=now, last_error="")
    return Delivered(sent, failed)


def _claim(registry: Registry, item: OutboxItemRow, now: datetime) -> bool:
    with registry.session.begin() as session:
        claimed = session.execute(
            update(OutboxItemRow)
            .where(OutboxItemRow.id == item.id, OutboxItemRow.next_attempt == item.next_attempt)
            .where(OutboxItemRow.delivered.is_(None))
            .values(next_attempt=now + CLAIM)
        )
        return bool(claimed.rowcount)  # type: ignore[attr-defined]


def _mark(registry: Registry, number: int, **values: object) -> None:
    with registry.session.begin() as session:
        session.execute(update(OutboxItemRow).where(OutboxItemRow.id == number).values(**values))
