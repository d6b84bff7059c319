"""Rules are data: where their limits come from, and how a wrong one is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from alerts import BadRule, load_rules, rules_in_force
from alerts.limits import Limits
from alerts.rulebook import fingerprint, holds_for, keep_version, read_rule
from registry import Registry
from registry.permits import permits, set_permits
from registry.seed import demo_city
from schemas import CITY_TIME, catalogue
from schemas.alerts import PermitLimit, Rule
from schemas.registry import Station
from tests.alerts.conftest import NOON, made_rule, shipped

STATIONS = {station.id: station for station in demo_city()[2]}


def station(zone: str, kind: str = "residential", medium: str = "noise") -> Station:
    own = next(s for s in STATIONS.values() if s.medium == medium)
    return own.model_copy(update={"zone": zone, "kind": kind})


def held(rule: Rule, where: Station, hour: int = 12, on: tuple = (2026, 11, 24)) -> float | None:
    limit = Limits({}).at(rule, where, datetime(*on, hour, tzinfo=CITY_TIME))
    return None if limit is None else float(limit.value)


def test_noise_limits_are_those_of_zone_and_part_of_day() -> None:
    expected = {  # GB 3096-2008, table 1
        "0": (50, 40),
        "1": (55, 45),
        "2": (60, 50),
        "3": (65, 55),
        "4a": (70, 55),
        "4b": (70, 60),
    }
    for zone, (day, night) in expected.items():
        where = station(zone)
        assert (held(shipped("noise-hour"), where), held(shipped("noise-hour"), where, 23)) == (
            day,
            night,
        )
    assert held(shipped("noise-hour"), station("5")) is None


def test_sudden_noise_is_judged_at_night_by_15_db_above_the_night_limit() -> None:
    rule = shipped("noise-sudden-night")  # GB 3096-2008, 5.4
    assert held(rule, station("2"), 23) == 65
    assert held(rule, station("2"), 12) is None


@pytest.mark.parametrize(
    ("on", "limit"), [((2026, 2, 28), 75), ((2026, 3, 1), 60), ((2031, 1, 1), 50)]
)
def test_a_limit_is_that_of_the_edition_and_phase_of_the_day(on: tuple, limit: float) -> None:
    assert held(shipped("pm25-day"), station("2", "urban", "air"), on=on) == limit


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [  # GB 3838-2002, table 1, classes I to V; GB 3097-1997, table 1
        ("river-nh3n", "river", (0.15, 0.5, 1.0, 1.5, 2.0)),
        ("river-do", "river", (7.5, 6, 5, 3, 2)),
        ("river-tp", "river", (0.02, 0.1, 0.2, 0.3, 0.4)),
        ("sea-do", "sea", (6, 5, 4, 3)),
    ],
)
def test_water_limits_are_those_of_the_target_class(name, kind, values) -> None:
    classes = ("I", "II", "III", "IV", "V")[: len(values)]
    found = tuple(held(shipped(name), station(zone, kind, "water")) for zone in classes)
    assert found == values


def test_a_basis_names_clause_and_class() -> None:
    limit = Limits({}).at(shipped("noise-hour"), station("2"), NOON)
    assert limit is not None
    assert limit.basis == "GB 3096-2008, 5.1, table 1 (2类, day)"


def test_a_permit_s_limit_is_that_of_its_time(registry: Registry) -> None:
    outfall = STATIONS["st-outfall-songgang-plating"]  # type: ignore[index]
    change = datetime(2026, 6, 1, tzinfo=UTC)
    old = PermitLimit(station=outfall.id, parameter="cod", value=80, source="old", until=change)
    new = PermitLimit(station=outfall.id, parameter="cod", value=40, source="new", since=change)
    set_permits(registry, outfall.id, [old, new])
    limits, rule = Limits(permits(registry)), shipped("outfall-cod")
    before, after = (limits.at(rule, outfall, datetime(2026, m, 1, tzinfo=UTC)) for m in (5, 6))
    assert before is not None
    assert after is not None
    assert (float(before.value), before.basis) == (80, "old")
    assert (float(after.value), after.basis) == (40, "new")


def test_without_a_permit_nothing_is_judged_by_it() -> None:
    outfall = STATIONS["st-outfall-songgang-plating"]  # type: ignore[index]
    assert Limits({}).at(shipped("outfall-cod"), outfall, NOON) is None


def test_every_shipped_rule_is_about_something_in_the_demo_city() -> None:
    sensors = demo_city()[3]
    for rule in load_rules():
        assert rule.medium in catalogue()[rule.parameter].media
        assert any(
            rule.parameter in sensor.parameters and holds_for(rule, STATIONS[sensor.station])
            for sensor in sensors
        ), rule.id


def test_no_number_of_a_standard_is_typed_into_a_rule() -> None:
    """A value needs a reason, and kinds that a standard limits refer to it."""
    for rule in load_rules():
        if rule.limit.value is not None:
            assert len(rule.limit.reason) > 20, rule.id
            assert rule.kind not in ("sudden",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"severity": "pink"}, "severity"),
        ({"window": "7min"}, "window"),
        ({"parameter": "phlogiston"}, "no parameter 'phlogiston'"),
        ({"limit": {}}, "exactly one of standard, permit and value"),
        ({"limit": {"value": 3}}, "needs its reason"),
        ({"limit": {"standard": "noise_qualty"}}, "is none of noise_quality"),
        ({"limit": {"standard": "ambient_air", "permit": True}}, "exactly one"),
        ({"kind": "rise"}, "needs over_min"),
        ({"kind": "network"}, "needs of"),
        ({"kind": "forecast", "ahead_h": 3}, "laeq has no forecast; o3 has"),
        ({"hysteresis": -1}, "hysteresis"),
        ({"sevrity": "red"}, "sevrity"),
        ({"id": "Über"}, "id"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_name_and_field(change: dict, message: str) -> None:
    with pytest.raises(BadRule, match=message):
        made_rule(**change)


def test_two_rules_of_one_name_are_refused(tmp_path: Path) -> None:
    entry = made_rule().model_dump(mode="json")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump([entry, entry]), "utf-8")
    with pytest.raises(BadRule, match="a-rule stands twice"):
        load_rules(tmp_path)


def test_a_counting_rule_needs_what_it_counts(tmp_path: Path) -> None:
    entry = made_rule(kind="network", of="nobody").model_dump(mode="json")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump([entry]), "utf-8")
    with pytest.raises(BadRule, match="no rule 'nobody'"):
        load_rules(tmp_path)


def test_an_edited_rule_replaces_the_file_s_and_one_switched_off_is_out_of_force(
    registry: Registry,
) -> None:
    rule = shipped("noise-early").model_copy(update={"hysteresis": 4.0})
    keep_version(registry, rule, who="lin", why="too nervous", at=NOON)
    assert {r.id: r for r in rules_in_force(registry)}["noise-early"].hysteresis == 4.0
    off = rule.model_copy(update={"enabled": False})
    keep_version(registry, off, who="lin", why="road works until spring", at=NOON)
    assert "noise-early" not in {r.id for r in rules_in_force(registry)}
    assert fingerprint(rule) != fingerprint(off)


def test_a_rule_comes_back_from_json_as_it_was() -> None:
    for rule in load_rules():
        assert read_rule(rule.model_dump(mode="json"), "test") == rule
