"""Statistics of enforcement: times of service, the share of false alarms, repeat offenders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.views import enforcement
from network.views.enforcement import ninetieth
from registry import Registry
from schemas.alerts import Alert, Severity

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
SITE = "st-noise-yuehai-site"


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def made(number: int, **fields: Any) -> Alert:
    """An alert of a building site; times as minutes after it was certain."""
    times = ("acknowledged", "dispatched", "arrived", "closed", "ended")
    given_times = {k: NOON + minutes(v) for k, v in fields.items() if k in times}
    entry = {
        "id": number,
        "rule": "noise-site",
        "kind": "exceedance",
        "subject": "noise-yuehai-1",
        "sensor": "noise-yuehai-1",
        "station": SITE,
        "district": "nanshan",
        "subdistrict": None,
        "medium": "noise",
        "parameter": "laeq",
        "severity": "red",
        "state": "closed" if "closed" in fields else "open",
        "outcome": None,
        "route": "enforcement",
        "started": NOON,
        "limit": 70.0,
        "basis": "GB 12523",
        "peak": 82.0,
        "peak_at": NOON,
        "last": 71.0,
        "opened": NOON,
        "certain": NOON,
        "at_level": "district",
        "level_since": NOON,
        "assignee": None,
        "snoozed_until": None,
        "incident": None,
        "merged_into": None,
        "late": False,
        "findings": "",
        **dict.fromkeys(times),
        **{k: v for k, v in fields.items() if k not in times},
        **given_times,
    }
    return Alert.model_validate(entry)


def seen(registry: Registry, *alerts: Alert):
    return enforcement(
        alerts,
        stations={str(s.id): s for s in registry.stations().values()},
        enterprises=registry.enterprises(),
        now=NOON + minutes(600),
    )


@pytest.fixture
def site(registry: Registry) -> str:
    return next(str(s.id) for s in registry.stations().values() if s.kind == "construction")


def test_each_step_is_timed_against_what_the_route_allows_the_grade(registry: Registry) -> None:
    view = seen(
        registry,
        made(1, acknowledged=5, dispatched=8, arrived=48, closed=90, outcome="confirmed"),
        made(2, acknowledged=25, dispatched=30, arrived=130, closed=200, outcome="unfounded"),
        made(3, acknowledged=25, severity="orange"),
        made(4),
    )
    acknowledge, arrive, close = view.total.steps
    assert (acknowledge.number, acknowledge.kept) == (3, 2), "red has 10 minutes, orange 30"
    assert (acknowledge.median, acknowledge.p90) == (minutes(25), minutes(25))
    assert (arrive.number, arrive.median, arrive.kept) == (2, minutes(70), 1)
    assert (close.number, close.median, close.kept) == (2, minutes(145), None)
    assert (view.total.alerts, view.total.open) == (4, 2)


def test_false_alarms_are_a_share_of_what_has_a_finding(registry: Registry) -> None:
    view = seen(
        registry,
        made(1, closed=10, outcome="confirmed"),
        made(2, closed=10, outcome="unfounded"),
        made(3, closed=10, outcome="sensor_fault"),
        made(4, closed=10, outcome="recovered"),
        made(5),
    )
    assert (view.total.found, view.total.false, view.total.false_share) == (3, 2, 66.7)
    assert view.total.steps[2].number == 3, "nobody closed the one that recovered"
    assert seen(registry, made(1)).total.false_share is None


@pytest.mark.parametrize("outcome", ["withdrawn", "lapsed", "merged"])
def test_what_was_no_alert_of_its_own_counts_nowhere(registry: Registry, outcome: str) -> None:
    assert seen(registry, made(1, closed=1, outcome=outcome)).total.alerts == 0
    assert seen(registry, made(1, certain=None)).total.alerts == 0


def test_breakdowns_hold_each_alert_once(registry: Registry) -> None:
    view = seen(registry, made(1), made(2, severity="blue", district="futian", rule="x"))
    for rows in view.tables.values():
        assert sum(row.alerts for row in rows) == 2
    assert [row.key for row in view.tables["district"]] == ["futian", "nanshan"]


def test_a_repeat_offender_has_two_alerts_that_were_not_found_false(
    registry: Registry, site: str
) -> None:
    first = made(1, station=site, ended=60, closed=90, outcome="confirmed")
    (offender,) = seen(registry, first, made(2, station=site, severity="orange")).offenders
    assert [s.id for s in offender.stations] == [site]
    assert (offender.confirmed, offender.unresolved) == (1, 1)
    assert offender.gravest is Severity.RED
    assert offender.lasted == minutes(60) + minutes(600), "the second one goes on"
    false = made(2, station=site, closed=5, outcome="unfounded")
    assert seen(registry, first, false).offenders == ()


def test_a_road_is_no_offender(registry: Registry) -> None:
    road = [made(n, station="st-noise-dongmen") for n in (1, 2, 3)]
    assert seen(registry, *road).offenders == ()


def test_outfalls_of_one_enterprise_are_one_offender(registry: Registry) -> None:
    own = [s for s in registry.stations().values() if s.enterprise is not None]
    (offender,) = seen(
        registry,
        made(1, station=own[0].id, rule="a"),
        made(2, station=own[0].id, rule="b"),
    ).offenders
    assert offender.enterprise is not None
    assert offender.enterprise.id == own[0].enterprise


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=60))
def test_the_ninetieth_percentile_is_a_length_that_nine_of_ten_kept(lengths: list[int]) -> None:
    found = ninetieth([minutes(n) for n in lengths])
    assert found is not None
    assert found in {minutes(n) for n in lengths}
    within = sum(minutes(n) <= found for n in lengths)
    assert within >= 0.9 * len(lengths)
    assert sum(minutes(n) < found for n in lengths) < 0.9 * len(lengths)
