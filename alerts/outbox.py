"""The outbox: messages on their way to people. At least once, with a key that receivers can honour.

Items are claimed by moving their next attempt ahead, so that two deliverers do not send them at the
same time; a deliverer that is killed leaves items that fall due again. An item that fails is tried
again, later each time, and after some failures, or as soon as its channel is down, by the next of
its channels, round and round: nothing is ever dropped. What no channel of this process can send
waits, and costs no attempt.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import structlog
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from alerts import health, notices
from alerts.cap import TOLD
from alerts.letter import Channel, Earlier, Letter, Refused, TooFast, Undeliverable
from alerts.routing import Router
from registry import Registry
from registry.models import AlertEventRow, OutboxItemRow

log = structlog.get_logger()

CLAIM = timedelta(minutes=2)
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=15)
AT_ONCE = 20  # with the longest time that a channel waits for an answer, less than CLAIM
TRIES = 2  # of one channel, before the next is tried
ORPHANED = timedelta(minutes=1)  # what is due for so long, no other process sends
MOST_BATCHES = 50


@dataclass(frozen=True, slots=True)
class Delivered:
    sent: int
    failed: int


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: doubling, up to a quarter of an hour."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 10))


def deliver(
    now: datetime,
    *,
    registry: Registry,
    channels: Sequence[Channel],
    router: Router | None = None,
) -> Delivered:
    """Send what is due, each channel beside the others.

    router: who hears of a channel that is down; without it, every other channel.
    """
    if not channels:
        return Delivered(0, 0)
    router = router or Router(c.name for c in channels if c.name not in ("email", "cap"))
    names = [channel.name for channel in channels]
    reroute(now, registry=registry, usable=names)
    with ThreadPoolExecutor(len(channels), thread_name_prefix="deliver") as pool:
        rounds = [
            pool.submit(_drain, now, registry, channel, names, router) for channel in channels
        ]
    done = [each.result() for each in rounds]
    return Delivered(sum(d.sent for d in done), sum(d.failed for d in done))


def _drain(
    now: datetime, registry: Registry, channel: Channel, names: Sequence[str], router: Router
) -> Delivered:
    sent = failed = 0
    for _ in range(MOST_BATCHES):
        done = send_batch(now, registry=registry, channel=channel, usable=names, router=router)
        sent, failed = sent + done.sent, failed + done.failed
        if done.failed or not done.sent:
            break
    return Delivered(sent, failed)


def send_batch(
    now: datetime,
    *,
    registry: Registry,
    channel: Channel,
    usable: Collection[str],
    router: Router,
) -> Delivered:
    """Send up to `AT_ONCE` items of one channel; one alone where the channel has just failed.

    usable: names of the channels that this process has.
    """
    known = health.channel_healths(registry)
    state = known.get(channel.name, health.ChannelHealth(channel.name))
    if not state.may_try(now):
        return Delivered(0, 0)
    items = _claim(registry, channel.name, now, 1 if state.failures else AT_ONCE)
    if not items:
        return Delivered(0, 0)
    letters = _letters(registry, channel, items)
    outcomes = _send_all(channel, letters)
    works = {name: not known.get(name, health.ChannelHealth(name)).down for name in usable}
    _mark(registry, channel.name, list(zip(items, outcomes, strict=True)), now, works, router)
    failures = sum(isinstance(outcome, Undeliverable) for outcome in outcomes)
    return Delivered(outcomes.count(SENT), failures)


SENT, LEFT = "sent", "left"  # what became of an item, where it is no error
Outcome = str | Undeliverable


def _due(channel: ColumnElement[bool], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (channel, OutboxItemRow.delivered.is_(None), OutboxItemRow.next_attempt <= now)


def _claim(registry: Registry, channel: str, now: datetime, most: int) -> list[OutboxItemRow]:
    """Due items that nobody else has claimed, now this deliverer's for a while; in order."""
    due = _due(OutboxItemRow.channel == channel, now)
    first = (
        select(OutboxItemRow.id)
        .where(*due)
        .order_by(OutboxItemRow.next_attempt, OutboxItemRow.id)
        .limit(most)
    )
    with registry.session() as session:
        numbers = list(session.scalars(first))  # reading holds up nobody, writing does
    if not numbers:
        return []
    claim = (
        update(OutboxItemRow)
        .where(OutboxItemRow.id.in_(numbers), *due)
        .values(next_attempt=now + CLAIM)
        .returning(OutboxItemRow)
        .execution_options(synchronize_session=False)
    )
    with registry.session.begin() as session:
        claimed = list(session.scalars(claim))
        session.expunge_all()
    return sorted(claimed, key=lambda item: item.id)


