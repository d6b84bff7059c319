"""How the channels of delivery fare: which are down, since when, and when one is tried again.

A channel that fails is left alone for a while, longer each time, and then tried with one letter. It
is down after `DOWN_AFTER` failures in a row; its letters then go by other channels, where they have
any. Kept in the registry: every deliverer, and the board, sees the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from registry import Registry
from registry.models import ChannelHealthRow

DOWN_AFTER = 3
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=1)
WHEN_TOO_FAST = timedelta(minutes=1)
ERROR_KEPT = 500


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """failures: in a row. failing: since when every attempt failed. worked: when one did not."""

    channel: str
    failures: int = 0
    failing: datetime | None = None
    worked: datetime | None = None
    failed: datetime | None = None
    next_try: datetime | None = None
    last_error: str = ""

    @property
    def down(self) -> bool:
        return self.failures >= DOWN_AFTER

    def may_try(self, now: datetime) -> bool:
        return self.next_try is None or self.next_try <= now


def pause_after(failures: int) -> timedelta:
    """How long a channel is left alone after so many failures in a row."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 10))


def channel_healths(registry: Registry) -> dict[str, ChannelHealth]:
    """The health of every channel that was ever used, by name."""
    with registry.session() as session:
        return healths(session)


def healths(session: Session) -> dict[str, ChannelHealth]:
    return {row.channel: _health(row) for row in session.scalars(select(ChannelHealthRow))}


def worked(session: Session, channel: str, now: datetime) -> bool:
    """Note that a channel has sent; returns whether it had been down."""
    row = _row(session, channel)
    was_down = _health(row).down
    row.worked, row.failures, row.failing, row.next_try, row.last_error = now, 0, None, None, ""
    return was_down


def failed(session: Session, channel: str, now: datetime, error: str) -> bool:
    """Note that a channel has failed; returns whether it is down by this very failure."""
    row = _row(session, channel)
    row.failures += 1
    row.failing = row.failing or now
    row.failed, row.last_error = now, error[:ERROR_KEPT]
    row.next_try = now + pause_after(row.failures)
    return row.failures == DOWN_AFTER


def hurried(session: Session, channel: str, now: datetime) -> None:
    """Note that a channel wants a pause."""
    _row(session, channel).next_try = now + WHEN_TOO_FAST


def _row(session: Session, channel: str) -> ChannelHealthRow:
    row = session.get(ChannelHealthRow, channel, with_for_update=True)
    if row is not None:
        return row
    dialect = session.get_bind().dialect.name
    insert: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    first = insert(ChannelHealthRow).values(channel=channel, failures=0, last_error="")
    session.execute(first.on_conflict_do_nothing())  # another deliverer may be as quick
    return session.get_one(ChannelHealthRow, channel, with_for_update=True)


def _health(row: ChannelHealthRow) -> ChannelHealth:
    return ChannelHealth(
        row.channel,
        row.failures,
        row.failing,
        row.worked,
        row.failed,
        row.next_try,
        row.last_error,
    )
