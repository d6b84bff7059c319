"""What people do with alerts: each move, who may make it, what it needs; and any path of them."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from alerts import (
    BadMove,
    IllegalMove,
    Move,
    NoSuchAlert,
    Router,
    act,
    add_photo,
    alert,
    alert_events,
    alerts,
    escalate,
    possible_moves,
    siblings,
)
from alerts.lifecycle import EVALUATORS, MOVES, PEOPLES, moved
from alerts.moves import ACTIONS
from alerts.rulebook import rules_ever
from alerts.sheet import sheet_html
from registry import Registry
from registry.audit import verify
from registry.models import AlertPhotoRow, AuditRow, OutboxItemRow
from registry.permissions import Forbidden, permissions
from schemas.alerts import Alert, AlertState, Outcome, Severity
from schemas.people import Person, Role
from storage import open_store
from tests.alerts.conftest import ROAD, Hands, shipped
from tests.city import demo_registry

OFFICER = Person(
    id="wu", name="吴", roles=(Role.ENFORCEMENT, Role.OPERATOR), scopes=("district:luohu",)
)
CITY = Person(id="chen", name="陈", roles=(Role.OPERATOR,), scopes=("city",))
ELSEWHERE = Person(id="li", name="李", roles=(Role.ENFORCEMENT,), scopes=("district:nanshan",))
TECHNICIAN = Person(id="he", name="何", roles=(Role.TECHNICIAN,), scopes=("city",))
HOURLY = shipped("noise-hour")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def opened(hands: Hands) -> Alert:
    """A yellow alert in Luohu, at its subdistrict."""
    hands.measure(58, range(60))
    hands.judge(60, HOURLY)
    (found,) = alerts(hands.registry)
    return found


def go(hands: Hands, number: int, name: str, by: Person = OFFICER, minute: float = 65, **more):
    move = Move(name, **more)
    at = hands.at(minute)
    return act(hands.registry, number, move, by=by, at=at, router=Router(["webhook"]))


def test_the_whole_way_to_a_confirmed_case(hands: Hands, opened: Alert) -> None:
    assert go(hands, opened.id, "acknowledge", minute=62).state is AlertState.ACKNOWLEDGED
    sent = go(hands, opened.id, "dispatch", minute=66, to="wu")
    assert (sent.state, sent.assignee) == (AlertState.DISPATCHED, "wu")
    assert go(hands, opened.id, "arrive", minute=90).state is AlertState.ON_SITE
    add_photo(hands.registry, opened.id, PNG, by=OFFICER, at=hands.at(92), router=Router())
    done = go(hands, opened.id, "close", minute=120, outcome="confirmed", findings="夜间装修")
    assert (done.state, done.outcome) == (AlertState.CLOSED, Outcome.CONFIRMED)
    assert (done.acknowledged, done.dispatched, done.arrived, done.closed) == tuple(
        hands.at(m) for m in (62, 66, 90, 120)
    )
    events = alert_events(hands.registry, opened.id)
    assert [e.move for e in events] == [
        "open",
        "acknowledge",
        "dispatch",
        "arrive",
        "photo",
        "close",
    ]
    assert [e.who for e in events] == ["evaluator", *["wu"] * 5]
    assert all(before.after == after.before for before, after in pairwise(events))


def test_every_move_of_a_person_is_in_the_audit_log_and_its_chain_holds(
    hands: Hands, opened: Alert
) -> None:
    go(hands, opened.id, "acknowledge")
    go(hands, opened.id, "close", outcome="unfounded", findings="fireworks, permitted")
    with hands.registry.session() as session:
        rows = list(session.scalars(select(AuditRow).where(AuditRow.action.like("alert.%"))))
    assert [(r.action, r.who, r.subject) for r in rows] == [
        ("alert.acknowledge", "wu", f"alert:{opened.id}"),
        ("alert.close", "wu", f"alert:{opened.id}"),
    ]
    assert verify(hands.registry) == []


def test_what_people_are_told_is_in_the_outbox_with_the_move(hands: Hands, opened: Alert) -> None:
    go(hands, opened.id, "acknowledge")
    go(hands, opened.id, "dispatch", to="wu", why="loud for an hour")
    with hands.registry.session() as session:
        told = select(OutboxItemRow).where(OutboxItemRow.recipient == "webhook")
        items = list(session.scalars(told))
    assert [json.loads(item.payload)["event"] for item in items] == ["dispatch"]
    assert "loud for an hour" in json.loads(items[0].payload)["text_en"]


@pytest.mark.parametrize("person", [ELSEWHERE, TECHNICIAN])
def test_who_may_not_is_refused_and_nothing_changes(hands, opened, person: Person) -> None:
    with pytest.raises(Forbidden, match=person.id):
        go(hands, opened.id, "acknowledge", by=person)
    assert alert(hands.registry, opened.id) == opened
    assert len(alert_events(hands.registry, opened.id)) == 1


@pytest.mark.parametrize(
    ("move", "more", "message"),
    [
        ("dispatch", {}, "to='': names who is sent"),
        ("dispatch", {"to": "x" * 65}, "has 64 at most"),
        ("close", {"outcome": "merged", "findings": "x"}, "is one of confirmed, unfounded"),
        ("close", {"outcome": "confirmed"}, "findings='': says what was found"),
        ("close", {"outcome": "confirmed", "findings": "x" * 4001}, "has 4000 at most"),
        ("snooze", {"why": "rain"}, "until=None: lies in the next 24 hours"),
        ("snooze", {}, "says why the alert may wait"),
        ("merge", {}, "into=None: is another alert"),
        ("merge", {"into": 1}, "is another alert"),
        ("hand_over", {"why": "big"}, "a level or a person"),
        ("hand_over", {"why": "big", "level": "province"}, "is one of subdistrict"),
        ("note", {}, "is the note"),
    ],
)
def test_a_move_that_lacks_something_says_what(hands, opened, move, more, message) -> None:
    go(hands, opened.id, "acknowledge")
    with pytest.raises(BadMove, match=message):
        go(hands, opened.id, move, **more)
    assert len(alert_events(hands.registry, opened.id)) == 2


@pytest.mark.parametrize(
    ("move", "message"),
    [
        ("arrive", "an alert that is open cannot arrive; possible now: acknowledge, dispatch"),
        ("close", "an alert that is open cannot close"),
        ("reopen", "an alert that is open cannot reopen"),
        ("vanish", "there is no move 'vanish'"),
        ("withdraw", "there is no move 'withdraw'"),
    ],
)
def test_an_illegal_move_is_refused_with_the_reason(hands, opened, move, message) -> None:
    with pytest.raises(IllegalMove, match=message):
        go(hands, opened.id, move, outcome="confirmed", findings="x", why="x")


def test_an_alert_that_is_not_there_is_said_so(hands: Hands) -> None:
    with pytest.raises(NoSuchAlert, match="no alert 99"):
        go(hands, 99, "acknowledge")


def test_a_closed_alert_is_opened_again_with_a_reason(hands: Hands, opened: Alert) -> None:
    go(hands, opened.id, "acknowledge")
    go(hands, opened.id, "close", outcome="unfounded", findings="nobody there")
    again = go(hands, opened.id, "reopen", why="neighbours complain again")
    assert (again.state, again.outcome, again.acknowledged) == (AlertState.OPEN, None, None)
    assert again.findings == "nobody there", "what was found then stays"


def test_a_snoozed_alert_waits_a_day_at_most(hands: Hands, opened: Alert) -> None:
    until = hands.at(65) + timedelta(hours=25)
    with pytest.raises(BadMove, match="next 24 hours"):
        go(hands, opened.id, "snooze", until=until, why="road works")
    kept = go(hands, opened.id, "snooze", until=hands.at(600), why="road works")
    assert kept.snoozed_until == hands.at(600)
    assert escalate(hands.at(500), registry=hands.registry, router=Router()) == 0
    assert escalate(hands.at(601), registry=hands.registry, router=Router()) == 1


def test_what_nobody_acknowledges_climbs_to_the_city(hands: Hands, opened: Alert) -> None:
    now = hands.at(60)
    levels = []
    for _ in range(5):
        now += timedelta(minutes=121)  # yellow: 120 min
        escalate(now, registry=hands.registry, router=Router())
        found = alert(hands.registry, opened.id)
        assert found is not None
        levels.append(found.at_level)
    assert levels == ["district", "city", "city", "city", "city"]
    assert [e.move for e in alert_events(hands.registry, opened.id)] == [
        "open",
        "escalate",
        "escalate",
    ]


def test_an_alert_outlives_its_rule(
    hands: Hands, opened: Alert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules").mkdir()
    monkeypatch.setenv("ONENET_RULES", str(tmp_path / "rules"))
    assert rules_ever(hands.registry) == {}
    assert escalate(hands.at(700), registry=hands.registry, router=Router()) == 1
    assert go(hands, opened.id, "acknowledge", minute=701).state == AlertState.ACKNOWLEDGED
    told = sheet_html(hands.registry, opened.id, store=None, console="", now=hands.at(701))
    assert told is not None
    assert opened.basis in told


def test_who_is_dispatched_and_does_not_arrive_is_passed_over(hands: Hands, opened) -> None:
    go(hands, opened.id, "dispatch", to="wu", minute=70)
    assert escalate(hands.at(70 + 480), registry=hands.registry, router=Router()) == 0
    assert escalate(hands.at(70 + 481), registry=hands.registry, router=Router()) == 1


def test_siblings_are_merged_into_the_first(hands: Hands, opened: Alert) -> None:
    hands.measure(80, range(60), sensor="noise-guiyuan-1")
    hands.measure(58, range(60, 61))
    hands.judge(61, HOURLY)
    (other,) = siblings(hands.registry, opened)
    gone = go(hands, other.id, "merge", into=opened.id, why="one concert")
    assert (gone.state, gone.outcome, gone.merged_into) == (
        AlertState.CLOSED,
        Outcome.MERGED,
        opened.id,
    )
    with pytest.raises(BadMove, match="an alert that is not closed"):
        go(hands, opened.id, "merge", into=other.id)


def test_a_photo_is_kept_as_it_is_and_nothing_else_is(hands: Hands, opened: Alert) -> None:
    add_photo(hands.registry, opened.id, PNG, by=OFFICER, at=hands.at(66), router=Router())
    with hands.registry.session() as session:
        (row,) = session.scalars(select(AlertPhotoRow))
    assert (row.content, row.kind) == (PNG, "image/png")
    for content, message in ((b"<svg onload=alert(1)>", "JPEG or PNG"), (PNG * 200_000, "10 MiB")):
        with pytest.raises(BadMove, match=message):
            add_photo(
                hands.registry, opened.id, content, by=OFFICER, at=hands.at(66), router=Router()
            )


def test_the_moves_are_a_table(hands: Hands) -> None:
    for (state, move), after in MOVES.items():
        assert moved(state, move) == after
    assert set(ACTIONS) == {move for _, move in PEOPLES}
    assert set(ACTIONS.values()) <= set(permissions())
    assert not PEOPLES.keys() & EVALUATORS.keys()
    reachable, new = set(), {None}
    while new:
        reachable |= new
        new = {after for (state, _), after in MOVES.items() if state in reachable} - reachable
    assert reachable == {None, *AlertState}
    assert all(possible_moves(state) for state in AlertState if state is not AlertState.PENDING)


class Lives(RuleBasedStateMachine):
    """Any path of people's moves, the clock's and the evaluator's: never an illegal state."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile
        from pathlib import Path

        self._home = tempfile.TemporaryDirectory()
        home = Path(self._home.name)
        self.registry: Registry = demo_registry(home)
        self.hands = Hands(open_store(f"sqlite:///{home}/o.db"), self.registry)
        self.hour = 0

    def teardown(self) -> None:
        self.hands.store.close()
        self.registry.close()
        self._home.cleanup()

    @rule(level=st.sampled_from([48.0, 54.5, 58.0, 61.0, 70.0]))
    def an_hour_passes(self, level: float) -> None:
        begin = self.hour * 60
        self.hour += 1
        self.hands.measure(level, range(begin, begin + 60))
        self.hands.judge(begin + 61, HOURLY, shipped("noise-early"))

    @precondition(lambda self: self.hour > 0)
    @rule(level=st.sampled_from([48.0, 66.0]))
    def the_last_hour_is_corrected(self, level: float) -> None:
        begin = (self.hour - 1) * 60
        self.hands.measure(level, range(begin, begin + 60))
        self.hands.judge(self.hour * 60 + 3, HOURLY, shipped("noise-early"))

    @precondition(lambda self: self.hour > 0)
    @rule(
        pick=st.integers(0, 5),
        move=st.sampled_from(sorted(ACTIONS)),
        outcome=st.sampled_from(["confirmed", "unfounded", "sensor_fault"]),
    )
    def somebody_acts(self, pick: int, move: str, outcome: str) -> None:
        there = alerts(self.registry, states=list(AlertState))
        if not there or move == "photo":
            return
        chosen = there[pick % len(there)]
        into = there[(pick + 1) % len(there)].id
        try:
            act(
                self.registry,
                chosen.id,
                Move(
                    move,
                    why="because",
                    to="wu",
                    outcome=outcome,
                    findings="seen",
                    until=self.hands.at(self.hour * 60 + 100),
                    into=into,
                    level="city",
                ),
                by=CITY.model_copy(update={"roles": (Role.OPERATOR, Role.ENFORCEMENT)}),
                at=self.hands.at(self.hour * 60 + 5),
                router=Router(),
            )
        except IllegalMove:
            assert move not in possible_moves(chosen.state)
        except BadMove:
            assert move == "merge"
        else:
            assert move in possible_moves(chosen.state)

    @rule()
    def time_presses(self) -> None:
        escalate(self.hands.at(self.hour * 60 + 400), registry=self.registry, router=Router())

    @invariant()
    def every_log_is_unbroken_and_ends_in_the_state(self) -> None:
        for found in alerts(self.registry, states=list(AlertState)):
            events = alert_events(self.registry, found.id)
            assert events[0].before is None
            assert all(first.after == then.before for first, then in pairwise(events))
            assert all(MOVES[event.before, event.move] == event.after for event in events)
            assert events[-1].after == found.state
            assert (found.closed is not None) == (found.state is AlertState.CLOSED)
            assert (found.outcome is not None) == (found.state is AlertState.CLOSED)
            assert found.severity in Severity
            assert found.ended is None or found.ended >= found.started

    @invariant()
    def a_subject_has_one_breach_at_a_time(self) -> None:
        for name in ("noise-hour", "noise-early"):
            found = [
                a
                for a in alerts(self.registry, states=list(AlertState), rule=name)
                if a.outcome not in (Outcome.WITHDRAWN, Outcome.LAPSED)
            ]
            found.sort(key=lambda a: a.started)
            for first, then in pairwise(found):
                assert first.ended is not None
                assert first.ended <= then.started
            assert all(a.sensor == ROAD for a in found)


Lives.TestCase.settings = settings(
    max_examples=10,
    stateful_step_count=14,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLives = Lives.TestCase
