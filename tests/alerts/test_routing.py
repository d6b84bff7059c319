"""Who is told: duty roster by place, level and medium; quiet hours; snoozed alerts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import delete, select

from alerts import Move, Router, act, add_to_roster, escalate, unattended
from alerts.routing import Quiet
from registry.audit import entries, verify
from registry.duty import Duty, duties, on_duty, remove_duty
from registry.models import DutyRow, OutboxItemRow
from schemas import CITY_TIME
from schemas.alerts import Severity
from schemas.people import Person, Role, Unacceptable
from tests.alerts.conftest import NIGHT, NOON, Hands, shipped

ROAD_DISTRICT, ROAD_SUBDISTRICT = "luohu", "dongmen"


@pytest.fixture
def nobody(hands: Hands) -> Hands:
    with hands.registry.session.begin() as session:
        session.execute(delete(DutyRow))
    return hands


def put(hands: Hands, person: str, area: str, **more: Any) -> int:
    fields = {"route": "enforcement", "channels": ("webhook",), **more}
    duty = Duty(person=person, area=area, **fields)
    return add_to_roster(hands.registry, duty, at=NIGHT, who="test")


def told(hands: Hands) -> list[tuple[str, str, datetime]]:
    """Recipient, event, and when it may go out."""
    with hands.registry.session() as session:
        items = session.scalars(select(OutboxItemRow).order_by(OutboxItemRow.id))
        return [(i.recipient, json.loads(i.payload)["event"], i.next_attempt) for i in items]


def early(hands: Hands, *broadcast: str) -> None:
    """A blue alert at Dongmen Road."""
    hands.measure(75 if hands.begin == NOON else 60, range(20))
    hands.judge(20, shipped("noise-early"), broadcast=broadcast)


def at(begin: datetime, hands: Hands) -> Hands:
    return Hands(hands.store, hands.registry, begin)


@pytest.mark.parametrize(
    ("on_the_roster", "expected"),
    [
        ([ROAD_SUBDISTRICT, ROAD_DISTRICT, "city"], ROAD_SUBDISTRICT),
        ([ROAD_DISTRICT, "city"], ROAD_DISTRICT),
        (["city"], "city"),
        (["futian", "guiyuan"], None),
    ],
)
def test_the_nearest_who_is_on_duty_is_told(
    nobody: Hands, on_the_roster: list[str], expected: str | None
) -> None:
    for area in on_the_roster:
        put(nobody, area, area)
    noon = at(NOON, nobody)
    early(noon)
    assert [r for r, _, _ in told(noon)] == ([f"duty:{expected}"] if expected else [])


def test_an_alert_that_climbs_is_told_at_its_new_level(nobody: Hands) -> None:
    for area in (ROAD_SUBDISTRICT, ROAD_DISTRICT, "city"):
        put(nobody, area, area)
    noon = at(NOON, nobody)
    early(noon)
    escalate(noon.at(20 + 481), registry=noon.registry, router=Router())
    escalate(noon.at(20 + 962), registry=noon.registry, router=Router())
    assert [(r, event) for r, event, _ in told(noon)] == [
        (f"duty:{ROAD_SUBDISTRICT}", "open"),
        (f"duty:{ROAD_DISTRICT}", "escalate"),
        ("duty:city", "escalate"),
    ]


def test_a_duty_is_for_a_route_a_medium_and_a_time(nobody: Hands) -> None:
    begins = NOON + timedelta(minutes=20)
    put(nobody, "right", "city", medium="noise", since=begins, until=begins + timedelta(hours=1))
    put(nobody, "other medium", "city", medium="water")
    put(nobody, "other route", "city", route="technician")
    put(nobody, "over", "city", until=begins)
    put(nobody, "later", "city", since=begins + timedelta(minutes=1))
    noon = at(NOON, nobody)
    early(noon)
    assert [r for r, _, _ in told(noon)] == ["duty:right"]


def test_somebody_who_is_on_the_roster_twice_is_told_once(nobody: Hands) -> None:
    put(nobody, "wu", "city", channels=("email",), address={"email": "wu@example.org"})
    put(nobody, "wu", "city", medium="noise")
    put(nobody, "webhook", "city")
    noon = at(NOON, nobody)
    early(noon, "webhook")
    assert [r for r, _, _ in told(noon)] == ["duty:wu", "duty:webhook", "webhook"]


def test_people_sleep_through_blue_and_systems_do_not(nobody: Hands) -> None:
    put(nobody, "wu", "city")
    early(nobody, "webhook", "email:duty@example.org")
    at_once = nobody.at(20)
    morning = datetime(2026, 11, 25, 7, tzinfo=CITY_TIME).astimezone(UTC)
    assert told(nobody) == [
        ("duty:wu", "open", morning),
        ("webhook", "open", at_once),
        ("email:duty@example.org", "open", morning),
    ]


@pytest.mark.parametrize("grade", [Severity.ORANGE, Severity.RED])
def test_orange_and_red_never_wait(nobody: Hands, grade: Severity) -> None:
    put(nobody, "wu", "city")
    rule = shipped("noise-early").model_copy(update={"severity": grade})
    nobody.measure(60, range(20))
    nobody.judge(20, rule)
    assert told(nobody) == [("duty:wu", "open", nobody.at(20))]
    with pytest.raises(ValidationError, match="never wait"):
        Quiet(from_hour=22, to_hour=7, grades=(grade,))


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        ((22, 7), "2026-11-24T21:59:59", None),
        ((22, 7), "2026-11-24T22:00:00", "2026-11-25T07:00:00"),
        ((22, 7), "2026-11-25T06:59:59", "2026-11-25T07:00:00"),
        ((22, 7), "2026-11-25T07:00:00", None),
        ((12, 14), "2026-11-25T13:30:00", "2026-11-25T14:00:00"),
        ((12, 14), "2026-11-25T14:00:00", None),
        ((0, 6), "2026-11-25T00:00:00", "2026-11-25T06:00:00"),
    ],
)
def test_quiet_hours_are_the_citys(hours: tuple[int, int], now: str, until: str | None) -> None:
    quiet = Quiet(from_hour=hours[0], to_hour=hours[1], grades=(Severity.BLUE,))
    moment = datetime.fromisoformat(now).replace(tzinfo=CITY_TIME).astimezone(UTC)
    wakes = quiet.wakes(Severity.BLUE, moment)
    expected = datetime.fromisoformat(until).replace(tzinfo=CITY_TIME) if until else moment
    assert wakes == expected


def test_a_snoozed_alert_tells_people_nothing_but_its_escalation(nobody: Hands) -> None:
    put(nobody, "wu", "city")
    noon = at(NOON, nobody)
    early(noon, "webhook")
    li = Person(id="li", name="李", roles=(Role.OPERATOR,), scopes=("city",))
    snooze = Move("snooze", why="known", until=noon.at(120))
    act(noon.registry, 1, snooze, by=li, at=noon.at(21), router=Router(["webhook"]))
    noon.measure(40, range(20, 40))
    noon.judge(40, shipped("noise-early"), broadcast=["webhook"])
    assert [(r, event) for r, event, _ in told(noon)] == [
        ("duty:wu", "open"),
        ("webhook", "open"),
        ("webhook", "recover_and_close"),
    ]


def test_what_was_never_certain_is_withdrawn_without_a_word(nobody: Hands) -> None:
    from alerts.record import Case, Recorder
    from schemas import Interval

    rule = shipped("noise-early")
    nobody.measure(60, range(10))
    nobody.judge(10, rule, broadcast=["webhook"])
    sensor = nobody.registry.sensors()["noise-dongmen-1"]
    place = nobody.registry.stations()[sensor.station]
    case = Case(rule, sensor.id, nobody.registry.places()[place.district], sensor.id, place)
    recorder = Recorder(nobody.registry, Router(["webhook"]), final=True)
    span = Interval(nobody.at(0), nobody.at(30))
    assert recorder.withdraw_others(case, span, [], nobody.at(30)) == 1
    assert told(nobody) == []


# The roster


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"route": "navy"}, "route"),
        ({"area": "atlantis"}, "area"),
        ({"area": "shenzhen-bay"}, "area"),
        ({"medium": "light"}, "medium"),
        ({"channels": ()}, "channels"),
        ({"channels": ("pigeon",)}, "channels"),
        ({"channels": ("mqtt", "mqtt")}, "channels"),
        ({"channels": ("email",)}, "email"),
        ({"channels": ("email",), "address": {"email": "nobody"}}, "email"),
        ({"channels": ("wecom",), "address": {"wecom": "https://example.org"}}, "wecom"),
        ({"person": " "}, "person"),
        ({"person": "x" * 60}, "person"),
        ({"since": NOON, "until": NOON}, "until"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_field(
    hands: Hands, more: dict[str, Any], field: str
) -> None:
    before = duties(hands.registry)
    fields = {"route": "enforcement", "area": "luohu", "person": "wu", "channels": ("mqtt",)}
    with pytest.raises(Unacceptable) as refused:
        add_to_roster(hands.registry, Duty(**{**fields, **more}), at=NOON, who="test")
    assert refused.value.field == field
    assert refused.value.remedy
    assert duties(hands.registry) == before


def test_who_came_and_went_is_in_the_audit_log_without_their_numbers(hands: Hands) -> None:
    number = put(hands, "wu", "luohu", channels=("wecom",), address={"wecom": "13800000000"})
    was = remove_duty(hands.registry, number, at=NOON, who="li", why="on leave")
    assert was is not None
    assert was.person == "wu"
    assert remove_duty(hands.registry, number, at=NOON, who="li") is None
    kept = [e for e in entries(hands.registry) if e.subject == f"duty:{number}"]
    assert sorted(entry.action for entry in kept) == ["duty.add", "duty.remove"]
    assert "13800000000" not in str(kept)
    assert verify(hands.registry) == []


def test_districts_that_nobody_is_on_duty_for_are_named(nobody: Hands) -> None:
    put(nobody, "wu", "luohu")
    lacking = unattended(nobody.registry, NOON)
    assert "luohu" not in lacking["enforcement"]
    assert "futian" in lacking["enforcement"]
    put(nobody, "li", "city")
    assert "enforcement" not in unattended(nobody.registry, NOON)


def test_every_district_of_the_demo_city_has_somebody_on_duty(hands: Hands) -> None:
    districts = [p.id for p in hands.registry.places().values() if p.kind == "district"]
    with hands.registry.session() as session:
        for district in districts:
            assert len(on_duty(session, "enforcement", [district], None, NOON)) == 1
    assert unattended(hands.registry, NOON) == {}
