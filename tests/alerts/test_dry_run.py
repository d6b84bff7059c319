"""Rules that are edited: what a dry run shows, what it leaves alone, what is kept and refused."""

from __future__ import annotations

import pytest

from alerts import BadRule, alerts, rules_ever
from alerts.dry_run import dry_run
from alerts.rule_edit import as_text, changes, keep, limits_now, read_text, versions
from registry import audit
from registry.permissions import Forbidden
from schemas import CITY_TIME
from schemas.people import Person, Role
from tests.alerts.conftest import Hands, made_rule, shipped

CHIEF = Person(id="zhou", name="周", roles=(Role.ADMINISTRATOR,), scopes=("city",))
OFFICER = Person(id="wu", name="吴", roles=(Role.ENFORCEMENT,), scopes=("city",))


def tried(hands: Hands, new, old=None, minute: float = 181):
    return dry_run(new, old, store=hands.store, registry=hands.registry, now=hands.at(minute))


def test_a_lower_limit_adds_breaches_and_a_higher_one_takes_them_away(hands: Hands) -> None:
    hands.measure(50, range(60))
    hands.measure(58, range(60, 120))
    hands.measure(65, range(120, 180))
    old = made_rule(window="1h", limit={"value": 60, "reason": "test"})
    low = made_rule(window="1h", limit={"value": 55, "reason": "test"})
    high = made_rule(window="1h", limit={"value": 70, "reason": "test"})
    trial = tried(hands, low, old)
    assert [f.breach.start for f in trial.old] == [hands.at(120)]
    assert [f.breach.start for f in trial.new] == [hands.at(60)], "it holds both hours"
    assert trial.added == trial.gone == ()
    assert [f.breach.start for f in tried(hands, high, old).gone] == [hands.at(120)]
    assert [f.breach.start for f in tried(hands, old, high).added] == [hands.at(120)]


def test_it_finds_what_the_judge_raises_and_writes_nothing(hands: Hands) -> None:
    hands.measure(58, range(60))
    rule = shipped("noise-hour")
    (found,) = tried(hands, rule, minute=61).new
    assert alerts(hands.registry) == []
    hands.judge(61, rule)
    (raised,) = alerts(hands.registry)
    assert (found.breach.start, found.breach.peak) == (raised.started, raised.peak)
    assert found.breach.basis == raised.basis
    assert found.case.station.id == raised.station


def test_a_rule_that_is_switched_off_raises_nothing(hands: Hands) -> None:
    hands.measure(58, range(60))
    rule = shipped("noise-hour")
    off = rule.model_copy(update={"enabled": False})
    trial = tried(hands, off, rule, minute=61)
    assert trial.new == ()
    assert len(trial.gone) == 1


def test_a_network_rule_counts_the_alerts_that_were_raised(hands: Hands) -> None:
    hands.measure(58, range(60))
    hands.measure(66, range(60), sensor="noise-guiyuan-1")
    hands.judge(61, shipped("noise-hour"))
    limit = {"value": 1, "reason": "more than one"}
    district = made_rule(kind="network", of="noise-hour", window="1h", limit=limit)
    (found,) = tried(hands, district, minute=61).new
    assert found.case.district.id == "luohu"
    assert found.breach.peak == 2


@pytest.mark.parametrize("rule_id", ["noise-hour", "o3-forecast", "noise-sudden-night"])
def test_a_rule_comes_back_from_its_text_as_it_was(hands: Hands, rule_id: str) -> None:
    rule = shipped(rule_id)
    assert read_text(hands.registry, as_text(rule)) == rule


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "one rule is expected"),
        ("- a\n- b", "one rule is expected"),
        ("id: [", "not YAML"),
        ("id: x-rule\nseverity: pink", "rule x-rule: zh: Field required"),
        ("a: 1\n" * 9000, "20000 characters at most"),
    ],
)
def test_a_text_that_is_no_rule_is_refused_with_the_field(
    hands: Hands, text: str, why: str
) -> None:
    with pytest.raises(BadRule, match=why):
        read_text(hands.registry, text)


def test_a_route_that_does_not_exist_is_refused(hands: Hands) -> None:
    text = as_text(shipped("noise-hour")) + "route: nobody\n"
    with pytest.raises(BadRule, match="route: 'nobody' is none of enforcement"):
        read_text(hands.registry, text)


def test_an_edited_rule_is_in_force_with_its_history_and_an_audit_entry(hands: Hands) -> None:
    rule = shipped("noise-hour").model_copy(update={"hysteresis": 3.0})
    keep(hands.registry, rule, by=CHIEF, why="夜间抖动", at=hands.at(0))
    assert rules_ever(hands.registry)["noise-hour"] == rule
    newest, file = versions(hands.registry, "noise-hour")
    assert (newest.who, newest.why, file.number) == ("zhou", "夜间抖动", 0)
    assert changes(file.rule, newest.rule) == {"hysteresis": (1.0, 3.0)}
    (entry,) = audit.entries(hands.registry, subject="rule:noise-hour")
    assert (entry.action, entry.who, entry.why) == ("rule.edit", "zhou", "夜间抖动")
    assert entry.before["hysteresis"] == 1.0


def test_a_rule_is_kept_by_who_may_with_a_reason_and_a_change(hands: Hands) -> None:
    rule = shipped("noise-hour")
    edited = rule.model_copy(update={"hysteresis": 3.0})
    with pytest.raises(Forbidden):
        keep(hands.registry, edited, by=OFFICER, why="x", at=hands.at(0))
    with pytest.raises(BadRule, match="why"):
        keep(hands.registry, edited, by=CHIEF, why=" ", at=hands.at(0))
    with pytest.raises(BadRule, match="nothing has changed"):
        keep(hands.registry, rule, by=CHIEF, why="x", at=hands.at(0))
    assert len(versions(hands.registry, "noise-hour")) == 1


def test_the_limits_of_today_are_read_from_the_standard_by_zone(hands: Hands) -> None:
    on = hands.at(0).astimezone(CITY_TIME).date()
    held = limits_now(hands.registry, shipped("noise-hour"), on)
    values = {(one.part, one.value) for one in held}
    assert {("day", 70.0), ("night", 55.0), ("day", 60.0), ("night", 50.0)} <= values
    assert all("GB 3096-2008" in one.clause for one in held)
    (one,) = limits_now(hands.registry, shipped("pm25-hour"), on)
    assert (one.value, one.part, one.zone) == (150.0, "", "")
