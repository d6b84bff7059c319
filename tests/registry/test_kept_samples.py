"""Samples in the registry: added once, corrected by revision, found by place and day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from registry import Registry, audit
from registry.samples import add_samples, find_samples, newest_samples, revisions_of
from registry.seed import demo_city
from registry.seed.demo_samples import demo_samples
from schemas import CITY_TIME, StationId
from schemas.samples import Result, Sample, SampleMedium
from tests.city import demo_registry

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
PLOT, OTHER = "st-plot-yuehai-school", "st-plot-minzhi-homes"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The demo city."""
    opened = demo_registry(tmp_path_factory.mktemp("samples"))
    yield opened
    opened.close()


@pytest.fixture
def registry(places: Registry) -> Registry:
    """The same without samples."""
    forget(places)
    return places


def forget(registry: Registry) -> None:
    with registry.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM sample_result")
        connection.exec_driver_sql("DELETE FROM sample")


def found(cells: dict[str, str]) -> tuple[Result, ...]:
    return tuple(
        Result(determinand=key, limit=Decimal(cell[1:]), unit="mg/kg")
        if cell.startswith("<")
        else Result(determinand=key, value=Decimal(cell), unit="mg/kg")
        for key, cell in cells.items()
    )


def sample(number: str = "a", station: str = PLOT, day: int = 1, **cells: str) -> Sample:
    return Sample(
        number=number,
        station=StationId(station),
        medium=SampleMedium.SOIL,
        taken=datetime(2026, 10, day, 9, 30, tzinfo=CITY_TIME),
        depth_from=0,
        depth_to=0.2,
        laboratory="demo",
        results=found(cells or {"cd": "0.20", "pb": "<2"}),
    )


def counts(registry: Registry, *samples: Sample, dry_run: bool = False) -> tuple[int, int, int]:
    added = add_samples(registry, samples, at=NOON, dry_run=dry_run)
    return len(added.new), len(added.revised), len(added.unchanged)


def cells(one: Sample) -> dict[str, str]:
    return {result.determinand: str(result) for result in one.results}


def test_a_sample_comes_back_as_it_was_with_the_laboratorys_digits(registry: Registry) -> None:
    assert counts(registry, sample()) == (1, 0, 0)
    (kept,) = find_samples(registry)
    assert kept.model_copy(update={"recorded": None}) == sample()
    assert (kept.recorded, kept.revision) == (NOON, 1)
    assert cells(kept) == {"cd": "0.20", "pb": "<2"}
    assert kept.result("pb") is not None
    assert kept.taken.tzinfo is not None


def test_adding_the_same_again_changes_nothing(registry: Registry) -> None:
    assert counts(registry, sample()) == (1, 0, 0)
    assert counts(registry, sample(), sample("b")) == (1, 0, 1)
    assert [one.revision for one in find_samples(registry)] == [1, 1]


def test_a_corrected_result_is_a_revision_and_the_earlier_one_stays(registry: Registry) -> None:
    counts(registry, sample(cd="0.20", pb="<2"))
    assert counts(registry, sample(cd="0.25", pb="<2")) == (0, 1, 0)
    (now,) = find_samples(registry)
    assert (now.revision, cells(now)) == (2, {"cd": "0.25", "pb": "<2"})
    assert [cells(one)["cd"] for one in revisions_of(registry, PLOT, "a")] == ["0.25", "0.20"]
    assert counts(registry, sample(cd="0.25")) == (0, 0, 1)


def test_what_comes_later_joins_what_is_there(registry: Registry) -> None:
    counts(registry, sample(cd="0.2"))
    later = sample(benzene="<0.0019").model_copy(update={"laboratory": "", "depth_to": None})
    assert counts(registry, later) == (0, 1, 0)
    (now,) = find_samples(registry)
    assert cells(now) == {"cd": "0.2", "benzene": "<0.0019"}
    assert (now.laboratory, now.depth_to) == ("demo", 0.2)


def test_the_same_in_another_unit_is_no_correction(registry: Registry) -> None:
    written = sample(cd="0.2")
    other = written.model_copy(
        update={"results": (written.results[0].model_copy(update={"reported": "200 ug/kg"}),)}
    )
    counts(registry, other)
    assert counts(registry, written) == (0, 0, 1)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(registry: Registry) -> None:
    counts(registry, sample(), sample("b"))
    wanted = sample(cd="9"), sample("b"), sample("c")
    assert counts(registry, *wanted, dry_run=True) == (1, 1, 1)
    assert len(find_samples(registry)) == 2
    assert counts(registry, *wanted) == (1, 1, 1)


