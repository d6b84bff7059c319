"""The outbox on a real PostgreSQL: several deliverers share it, and each message goes out once."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from alerts import Router, channel_healths, deliver
from alerts.letter import Letter, Undeliverable
from registry import Registry, open_registry
from registry.models import OutboxItemRow
from tests.deploy.test_databases import console, server, url  # noqa: F401 (fixtures)

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
MESSAGES = 200


class Counting:
    """A channel that counts, from several threads."""

    name = "webhook"
    parallel = 2

    def __init__(self) -> None:
        self.got: Counter[str] = Counter()
        self.away = False
        self._lock = threading.Lock()

    def send(self, letter: Letter) -> None:
        if self.away:
            raise Undeliverable("away")
        with self._lock:
            self.got[letter.key] += 1


def put(registry: Registry, *keys: str) -> None:
    with registry.session.begin() as session:
        for key in keys:
            session.add(
                OutboxItemRow(
                    recipient="webhook",
                    channel="webhook",
                    channels="webhook,mqtt",
                    key=key,
                    payload="{}",
                    created=NOW,
                    next_attempt=NOW,
                )
            )


def test_four_deliverers_send_each_message_once(
    console: Registry,  # noqa: F811
    server: dict[str, str],  # noqa: F811
) -> None:
    channel = Counting()
    put(console, *(f"k{n}" for n in range(MESSAGES)))
    others = [open_registry(url(server, "registry_console", "registry")) for _ in range(4)]

    def work(registry: Registry) -> int:
        done = deliver(NOW, registry=registry, channels=[channel], router=Router())
        registry.close()
        return done.sent

    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(work, others))
    assert sum(sent) == MESSAGES
    assert len(channel.got) == MESSAGES
    assert set(channel.got.values()) == {1}


def test_a_channel_that_is_down_is_kept_told_and_gone_round(console: Registry) -> None:  # noqa: F811
    broken, other = Counting(), Counting()
    broken.away, other.name = True, "mqtt"
    router = Router(["webhook", "mqtt"])
    put(console, *(f"down{n}" for n in range(10)))
    now = NOW
    for _ in range(60):
        deliver(now, registry=console, channels=[broken, other], router=router)
        now += timedelta(seconds=5)
    assert channel_healths(console)["webhook"].down
    assert sum(key.startswith("down") for key in other.got) == 10
    assert sum(key.startswith("channel_down-webhook-") for key in other.got) == 1
    broken.away = False
    put(console, "again")
    for _ in range(60):
        deliver(now, registry=console, channels=[broken, other], router=router)
        now += timedelta(seconds=5)
    with console.session() as session:
        left = select(OutboxItemRow.key).where(OutboxItemRow.delivered.is_(None))
        waiting = list(session.scalars(left.where(OutboxItemRow.channel == "webhook")))
    assert waiting == []