def _letters(registry: Registry, channel: Channel, items: Iterable[OutboxItemRow]) -> list[Letter]:
    with_earlier = getattr(channel, "needs_earlier", False)
    with registry.session() as session:
        return [
            Letter(
                key=item.key,
                at=item.created,
                content=json.loads(item.payload),
                recipient=item.recipient,
                address=json.loads(item.address).get(channel.name, ""),
                earlier=earlier_of(session, item.alert_id, item.event_id) if with_earlier else (),
            )
            for item in items
        ]


def earlier_of(session: Session, alert: int | None, event: int | None) -> tuple[Earlier, ...]:
    """What was told outside about an alert before an event, oldest first."""
    query = (
        select(AlertEventRow.id, AlertEventRow.at)
        .where(
            AlertEventRow.alert_id == alert,
            AlertEventRow.id < event,
            AlertEventRow.move.in_(TOLD),
        )
        .order_by(AlertEventRow.id)
    )
    return tuple(Earlier(event_key(alert, n), at) for n, at in session.execute(query))


def event_key(alert: int | None, event: int) -> str:
    """The key of an event's message, the same for everybody who is told."""
    return f"alert-{alert}-event-{event}"


def _send_all(channel: Channel, letters: Sequence[Letter]) -> list[Outcome]:
    """Send letters, so many at a time as the channel likes; none more once it has failed."""
    outcomes: list[Outcome] = []
    waiting = iter(letters)
    with ThreadPoolExecutor(channel.parallel, thread_name_prefix=channel.name) as pool:
        while group := list(islice(waiting, channel.parallel)):
            outcomes += pool.map(lambda letter: _send(channel, letter), group)
            if any(_is_the_channels(outcome) for outcome in outcomes):
                break
    return outcomes + [LEFT] * (len(letters) - len(outcomes))


def _send(channel: Channel, letter: Letter) -> Outcome:
    try:
        channel.send(letter)
    except Undeliverable as error:
        return error
    except Exception as error:  # one letter that we cannot write must not hold up the others
        log.exception("letter not written", channel=channel.name, key=letter.key)
        return Refused(f"not written: {type(error).__name__}")
    return SENT


def _is_the_channels(outcome: Outcome) -> bool:
    return isinstance(outcome, Undeliverable) and not isinstance(outcome, Refused)


def _mark(
    registry: Registry,
    channel: str,
    done: Sequence[tuple[OutboxItemRow, Outcome]],
    now: datetime,
    works: Mapping[str, bool],
    router: Router,
) -> None:
    """Write down what became of items, and how the channel fares, in one transaction.

    works: whether it does, of each channel that an item may go to.
    """
    errors = [o for _, o in done if isinstance(o, Undeliverable) and _is_the_channels(o)]
    with registry.session.begin() as session:
        for item, outcome in done:
            _set(session, item.id, **_changes(item, outcome, now, works))
        for error in errors[:1]:  # several at the same moment are one failure
            _note_failure(session, channel, error, now, router)
        if not errors and any(outcome == SENT for _, outcome in done):
            _note_success(session, channel, now, router)


def _changes(
    item: OutboxItemRow, outcome: Outcome, now: datetime, works: Mapping[str, bool]
) -> dict[str, object]:
    attempts = item.attempts + 1
    if outcome == SENT:
        return {"attempts": attempts, "delivered": now, "last_error": ""}
    if isinstance(outcome, TooFast):
        return {"next_attempt": now + health.WHEN_TOO_FAST, "last_error": str(outcome)}
    if not isinstance(outcome, Undeliverable):
        return {"next_attempt": now}
    changes: dict[str, object] = {
        "attempts": attempts,
        "next_attempt": now + wait_after(attempts),
        "last_error": str(outcome)[: health.ERROR_KEPT],
    }
    order = item.channels.split(",")
    if isinstance(outcome, Refused) or attempts % TRIES == 0:
        others = [name for name in order[1:] if name in works]
        # The first that works; when all are down, an item still goes round.
        following = max(others, key=works.__getitem__, default=None)
        if following is not None:
            changes |= _moved(order, following)
            if attempts < TRIES * len(order):  # not all have had their turn yet
                changes["next_attempt"] = now
    return changes


