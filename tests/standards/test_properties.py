"""What must hold of every evaluator, whatever the sample: order, more of a pollutant, windows.

Air, sound, soil and the classes of water have such tests beside their examples; here are those of
the others, and what holds of all kinds of `onenet assess` alike.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Interval
from standards import ASSESSORS, black_odorous, drinking_water, edition, effluent
from standards.air_means import daily_max_8h, running_mean
from standards.aqhi import aqhi
from standards.assess import assess_csv, assess_rows
from standards.load import Step, load
from standards.rows import Measured
from standards.water_limits import Kind, read_limits

TODAY = date(2026, 11, 24)
DRINKING = edition("drinking_water", on=TODAY)
EFFLUENT = edition("effluent", on=TODAY)
BLACK = edition("black_odorous", on=TODAY)
HEALTH = edition("aqhi", on=TODAY)
RULES = edition("air_assessment", on=TODAY)
START = datetime(2026, 11, 23, 16, tzinfo=UTC)

values = st.decimals(0, 500, places=3)

# One good row of each kind; a laboratory's table is many of them.
ROWS = {
    "aqi": {"pm25": "40", "o3_8h_max": "120"},
    "aqhi": {"no2": "30", "o3": "60", "so2": "5", "pm25": "20"},
    "noise": {"zone": "2", **{f"h{hour:02d}": "51" for hour in range(24)}},
    "water": {"ph": "7", "do": "6", "nh3n": "0.4", "target": "III"},
    "sea": {"ph": "8", "do": "6.5", "cod": "1.5", "target": "II"},
    "soil": {"date": "2026-11-01", "land": "other", "ph": "6.5", "cd": "0.2"},
    "soil-risk": {"date": "2026-11-01", "land": "other", "ph": "6.5", "cd": "0.2"},
    "groundwater": {"ph": "7", "nh3n": "0.4"},
    "drinking": {"ph": "7", "turbidity": "0.5"},
    "effluent": {"grade": "1A", "cod": "40", "nh3n": "4", "water_temperature": "20"},
}
NUMBERS = st.sampled_from(["0.1", "1", "3", "<0.05", "45", "61.7", "130", "", "ND"])


@pytest.mark.parametrize("kind", ASSESSORS)
@given(data=st.data())
def test_a_row_is_judged_alike_wherever_it_stands(kind: str, data: st.DataObject) -> None:
    words = {"zone", "target", "land", "grade", "date", "ph"}
    rows = [
        {key: cell if key in words else data.draw(NUMBERS) for key, cell in ROWS[kind].items()}
        for _ in range(data.draw(st.integers(1, 5)))
    ]
    shuffled = [{**row, "id": str(at)} for at, row in enumerate(rows)]
    Random(data.draw(st.integers())).shuffle(shuffled)
    assessor = ASSESSORS[kind]
    plain = list(assess_rows(rows, assessor, named=None, on=TODAY))
    for judged in assess_rows(shuffled, assessor, named=None, on=TODAY):
        assert judged == {**plain[int(judged["id"])], "id": judged["id"]}


@pytest.mark.parametrize("kind", ASSESSORS)
@given(cut=st.integers(0, 4), seed=st.integers())
def test_a_table_in_two_parts_is_the_table(kind: str, cut: int, seed: int) -> None:
    rng = Random(seed)
    head = list(ROWS[kind])
    table = [[rng.choice((ROWS[kind][key], "")) for key in head] + ["x"] for _ in range(4)]

    def judged(rows: list[list[str]]) -> list[list[str]]:
        source, target = io.StringIO(newline=""), io.StringIO(newline="")
        csv.writer(source).writerows([[*head, "id"], *rows])
        source.seek(0)
        assess_csv(source, target, ASSESSORS[kind], named=None, on=TODAY)
        return list(csv.reader(io.StringIO(target.getvalue(), newline="")))[1:]

    assert judged(table[:cut]) + judged(table[cut:]) == judged(table)


@pytest.mark.parametrize("kind", ASSESSORS)
def test_the_row_of_each_kind_is_a_good_one(kind: str) -> None:
    (judged,) = assess_rows([ROWS[kind]], ASSESSORS[kind], named=None, on=TODAY)
    assert judged["error"] == ""
    assert any(judged[name] for name in ASSESSORS[kind].results)


# More of a pollutant


@given(item=st.data(), value=values, more=values)
def test_more_of_an_item_never_makes_drinking_water_comply(
    item: st.DataObject, value: Decimal, more: Decimal
) -> None:
    limits = read_limits(DRINKING.tables["items"], len(DRINKING.tables["places"]))
    bad = sorted(name for name, its in limits.items() if its.kind is Kind.AT_MOST)
    name = item.draw(st.sampled_from(bad))
    little = drinking_water.judge({name: Measured(value)}, DRINKING).exceeding
    much = drinking_water.judge({name: Measured(value + more)}, DRINKING).exceeding
    assert little.keys() <= much.keys()


@given(
    item=st.sampled_from(["cod", "bod5", "ss", "nh3n", "tn", "tp"]),
    grade=st.sampled_from(EFFLUENT.tables["grades"]),
    value=values,
    more=values,
    temperature=st.decimals(0, 40, places=1),
)
def test_more_of_an_item_never_makes_an_effluent_comply(
    item: str, grade: str, value: Decimal, more: Decimal, temperature: Decimal
) -> None:
    def over(amount: Decimal) -> set[str]:
        found = {item: Measured(amount), "colour": Measured(Decimal(1))}
        plant = effluent.Plant(grade)
        return set(effluent.judge(found, EFFLUENT, plant, temperature=temperature).exceeding)

    assert over(value) <= over(value + more)


@given(data=st.lists(st.lists(values, min_size=2, max_size=2), min_size=1, max_size=6), more=values)
def test_more_ammonia_or_less_oxygen_never_makes_a_point_less_black(
    data: list[list[Decimal]], more: Decimal
) -> None:
    degrees = (black_odorous.NONE, black_odorous.LIGHT, black_odorous.HEAVY)

    def degree(worse: Decimal) -> int:
        samples = [
            {"nh3n": Measured(nh3n + worse), "do": Measured(max(do - worse, Decimal(0)))}
            for nh3n, do in data
        ]
        return degrees.index(black_odorous.point(samples, BLACK))

    assert degree(Decimal(0)) <= degree(more)


@given(points=st.lists(st.sampled_from(["none", "light", "heavy"]), min_size=1), at=st.integers(0))
def test_a_worse_point_never_makes_a_water_body_less_black(points: list[str], at: int) -> None:
    degrees = ("none", "light", "heavy")
    worse = list(points)
    worse[at % len(points)] = "heavy"
    before, after = (black_odorous.water_body(each, BLACK).degree for each in (points, worse))
    assert degrees.index(before) <= degrees.index(after)


@given(
    pairs=st.lists(st.tuples(values, values), min_size=1, max_size=6),
    at=st.integers(0),
    more=values,
)
def test_more_nitrogen_is_never_less_load(
    pairs: list[tuple[Decimal, Decimal]], at: int, more: Decimal
) -> None:
    day = Interval(START, START + timedelta(hours=len(pairs)))

    def carried(extra: Decimal) -> Decimal:
        steps = [
            Step(hour, flow, Measured(tn + (extra if n == at % len(pairs) else 0)))
            for n, (hour, (flow, tn)) in enumerate(zip(day.hours(), pairs, strict=True))
        ]
        found = load(steps, day, required=Decimal(1)).per_day
        assert found is not None
        return found

    assert carried(Decimal(0)) <= carried(more)


# Continuous: a breath more of a pollutant moves the index by a breath


@given(pollutant=st.sampled_from(["no2", "o3", "so2", "pm10", "pm25"]), value=values)
def test_the_added_risk_has_no_steps(pollutant: str, value: Decimal) -> None:
    base = {"no2": Decimal(30), "o3": Decimal(60), "so2": Decimal(5), "pm10": Decimal(40)}
    here = aqhi({**base, "pm25": Decimal(20), pollutant: value}, HEALTH)
    there = aqhi({**base, "pm25": Decimal(20), pollutant: value + Decimal("1e-9")}, HEALTH)
    assert here is not None
    assert there is not None
    assert 0 <= there.added_risk - here.added_risk < Decimal("1e-6")


# Windows: a mean of hours does not depend on how the hours were handed in

maybe = st.one_of(st.none(), values)


@given(hours=st.lists(maybe, min_size=24, max_size=48), cut=st.integers(0, 16))
def test_a_running_mean_is_that_of_its_own_hours_alone(
    hours: list[Decimal | None], cut: int
) -> None:
    whole = running_mean(hours, 8, 6)
    part = running_mean(hours[cut:], 8, 6)
    assert part[7:] == whole[cut + 7 :], "from the eighth hour on, nothing before it matters"


@given(hours=st.lists(st.none() | values, min_size=24, max_size=24), more=values, at=st.integers(0))
def test_more_ozone_never_lowers_the_largest_mean_of_a_day(
    hours: list[Decimal | None], more: Decimal, at: int
) -> None:
    place = at % 24
    higher = [
        hour + more if n == place and hour is not None else hour for n, hour in enumerate(hours)
    ]
    before, after = (daily_max_8h(each, RULES, Decimal(160)) for each in (hours, higher))
    assert before is None or (after is not None and after >= before)


@pytest.mark.parametrize("kind", ASSESSORS)
def test_naming_the_edition_in_force_gives_what_the_date_gives(kind: str) -> None:
    assessor = ASSESSORS[kind]
    standard = edition(assessor.family, on=TODAY)
    plain = list(assess_rows([ROWS[kind]], assessor, named=None, on=TODAY))
    assert list(assess_rows([ROWS[kind]], assessor, named=standard.id, on=TODAY)) == plain
