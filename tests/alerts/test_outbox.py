"""The outbox when channels fail: the next channel, health, notices; and the service around it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select

from alerts import ChannelHealth, Deliverer, Router, WebhookChannel, channel_healths, deliver
from alerts.channels import EmailChannel, Server
from alerts.health import DOWN_AFTER, LONGEST_PAUSE, pause_after
from alerts.letter import Letter, Refused, TooFast, Undeliverable
from alerts.outbox import CLAIM, LONGEST_WAIT, ORPHANED, waiting
from registry.models import DutyRow, OutboxItemRow
from schemas import SystemClock
from tests.alerts.conftest import NIGHT, Hands
from tests.alerts.receivers import HttpReceiver, here, mail_server
from tests.brokers import free_port

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _nobody_on_duty(hands: Hands) -> None:
    """Else the demo's operators hear of everything, too."""
    with hands.registry.session.begin() as session:
        session.execute(delete(DutyRow))


class Scripted:
    """A channel that does what a test says, and remembers what it was asked to send."""

    parallel = 1

    def __init__(self, name: str) -> None:
        self.name = name
        self.error: Exception | None = None
        self.sent: list[str] = []
        self.asked: list[str] = []

    def send(self, letter: Letter) -> None:
        self.asked.append(letter.key)
        if self.error is not None:
            raise self.error
        self.sent.append(letter.key)


def put(hands: Hands, key: str, *channels: str, recipient: str = "wu", **address: str) -> None:
    content = {
        "alert": None, "event": "open", "severity": "red", "district": "luohu", "title_zh": key,
        "title_en": key, "text_zh": key, "text_en": key,
    }  # fmt: skip
    with hands.registry.session.begin() as session:
        session.add(
            OutboxItemRow(
                recipient=recipient,
                channel=channels[0],
                channels=",".join(channels),
                address=json.dumps(address),
                key=key,
                payload=json.dumps(content),
                created=NIGHT,
                next_attempt=NIGHT,
            )
        )


def item(hands: Hands, key: str) -> OutboxItemRow:
    with hands.registry.session() as session:
        return session.scalars(select(OutboxItemRow).where(OutboxItemRow.key == key)).one()


def go(hands: Hands, now: datetime, *channels: Scripted, router: Router | None = None) -> None:
    deliver(now, registry=hands.registry, channels=channels, router=router or Router())


AWAY = Undeliverable("away")


def test_an_item_goes_round_its_channels_until_one_takes_it(hands: Hands) -> None:
    first, second = Scripted("email"), Scripted("wecom")
    first.error = second.error = AWAY
    put(hands, "k", "email", "wecom")
    now = NIGHT
    tried: list[str] = []
    for _ in range(200):
        before = (len(first.asked), len(second.asked))
        go(hands, now, first, second)
        tried += ["email"] * (len(first.asked) - before[0])
        tried += ["wecom"] * (len(second.asked) - before[1])
        now += timedelta(seconds=15)
    assert tried[:4] == ["email", "email", "wecom", "wecom"]
    assert "email" in tried[4:], "back to the first, when all have failed"
    assert item(hands, "k").delivered is None
    first.error = None
    for _ in range(3):
        go(hands, now, first, second)
        now += LONGEST_WAIT + LONGEST_PAUSE
    assert first.sent + second.sent == ["k"]


def test_what_waits_long_is_tried_as_soon_as_its_channel_works(hands: Hands) -> None:
    only = Scripted("webhook")
    only.error = AWAY
    for n in range(8):
        put(hands, f"k{n}", "webhook")
    morning = NIGHT + timedelta(hours=8)
    put(hands, "tomorrow", "webhook")
    with hands.registry.session.begin() as session:
        quiet = session.scalars(select(OutboxItemRow).where(OutboxItemRow.key == "tomorrow")).one()
        quiet.next_attempt = morning
    now = NIGHT
    while item(hands, "k0").attempts < 6:
        go(hands, now, only)
        now += MINUTE
    only.error = None
    for _ in range(3):
        go(hands, now, only)
        now += MINUTE
    assert sorted(only.sent) == [f"k{n}" for n in range(8)]
    go(hands, morning, only)
    assert only.sent[-1] == "tomorrow"