def _next(order: Sequence[str], up: Collection[str]) -> str | None:
    return next((name for name in order[1:] if name in up), None)


def _moved(order: Sequence[str], to: str) -> dict[str, object]:
    at = order.index(to)
    return {"channel": to, "channels": ",".join([*order[at:], *order[:at]])}


def _set(session: Session, number: int, **values: object) -> None:
    session.execute(
        update(OutboxItemRow).where(OutboxItemRow.id == number).values(**values),
        execution_options={"synchronize_session": False},
    )


def _note_failure(
    session: Session, channel: str, error: Undeliverable, now: datetime, router: Router
) -> None:
    if isinstance(error, TooFast):
        health.hurried(session, channel, now)
    elif health.failed(session, channel, now, str(error)):
        since = health.healths(session)[channel].failing or now
        log.warning("channel is down", channel=channel, error=str(error))
        notices.announce(
            session, router, notices.DOWN, channel, since=since, now=now, error=str(error)
        )


def _note_success(session: Session, channel: str, now: datetime, router: Router) -> None:
    since = health.healths(session).get(channel, health.ChannelHealth(channel)).failing
    if health.worked(session, channel, now) and since is not None:
        log.info("channel works again", channel=channel)
        _hurry(session, channel, now)
        notices.announce(session, router, notices.UP, channel, since=since, now=now)


def _hurry(session: Session, channel: str, now: datetime) -> None:
    """Let items that wait long after a failure be tried now that a channel of theirs works.

    Those that wait for the morning have not been tried; those that wait less may be claimed.
    """
    session.execute(
        update(OutboxItemRow)
        .where(
            OutboxItemRow.channels.contains(channel),
            OutboxItemRow.delivered.is_(None),
            OutboxItemRow.attempts > 0,
            OutboxItemRow.next_attempt > now + CLAIM,
        )
        .values(next_attempt=now),
        execution_options={"synchronize_session": False},
    )


def reroute(now: datetime, *, registry: Registry, usable: Sequence[str]) -> int:
    """Move due items of channels that are down, or that no process has, to their next one.

    It costs no attempt. An item whose channels are all down stays where it is. Returns how many.
    """
    known = health.channel_healths(registry)
    up = [name for name in usable if not known.get(name, health.ChannelHealth(name)).down]
    down = [name for name in usable if name not in up]
    late = OutboxItemRow.next_attempt <= now - ORPHANED
    stuck = _due(
        or_(OutboxItemRow.channel.in_(down), and_(OutboxItemRow.channel.not_in(usable), late)), now
    )
    moved = 0
    query = select(OutboxItemRow.id, OutboxItemRow.channel, OutboxItemRow.channels)
    with registry.session() as session:
        found = list(session.execute(query.where(*stuck, OutboxItemRow.channels.contains(","))))
    with registry.session.begin() as session:
        for number, channel, channels in found:
            order = channels.split(",")
            to = _next(order, up)
            if to is not None:
                values = _moved(order, to)
                where = (OutboxItemRow.id == number, *_due(OutboxItemRow.channel == channel, now))
                session.execute(
                    update(OutboxItemRow).where(*where).values(**values),
                    execution_options={"synchronize_session": False},
                )
                moved += 1
    return moved


def waiting(registry: Registry) -> dict[str, int]:
    """How many messages wait, by the channel that is to send them."""
    query = (
        select(OutboxItemRow.channel, func.count())
        .where(OutboxItemRow.delivered.is_(None))
        .group_by(OutboxItemRow.channel)
    )
    with registry.session() as session:
        return {row[0]: row[1] for row in session.execute(query)}
