"""The noise credit of a facility: worked out by hand, and what must hold whatever its record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from network.views import facilities, facility_record
from network.views.credit import Credit, HourOver, Raised, credit, credit_rules
from network.views.days import day_before
from registry import Registry
from schemas import Level, Period
from storage import Store
from tests.network.test_views import NOW, YESTERDAY, Rows

TODAY, LONG_AGO = date(2026, 11, 24), date(2026, 1, 1)
RULES = credit_rules()


def judged(
    hours: list[HourOver] = (),  # type: ignore[assignment]
    alerts: list[Raised] = (),  # type: ignore[assignment]
    gaps: list[date] = (),  # type: ignore[assignment]
    on: date = TODAY,
) -> Credit:
    return credit(hours, alerts, gaps, on=on, since=LONG_AGO, rules=RULES)


def hour(excess: float, part: str = "day", days_ago: int = 0) -> HourOver:
    return HourOver(TODAY - timedelta(days=days_ago), part, Decimal(str(excess)))  # type: ignore[arg-type]


def test_a_clean_record_is_the_full_score_and_no_record_is_none() -> None:
    clean = judged()
    assert clean.grade is not None
    assert (clean.score, clean.grade.key, clean.deductions) == (100, "A", ())
    nothing = credit([], [], [], on=TODAY, since=None, rules=RULES)
    assert (nothing.score, nothing.grade) == (None, None)


def test_every_part_says_what_it_took_off() -> None:
    found = judged(
        [*[hour(3)] * 4, hour(6, "night"), hour(12)],
        [Raised(TODAY, "red"), Raised(TODAY, "orange")],
        [TODAY - timedelta(days=2)],
    )
    parts = {(d.kind, d.of, d.above): (d.count, d.points) for d in found.deductions}
    assert parts == {
        ("alert", "red", None): (1, Decimal("4.00")),
        ("gap", "", None): (1, Decimal("3.00")),
        ("alert", "orange", None): (1, Decimal("1.50")),
        ("over", "day", Decimal(10)): (1, Decimal("0.20")),
        ("over", "night", Decimal(5)): (1, Decimal("0.15")),
        ("over", "day", Decimal(0)): (4, Decimal("0.08")),
    }
    assert found.score == Decimal("91.1"), "100 - 8.93"
    assert found.grade is not None
    assert found.grade.key == "A"
    assert judged(alerts=[Raised(TODAY, "red")] * 3).score == 88


@pytest.mark.parametrize(
    ("days_ago", "left"), [(0, "4.00"), (30, "4.00"), (105, "2.00"), (180, None), (400, None)]
)
def test_an_alert_is_forgiven_day_by_day(days_ago: int, left: str | None) -> None:
    found = judged(alerts=[Raised(TODAY - timedelta(days=days_ago), "red")])
    assert [str(d.points) for d in found.deductions] == ([left] if left else [])
    assert all(d.at_first == 4 for d in found.deductions)


def test_what_lies_ahead_takes_nothing_off() -> None:
    assert judged([hour(20, days_ago=-1)]).score == 100


def test_it_does_not_pay_to_switch_off() -> None:
    loud = judged([hour(7)] * 16 + [hour(7, "night")] * 8)  # every hour, by the middle band
    silent = judged(gaps=[TODAY])
    assert loud.score is not None
    assert silent.score is not None
    assert silent.score < loud.score


PARTS = st.sampled_from(["day", "night"])
AGES = st.integers(0, 400).map(lambda days: TODAY - timedelta(days=days))
HOURS = st.builds(HourOver, on=AGES, part=PARTS, excess=st.decimals(1, 40, places=0))
ALERTS = st.builds(Raised, on=AGES, severity=st.sampled_from(["blue", "yellow", "orange", "red"]))
RECORDS = st.tuples(
    st.lists(HOURS, max_size=30), st.lists(ALERTS, max_size=8), st.lists(AGES, max_size=5)
)


def rank(found: Credit) -> tuple[Decimal, int]:
    assert found.score is not None
    assert found.grade is not None
    return found.score, -[grade.key for grade in RULES.grades].index(found.grade.key)


@given(record=RECORDS, more=HOURS | ALERTS | AGES)
def test_one_thing_more_on_the_record_never_gives_a_better_score(record, more) -> None:
    hours, alerts, gaps = (list(part) for part in record)
    before = rank(judged(hours, alerts, gaps))
    kind = hours if isinstance(more, HourOver) else alerts if isinstance(more, Raised) else gaps
    kind.append(more)
    after = rank(judged(hours, alerts, gaps))
    assert after[0] <= before[0]
    assert after[1] <= before[1]


@given(record=RECORDS, louder=st.decimals(0, 30, places=0), at=st.integers(0))
def test_a_louder_hour_never_gives_a_better_score(record, louder, at) -> None:
    hours, alerts, gaps = record
    if not hours:
        return
    place = at % len(hours)
    raised = [
        HourOver(h.on, h.part, h.excess + louder) if n == place else h for n, h in enumerate(hours)
    ]
    assert rank(judged(raised, alerts, gaps)) <= rank(judged(hours, alerts, gaps))


@given(record=RECORDS, rng=st.randoms(use_true_random=False))
def test_the_order_of_the_record_does_not_matter(record, rng) -> None:
    shuffled = [rng.sample(part, len(part)) for part in record]
    assert judged(*shuffled) == judged(*record)


@given(record=RECORDS, later=st.integers(0, 500))
def test_time_without_anything_new_only_heals(record, later) -> None:
    assert rank(judged(*record, on=TODAY + timedelta(days=later))) >= rank(judged(*record))


@given(record=RECORDS)
def test_a_score_lies_between_nothing_and_full_and_its_parts_explain_it(record) -> None:
    found = judged(*record)
    assert found.score is not None
    assert 0 <= found.score <= found.full
    told = found.full - sum(d.points for d in found.deductions)
    slack = Decimal("0.1") + Decimal("0.01") * len(found.deductions)
    assert abs(max(Decimal(0), told) - found.score) <= slack


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"over": [{"above": 5, "day": 1, "night": 1}, {"above": 0, "day": 1, "night": 1}]}, "asc"),
        ({"over": [{"above": 0, "day": 1, "night": 1}, {"above": 5, "day": 0, "night": 1}]}, "few"),
        ({"recovery": {"whole_days": 90, "forgotten_days": 90}}, "forgotten_days lies after"),
        ({"grades": [{"key": "A", "at_least": 90, "zh": "", "en": "", "rgb": [0, 0, 0]}]}, "last"),
        ({"full": 0}, "full: "),
    ],
)
def test_a_table_that_would_reward_noise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict, told: str
) -> None:
    shipped = yaml.safe_load(Path(str(files("network.views") / "credit.yaml")).read_text("utf-8"))
    own = tmp_path / "credit.yaml"
    own.write_text(yaml.safe_dump({**shipped, **change}), "utf-8")
    monkeypatch.setenv("ONENET_CREDIT_RULES", str(own))
    credit_rules.cache_clear()
    try:
        with pytest.raises(ValueError, match=told):
            credit_rules()
    finally:
        credit_rules.cache_clear()


# Of a facility in the store


@pytest.fixture
def store(open_store_at: Callable[[str], Store]) -> Store:
    return open_store_at("credit")


def test_a_facilitys_credit_comes_from_its_hours_and_its_silence(
    store: Store, registry: Registry
) -> None:
    rows, name = Rows(store), "st-noise-yuehai"
    first = day_before(YESTERDAY, 3)
    for day, levels in (
        (first, [50.0] * 12),  # it was put up at noon: no gap
        (day_before(YESTERDAY, 2), [50.0] * 24),
        (day_before(YESTERDAY, 1), [50.0] * 19),  # one hour too few
        (YESTERDAY, [50.0] * 12 + [76.4] * 2 + [50.0] * 9 + [58.0]),  # 70 by day, 55 by night
    ):
        for n, level in enumerate(levels):
            start = day.start + timedelta(hours=n)
            rows.write(Level.STATION, name, Period.HOUR, start, {"laeq": level})
    found = facility_record(name, store=store, registry=registry, now=NOW)
    assert found is not None
    parts = {(d.kind, d.of, d.above): d.count for d in found.facility.credit.deductions}
    assert parts == {
        ("gap", "", None): 1,
        ("over", "day", Decimal(5)): 2,
        ("over", "night", Decimal(0)): 1,
    }
    assert [(day.hours, day.gap) for day in found.days] == [
        (24, False),
        (19, True),
        (24, False),
        (12, False),
    ]
    assert (found.days[0].over_day, found.days[0].over_night, found.days[0].worst) == (2, 1, 6)
    assert [h.excess for h in found.loudest] == [6, 6, 3]
    assert found.facility.credit.score == Decimal("96.8"), "100 - 3 - 2 x 0.06 - 0.05"
    silent = facility_record("st-noise-shajing", store=store, registry=registry, now=NOW)
    assert silent is not None
    assert (silent.facility.credit.score, silent.days) == (None, ())
    listed = facilities(store=store, registry=registry, now=NOW)
    assert listed[0].credit == found.facility.credit


@pytest.mark.parametrize("name", ["nowhere", "st-noise-xili", "st-air-lianhua"])
def test_what_is_no_facility_has_no_record(store: Store, registry: Registry, name: str) -> None:
    assert facility_record(name, store=store, registry=registry, now=NOW) is None