def test_what_a_channel_refuses_goes_by_the_next_at_once_and_the_channel_is_well(
    hands: Hands,
) -> None:
    first, second = Scripted("email"), Scripted("wecom")
    first.error = Refused("no such mailbox")
    for n in range(5):
        put(hands, f"k{n}", "email", "wecom")
    go(hands, NIGHT, first, second)
    go(hands, NIGHT, first, second)
    assert len(second.sent) == 5
    assert not channel_healths(hands.registry).get("email", ChannelHealth("email")).failures


def test_a_refused_item_with_one_channel_is_tried_for_ever_and_holds_up_nobody(
    hands: Hands,
) -> None:
    only = Scripted("email")
    only.error = Refused("no such mailbox")
    put(hands, "bad", "email")
    for n in range(12):
        go(hands, NIGHT + n * LONGEST_WAIT, only)
    assert item(hands, "bad").attempts == 12
    assert item(hands, "bad").last_error == "no such mailbox"
    only.error = None
    put(hands, "good", "email")
    go(hands, NIGHT + 13 * LONGEST_WAIT, only)
    assert sorted(only.sent) == ["bad", "good"]


def test_a_channel_that_is_down_is_left_alone_and_its_items_go_elsewhere_at_no_cost(
    hands: Hands,
) -> None:
    first, second = Scripted("email"), Scripted("wecom")
    first.error = AWAY
    for n in range(30):
        put(hands, f"k{n}", "email", "wecom")
        put(hands, f"only{n}", "email", recipient="li")
    now = NIGHT
    for _ in range(40):
        go(hands, now, first, second)
        now += timedelta(seconds=1)
    health = channel_healths(hands.registry)["email"]
    assert health.down
    assert health.failing == NIGHT
    assert health.last_error == "away"
    assert len(first.asked) <= 4, "not each item for itself"
    assert len(second.sent) == 30
    assert sum(item(hands, f"k{n}").attempts > 1 for n in range(30)) <= 3
    first.error = None
    for _ in range(80):
        go(hands, now, first, second)
        now += timedelta(seconds=1)
    assert len(first.sent) == 30
    assert not channel_healths(hands.registry)["email"].down