def test_numbers_belong_to_their_station(registry: Registry) -> None:
    assert counts(registry, sample(), sample(station=OTHER)) == (2, 0, 0)
    assert len(find_samples(registry, number="a")) == 2
    assert len(find_samples(registry, number="a", stations=[OTHER])) == 1


def test_all_or_none_is_added(registry: Registry) -> None:
    with pytest.raises(IntegrityError):
        add_samples(registry, [sample(), sample("b", station="nowhere")], at=NOON)
    with pytest.raises(ValueError, match="'a' of st-plot-yuehai-school stands 2 times"):
        add_samples(registry, [sample(), sample(cd="3")], at=NOON)
    assert find_samples(registry) == []


def test_samples_are_found_by_day_in_the_city(registry: Registry) -> None:
    night = sample("late").model_copy(
        update={"taken": datetime(2026, 9, 30, 16, 30, tzinfo=UTC)}  # half past midnight there
    )
    counts(registry, sample(day=1), sample("b", day=3), night)
    first = date(2026, 10, 1)
    assert night.day == first
    assert [s.number for s in find_samples(registry, since=first, until=first)] == ["a", "late"]
    assert [s.number for s in find_samples(registry, limit=1)] == ["b"]
    assert find_samples(registry, medium=SampleMedium.GROUNDWATER) == []


def test_the_newest_samples_are_those_of_the_last_day_of_each_place(registry: Registry) -> None:
    counts(registry, sample(day=1), sample("b", day=5), sample("c", day=5))
    counts(registry, sample("d", station=OTHER, day=2))
    october = [date(2026, 10, day) for day in (1, 4, 9)]
    named = [[s.number for s in newest_samples(registry, SampleMedium.SOIL, d)] for d in october]
    assert named == [["a"], ["d", "a"], ["b", "c", "d"]]


def test_a_correction_does_not_hide_what_was_taken_later(registry: Registry) -> None:
    counts(registry, sample(day=1), sample("b", day=5))
    counts(registry, sample(day=1, cd="7"))
    (newest,) = newest_samples(registry, SampleMedium.SOIL, date(2026, 10, 9))
    assert newest.number == "b"


def test_an_import_is_noted_in_the_audit_log_and_a_repetition_is_not(registry: Registry) -> None:
    before = audit.head(registry).number
    for cd in ("0.2", "0.2", "0.3"):
        add_samples(registry, [sample(cd=cd)], at=NOON, who="system:import")
    assert audit.head(registry).number == before + 2
    assert audit.verify(registry) == []


@settings(max_examples=40)  # each one writes to a disk
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), max_size=8))
def test_whatever_is_added_in_whatever_order_each_sample_says_what_it_was_told_last(
    places: Registry, told: list[tuple[str, int]]
) -> None:
    forget(places)
    last: dict[str, int] = {}
    changes: dict[str, int] = {}
    for at, (number, content) in enumerate(told):
        add_samples(places, [sample(number, cd=str(content))], at=NOON + timedelta(minutes=at))
        changes[number] = changes.get(number, 0) + (last.get(number) != content)
        last[number] = content
    kept = {one.number: one for one in find_samples(places)}
    assert {number: cells(one)["cd"] for number, one in kept.items()} == {
        number: str(content) for number, content in last.items()
    }
    assert {number: one.revision for number, one in kept.items()} == changes


# The demo city


def test_the_demo_samples_are_of_its_places_and_have_what_a_demo_must_show() -> None:
    stations = {station.id: station for station in demo_city()[2]}
    every = demo_samples()
    assert {one.medium for one in every} == {SampleMedium.SOIL, SampleMedium.GROUNDWATER}
    assert {one.day.year for one in every} == {2023, 2024, 2025, 2026}
    assert sum(result.below for one in every for result in one.results) > 100
    districts = {stations[one.station].district for one in every}
    assert districts >= {"guangming", "pingshan", "longgang"}
    assert len({(one.station, one.number) for one in every}) == len(every)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"taken": datetime(2026, 1, 1)}, "timezone"),  # noqa: DTZ001
        ({"depth_from": 0.5, "depth_to": 0.5}, "not below"),
        ({"number": ""}, "at least 1"),
        ({"results": [{"determinand": "cd", "unit": "mg/kg"}]}, "a value or a limit"),
        ({"results": [{"determinand": "cd", "limit": "0", "unit": "mg/kg"}]}, "greater than 0"),
        ({"results": [{"determinand": "cd", "value": "1", "unit": "mg/kg"}] * 2}, "twice"),
        ({"results": [{"determinand": "cd", "value": "NaN", "unit": "mg/kg"}]}, "finite"),
    ],
)
def test_a_sample_that_cannot_be_is_refused(change: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Sample.model_validate({**sample().model_dump(), **change})