def test_a_failing_channel_is_tried_with_one_letter(hands: Hands) -> None:
    channel = Scripted("webhook")
    channel.error = AWAY
    for n in range(10):
        put(hands, f"k{n}", "webhook")
    go(hands, NIGHT, channel)
    assert len(channel.asked) == 1
    go(hands, NIGHT, channel)
    assert len(channel.asked) == 1, "it rests"
    go(hands, NIGHT + pause_after(1), channel)
    assert len(channel.asked) == 2
    waits = [pause_after(n) for n in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_PAUSE


def test_operators_hear_once_that_a_channel_is_down_and_once_that_it_works(hands: Hands) -> None:
    broken, other = Scripted("webhook"), Scripted("mqtt")
    broken.error = AWAY
    router = Router(["webhook", "mqtt"])
    put(hands, "k", "webhook")
    now = NIGHT
    for _ in range(60):
        go(hands, now, broken, other, router=router)
        now += timedelta(seconds=5)
    (down,) = [key for key in other.sent if key.startswith("channel_down-webhook-")]
    told = json.loads(
        next(i.payload for i in _all(hands) if i.key == down and i.recipient == "mqtt")
    )
    assert "webhook" in told["text_zh"]
    assert "away" in told["text_en"]
    broken.error = None
    for _ in range(60):
        go(hands, now, broken, other, router=router)
        now += timedelta(seconds=5)
    assert len([key for key in other.sent if key.startswith("channel_up-webhook-")]) == 1
    assert "k" in broken.sent
    assert not [key for key in broken.sent if key.startswith("channel_")]


def _all(hands: Hands) -> list[OutboxItemRow]:
    with hands.registry.session() as session:
        return list(session.scalars(select(OutboxItemRow)))


def test_a_channel_that_wants_a_pause_gets_it_and_is_well(hands: Hands) -> None:
    robot = Scripted("wecom")
    robot.error = TooFast("errcode 45009")
    for n in range(3):
        put(hands, f"k{n}", "wecom")
    go(hands, NIGHT, robot)
    go(hands, NIGHT + timedelta(seconds=30), robot)
    assert len(robot.asked) == 1
    assert item(hands, "k0").attempts == 0
    assert channel_healths(hands.registry)["wecom"].failures == 0
    robot.error = None
    go(hands, NIGHT + MINUTE, robot)
    assert sorted(robot.sent) == ["k0", "k1", "k2"]


def test_an_item_of_a_channel_that_is_not_there_waits_or_goes_by_one_that_is(hands: Hands) -> None:
    there = Scripted("mqtt")
    put(hands, "other", "email", "mqtt")
    put(hands, "only", "email")
    go(hands, NIGHT, there)
    assert there.sent == [], "another process may have that channel"
    go(hands, NIGHT + ORPHANED, there)
    assert there.sent == ["other"]
    assert item(hands, "only").attempts == 0
    assert waiting(hands.registry) == {"email": 1}


def test_a_letter_that_cannot_be_written_holds_up_no_other(hands: Hands) -> None:
    broken = Scripted("webhook")
    broken.error = KeyError("title_zh")
    fine = Scripted("mqtt")
    put(hands, "bad", "webhook", "mqtt")
    go(hands, NIGHT, broken, fine)
    go(hands, NIGHT, broken, fine)
    assert fine.sent == ["bad"]


def test_the_due_query_uses_its_index(hands: Hands) -> None:
    from sqlalchemy import text

    query = (
        "EXPLAIN QUERY PLAN SELECT id FROM outbox_item WHERE channel = 'webhook' "
        "AND delivered IS NULL AND next_attempt <= '2026-11-25' ORDER BY next_attempt, id LIMIT 20"
    )
    with hands.registry.session() as session:
        plan = " ".join(str(row) for row in session.execute(text(query)))
    assert "ix_outbox_due" in plan
    assert "TEMP B-TREE" not in plan


# The service


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    made = HttpReceiver()
    yield made
    made.close()


class Running:
    """The service in a thread, in real time."""

    def __init__(self, hands: Hands, *channels: object) -> None:
        self.service = Deliverer(hands.registry, channels, Router(), SystemClock())  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self.service.run)

    def __enter__(self) -> Running:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.service.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()


def until(condition: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


def test_a_slow_webhook_does_not_hold_up_the_mail(hands: Hands, receiver: HttpReceiver) -> None:
    receiver.slow_s = 3
    with mail_server() as (box, port):
        mail = EmailChannel(Server("127.0.0.1", port, "none"), "onenet@example.org")
        for n in range(12):
            put(hands, f"hook{n}", "webhook")
            put(hands, f"mail{n}", "email", email="wu@example.org")
        begun = time.monotonic()
        with Running(hands, WebhookChannel(here(receiver.url)), mail):
            until(lambda: len(box.got) == 12, 9)
            assert len(receiver.got) < 12
            assert time.monotonic() - begun < 9, "three rounds of four that take three seconds"
    assert len(receiver.got) == 12, "what is being sent when it is stopped is sent"


def test_it_makes_a_last_round_when_it_is_stopped(hands: Hands, receiver: HttpReceiver) -> None:
    with Running(hands, WebhookChannel(here(receiver.url))):
        put(hands, "late", "webhook")
    assert receiver.keys == ["late"]


def test_a_bug_ends_it_loudly(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("alerts.deliverer.reroute", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        Deliverer(hands.registry, [Scripted("mqtt")], Router(), SystemClock()).run()


def test_no_error_that_is_kept_tells_a_secret(hands: Hands) -> None:
    url = f"http://127.0.0.1:{free_port()}/hook?key=top-secret"
    put(hands, "k", "webhook")
    channel = WebhookChannel(here(url), "another-top-secret")
    for n in range(DOWN_AFTER):
        deliver(NIGHT + n * LONGEST_WAIT, registry=hands.registry, channels=[channel])
    kept = [i.last_error + i.payload for i in _all(hands)]
    kept += [h.last_error for h in channel_healths(hands.registry).values()]
    assert any("refused" in error for error in kept)
    assert not any("top-secret" in error for error in kept)
    assert timedelta(seconds=20 * 5) < CLAIM, "a claim outlasts a batch whose every answer is late"
