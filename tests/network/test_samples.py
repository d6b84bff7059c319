"""Samples held against the standards: the numbers of `onenet assess`, or the reason why none."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.lab import read_lab_file
from network.assessments_samples import WaterSample, assess_sample, water_sample
from network.assessments_soil import SoilAssessment, soil_sample, worst
from network.views import groundwater_view, plot_view, soil_view
from registry import Registry
from registry.samples import add_samples, find_samples
from registry.seed import demo_city
from registry.seed.demo_samples import demo_samples
from schemas import CITY_TIME, StationId
from schemas.registry import Station
from schemas.samples import Result, Sample, SampleMedium, sampled_medium
from standards import ASSESSORS
from standards.assess import assess_rows
from standards.rounding import plain

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
STATIONS: Mapping[str, Station] = {station.id: station for station in demo_city()[2]}
VECTORS = Path(__file__).parents[1] / "standards" / "vectors"
USGS = Path(__file__).parents[1] / "ingest" / "data" / "usgs_wqp_soil_results.csv"
SURVEYS = Path(__file__).parents[3] / "shared" / "data" / "soil"
SCHOOL, WORKS = STATIONS["st-plot-yuehai-school"], STATIONS["st-plot-shajing-works"]
PADDY, WELL = STATIONS["st-plot-gongming-paddy"], STATIONS["st-well-gongming"]
TAP = WELL.model_copy(update={"id": "st-tap", "kind": "tap", "zone": None})
RIVER = WELL.model_copy(update={"id": "st-river", "kind": "river", "zone": "III"})
SEA = WELL.model_copy(update={"id": "st-sea", "kind": "sea", "realm": "sea", "zone": "II"})

contents = st.decimals("0.001", "5000", places=3)
metals = st.dictionaries(
    st.sampled_from(["as", "cd", "cu", "pb", "hg", "ni", "cr6"]), contents, min_size=1
)


def sample(station: Station, taken: str = "2026-05-01", **cells: str) -> Sample:
    medium = sampled_medium(station)
    assert medium is not None
    return Sample(
        number="a",
        station=station.id,
        medium=medium,
        taken=datetime.fromisoformat(taken).replace(tzinfo=CITY_TIME),
        results=tuple(
            Result(determinand=key.rstrip("_"), unit="mg/kg", **one_of(cell))
            for key, cell in cells.items()
        ),
    )


def one_of(cell: str) -> dict[str, Decimal]:
    return {"limit": Decimal(cell[1:])} if cell.startswith("<") else {"value": Decimal(cell)}


def soil(station: Station, taken: str = "2026-05-01", **cells: str) -> SoilAssessment:
    return soil_sample(sample(station, taken, **cells), station)


def row_of(one: Sample, station: Station) -> dict[str, str]:
    """The same sample as a row of `onenet assess`."""
    found = soil_sample(one, station)
    row = {result.determinand: str(result) for result in one.results}
    row |= {"date": one.day.isoformat()}
    if found.land_use is not None:
        row["land"] = found.land_use.land
    elif station.zone:
        row["target"] = station.zone
    return row


def assessed(kind: str, row: dict[str, str]) -> dict[str, str]:
    return next(assess_rows([row], ASSESSORS[kind], named=None, on=date(1990, 1, 1)))


def agrees(one: Sample, station: Station) -> SoilAssessment:
    """Hold our verdict on a soil sample against `onenet assess soil` and `soil-risk`."""
    ours, row = soil_sample(one, station), row_of(one, station)
    index, risk = assessed("soil", row), assessed("soil-risk", row)
    if index["error"]:
        assert risk["error"]
        assert ours.reason or ours.undecided, index["error"]
        return ours
    assert ours.valid
    assert ours.worst_factor is not None
    assert ours.nemerow is not None
    assert plain(ours.worst_factor) == index["max_p"]
    assert plain(ours.nemerow) == index["nemerow"]
    assert ";".join(sorted(ours.largest)) == index["max_item"]
    assert ours.grade is not None
    assert ours.risk_name is not None
    assert (ours.grade.zh, ours.risk_name.zh) == (index["grade"], risk["risk"])
    assert ";".join(sorted(ours.deciding)) == risk["deciding"]
    return ours


# The same numbers as the evaluators


def test_the_worked_examples_come_out_digit_for_digit_by_way_of_an_import(tmp_path: Path) -> None:
    with (VECTORS / "soil.csv").open(encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    columns = [name for name in expected[0] if not name.startswith("expected_")]
    lands = {s.zone: s for s in STATIONS.values() if s.medium == "soil"}
    plots = {use: lands[zone] for use, zone in LANDS.items()}
    source = tmp_path / "lab.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*columns, "station"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**row, "station": plots[row["land"]].id} for row in expected)
    found = read_lab_file(source, by_id(), now=NOW, given={"taken": "2026-05-01"})
    assert found.problems == ()
    assert len(found.samples) == len(expected)
    for one, row in zip(found.samples, expected, strict=True):
        ours = soil_sample(one, STATIONS[one.station])
        assert ours.grade is not None
        assert (str(ours.worst_factor), str(ours.nemerow), ours.grade.zh) == (
            row["expected_max_p"],
            row["expected_nemerow"],
            row["expected_grade"],
        )


LANDS = {
    "paddy": "paddy",
    "orchard": "orchard",
    "other": "farmland",
    "class_1": "construction-1",
    "class_2": "construction-2",
}


def by_id() -> dict[StationId, Station]:
    return {StationId(key): station for key, station in STATIONS.items()}


@pytest.mark.parametrize("use", [*LANDS.values(), "park", "community-park"])
def test_real_samples_are_judged_as_onenet_assess_judges_them(use: str) -> None:
    with USGS.open(encoding="utf-8") as file:
        names = {row["MonitoringLocationIdentifier"] for row in csv.DictReader(file)}
    sites = {StationId(name): SCHOOL.model_copy(update={"id": name, "zone": use}) for name in names}
    found = read_lab_file(USGS, sites, now=NOW)
    verdicts = [agrees(one, sites[one.station]) for one in found.samples]
    judged = [verdict for verdict in verdicts if verdict.risk is not None]
    if use in ("paddy", "orchard", "farmland"):  # only two of the samples have a pH
        assert Counter(v.reason for v in verdicts)["no_ph"] == 10
        assert len(judged) == 2
    else:
        assert len(judged) == 12
        assert any("sb" in v.factors for v in judged), "non-detects take part"


def test_every_demo_sample_is_judged_as_onenet_assess_judges_it() -> None:
    for one in demo_samples():
        station = STATIONS[one.station]
        if one.medium == SampleMedium.SOIL:
            agrees(one, station)
            continue
        ours, row = water_sample(one, station), assessed("groundwater", row_of(one, station))
        assert (ours.water_class, ";".join(ours.deciding)) == (row["class"], row["deciding"])
        assert {True: "false", False: "true"}[bool(ours.exceeding)] == row["meets_target"]


@given(metals, st.sets(st.sampled_from(["as", "cd", "cu", "pb", "hg", "ni", "cr6"])))
def test_any_sample_of_construction_land_is_judged_as_onenet_assess_judges_it(
    found: dict[str, Decimal], below: set[str]
) -> None:
    cells = {f"{item}_": f"{'<' if item in below else ''}{v}" for item, v in found.items()}
    for station in (SCHOOL, WORKS):
        agrees(sample(station, **cells), station)


@pytest.mark.skipif(not SURVEYS.exists(), reason="surveys that cannot be shipped are absent")
@pytest.mark.parametrize(
    ("file", "names", "rows"),
    [
        ("meuse.csv", {"sample": "sample"}, 155),
        ("jura_prediction.csv", {"sample": "sample"}, 259),
        ("kola_ohorizon.csv", {"ID": "sample"}, 309),
        ("kola_chorizon.csv", {"ID": "sample"}, 303),
    ],
)
def test_whole_surveys_are_imported_and_judged_as_onenet_assess_judges_them(
    file: str, names: dict[str, str], rows: int, tmp_path: Path
) -> None:
    with (SURVEYS / file).open(encoding="utf-8") as source:
        table = csv.DictReader(source)
        head = [names.get(name, name) for name in table.fieldnames or []]
        lines = [head, *(list(row.values()) for row in table)]
    target = tmp_path / file
    with target.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(lines)
    ignore = "x y Xloc Yloc long lat Landuse Rock elev dist om ffreq soil lime landuse dist.m "
    ignore += "XCOO YCOO ELEV COUN"
    given_ = {"station": WORKS.id, "taken": "2026-05-01"}
    found = read_lab_file(target, by_id(), now=NOW, given=given_, ignore=ignore.split())
    assert found.problems == ()
    assert len(found.samples) == rows
    for zone in ("farmland", "construction-1"):
        for one in found.samples:
            agrees(one, WORKS.model_copy(update={"zone": zone}))


# Below detection


@given(st.decimals("0.001", "20", places=3))
def test_what_was_not_detected_counts_half_its_limit_and_never_nothing(limit: Decimal) -> None:
    found = soil(SCHOOL, as_=f"<{limit}")
    factor = found.worst_factor
    assert factor is not None
    assert abs(factor - limit / 2 / 20) <= Decimal("0.0005")
    whole = soil(SCHOOL, as_=str(limit)).worst_factor
    assert whole is not None
    assert factor <= whole


@given(metals, st.decimals("0.001", "500", places=3))
def test_a_non_detect_never_makes_a_sample_look_better_than_its_absence(
    found: dict[str, Decimal], limit: Decimal
) -> None:
    cells = {f"{item}_": str(content) for item, content in found.items() if item != "as"}
    without = soil(WORKS, **cells) if cells else None
    beside = soil(WORKS, **cells, as_=f"<{limit}")
    order = [None, "low", "between", "high"]
    if without is not None and without.risk is not None:
        assert order.index(beside.risk) >= order.index(without.risk)
    if limit > 60 and beside.risk != "high":
        assert (beside.valid, beside.reason, beside.undecided) == (False, "undecided", ("as",))


def test_a_limit_of_detection_above_the_screening_value_decides_nothing() -> None:
    low = soil(SCHOOL, as_="<20.1", pb="44")
    assert (low.risk, low.standing, low.valid, low.undecided) == ("low", None, False, ("as",))
    assert (low.nemerow, low.grade) == (None, None)
    between = soil(SCHOOL, as_="<20.1", pb="444")
    assert (between.standing, between.valid) == ("between", False)
    high = soil(SCHOOL, as_="<20.1", pb="844")
    assert (high.standing, high.valid, high.reason) == ("high", True, "")


# Why nothing is said


@pytest.mark.parametrize(
    ("station", "taken", "cells", "reason"),
    [
        (PADDY, "2026-05-01", {"cd": "0.2"}, "no_ph"),
        (PADDY, "2026-05-01", {"cd": "0.2", "ph": "<5"}, "no_ph"),
        (SCHOOL, "2018-07-31", {"cd": "0.2"}, "no_edition"),
        (SCHOOL, "2026-05-01", {"zn": "80", "ph": "7"}, "no_items"),
        (SCHOOL, "2026-05-01", {"as_": "<30"}, "undecided"),
        (SCHOOL.model_copy(update={"zone": "meadow"}), "2026-05-01", {"cd": "1"}, "no_land_use"),
        (SCHOOL.model_copy(update={"zone": None}), "2026-05-01", {"cd": "1"}, "no_land_use"),
    ],
)
def test_a_soil_that_cannot_be_judged_tells_why(
    station: Station, taken: str, cells: dict[str, str], reason: str
) -> None:
    found = soil(station, taken, **cells)
    assert (found.risk, found.standing, found.valid, found.reason) == (None, None, False, reason)


@pytest.mark.parametrize(
    ("station", "taken", "cells", "reason"),
    [
        (TAP, "2023-03-31", {"pb": "0.002"}, "no_edition"),
        (WELL, "2026-05-01", {"ba": "0.002"}, "no_items"),
        (TAP.model_copy(update={"kind": "outfall"}), "2026-05-01", {"pb": "1"}, "no_standard"),
    ],
)
def test_a_water_that_cannot_be_judged_tells_why(
    station: Station, taken: str, cells: dict[str, str], reason: str
) -> None:
    found = water_sample(sample(station, taken, **cells), station)
    assert (found.water_class, found.compliant, found.valid) == (None, None, False)
    assert found.reason == reason


# Waters


@pytest.mark.parametrize(
    ("station", "kind", "cells"),
    [
        (WELL, "groundwater", {"ph": "6.9", "mn": "0.4", "as_": "<0.0003", "cr6": "0.02"}),
        (RIVER, "water", {"ph": "7.2", "do": "6.1", "codmn": "7", "nh3n": "0.4", "hg": "<0.00004"}),
        (RIVER, "water", {"do": "7.1", "water_temperature": "24", "codmn": "1.9"}),
        (SEA, "sea", {"nitrate": "0.2", "nitrite": "0.01", "nh3n": "0.05", "do": "6.5"}),
    ],
)
def test_a_class_is_that_of_onenet_assess(
    station: Station, kind: str, cells: dict[str, str]
) -> None:
    one = sample(station, **cells)
    ours, row = water_sample(one, station), assessed(kind, row_of(one, station))
    assert row["error"] == ""
    assert ours.water_class == row["class"]
    assert ";".join(ours.deciding) == row["deciding"]
    assert (not ours.exceeding) == (row["meets_target"] == "true")


def test_drinking_water_complies_or_names_what_exceeds() -> None:
    kept = water_sample(sample(TAP, pb="0.01", turbidity="0.4"), TAP)
    assert (kept.compliant, dict(kept.exceeding)) == (True, {})
    over = water_sample(sample(TAP, pb="0.02", turbidity="0.4"), TAP)
    assert (over.compliant, dict(over.exceeding)) == (False, {"pb": Decimal(1)})
    chlorine = sample(TAP, free_chlorine="0.1")
    plant = TAP.model_copy(update={"kind": "plant"})
    assert water_sample(chlorine, TAP).compliant
    assert water_sample(chlorine, plant).compliant is False


def test_a_sample_goes_to_the_standard_of_its_medium() -> None:
    assert isinstance(assess_sample(sample(SCHOOL, pb="1"), SCHOOL), SoilAssessment)
    assert isinstance(assess_sample(sample(WELL, pb="1"), WELL), WaterSample)


# Plots


def test_of_several_samples_the_worst_decides_and_what_is_unsaid_makes_it_a_bound() -> None:
    low, between = soil(SCHOOL, pb="44"), soil(SCHOOL, pb="444")
    unsaid, high = soil(SCHOOL, as_="<30"), soil(SCHOOL, pb="844")
    assert worst([]) is None
    assert worst([low, between]) == between
    beside = worst([low, unsaid])
    assert beside is not None
    assert (beside.standing, beside.reason) == (None, "undecided")
    beside = worst([between, unsaid])
    assert beside is not None
    assert (beside.standing, beside.valid, beside.reason) == ("between", False, "undecided")
    assert worst([unsaid, high]) == high


def test_the_city_counts_each_plot_once_by_its_newest_day(registry: Registry) -> None:
    view = soil_view(registry=registry, now=NOW)
    plots = [s for s in STATIONS.values() if s.medium == "soil"]
    assert sum(count.plots for count in view.counts) == len(view.plots) == len(plots)
    by_use = Counter[str]()
    for use in view.by_land_use:
        by_use[use.land_use] += sum(count.plots for count in use.counts)
    assert by_use == Counter(station.zone for station in plots)
    newest: dict[str, list[Sample]] = {}
    for one in demo_samples():
        own = newest.setdefault(one.station, [])
        if own and one.day > own[0].day:
            own.clear()
        if not own or one.day == own[0].day:
            own.append(one)
    for plot in view.plots:
        own = [s for s in newest.get(plot.station.id, []) if s.medium == SampleMedium.SOIL]
        assert plot.verdict == worst(soil_sample(s, plot.station) for s in own)
        assert plot.day == (own[0].day if own else None)
    assert view.newest == max(one.day for own in newest.values() for one in own)
    assert view.newest_age_days == (date(2026, 11, 24) - date(2026, 9, 15)).days


def test_the_worst_plots_come_first_and_each_says_why(registry: Registry) -> None:
    view = soil_view(registry=registry, now=NOW)
    order = [plot.standing for plot in view.plots]
    assert order == sorted(order, key=("high", "between", "low", "none").index)
    assert view.plots[0].station.id == "st-plot-songgang-plating"
    assert view.plots[0].verdict is not None
    assert view.plots[0].verdict.deciding == ("cr6", "ni")
    assert {plot.standing for plot in view.worst} == {"high", "between"}
    reasons = {plot.station.id: plot.reason for plot in view.plots if plot.reason}
    assert reasons == {
        "st-plot-maluan-orchard": "no_ph",
        "st-plot-meisha-park": "no_samples",
    }


def test_a_district_and_a_use_of_land_can_be_looked_at_alone(registry: Registry) -> None:
    pingshan = soil_view(registry=registry, now=NOW, district="pingshan")
    assert {plot.station.district for plot in pingshan.plots} == {"pingshan"}
    assert len(pingshan.plots) == 3
    orchards = soil_view(registry=registry, now=NOW, land_use="orchard")
    assert {plot.station.zone for plot in orchards.plots} == {"orchard"}
    nothing = soil_view(registry=registry, now=NOW, district="luohu", land_use="paddy")
    assert (nothing.plots, nothing.newest, nothing.newest_age_days) == ((), None, None)


def test_the_past_knows_nothing_of_later_samples(registry: Registry) -> None:
    then = datetime(2023, 12, 31, 4, tzinfo=UTC)
    view = soil_view(registry=registry, now=then)
    assert view.newest == date(2023, 11, 14)
    before = soil_view(registry=registry, now=datetime(2020, 1, 1, tzinfo=UTC))
    assert {plot.reason for plot in before.plots} == {"no_samples"}
    assert {plot.standing for plot in before.plots} == {"none"}


def test_another_use_of_the_land_holds_at_once(registry: Registry) -> None:
    homes = WORKS.model_copy(update={"zone": "construction-1"})
    (before,) = [p for p in soil_view(registry=registry, now=NOW).plots if p.station == WORKS]
    registry.add(stations=[homes])
    (after,) = [p for p in soil_view(registry=registry, now=NOW).plots if p.station == homes]
    assert (before.standing, after.standing) == ("low", "high")


def test_a_corrected_result_holds_at_once(registry: Registry) -> None:
    (newest,) = find_samples(registry, stations=[SCHOOL.id], limit=1)
    corrected = newest.model_copy(
        update={"results": (Result(determinand="pb", value=Decimal(444), unit="mg/kg"),)}
    )
    add_samples(registry, [corrected], at=NOW)
    view = plot_view(SCHOOL.id, registry=registry, now=NOW)
    assert view is not None
    assert view.plot is not None
    assert view.plot.standing == "between"
    assert len(view.samples[0].earlier) == 1
    assert len(view.samples) == 3


def test_wells_are_counted_by_class_the_poorest_first(registry: Registry) -> None:
    view = groundwater_view(registry=registry, now=NOW)
    counts = {count.water_class: count.wells for count in view.counts}
    assert counts == {"I": 0, "II": 1, "III": 2, "IV": 2, "V": 2}
    assert view.without_class == 0
    assert [well.water_class for well in view.wells] == ["V", "V", "IV", "IV", "III", "III", "II"]
    early = groundwater_view(registry=registry, now=datetime(2024, 1, 1, tzinfo=UTC))
    assert early.without_class == 7


# One place


def test_a_plot_shows_every_sample_with_the_limits_that_it_was_held_against(
    registry: Registry,
) -> None:
    view = plot_view("st-plot-kengzi-vegetable", registry=registry, now=NOW)
    assert view is not None
    assert [one.sample.day.year for one in view.samples] == [2026, 2025, 2024, 2023]
    lead = next(h for h in view.history if h.determinand == "pb")
    assert [sample.day.year for sample, _ in lead.points] == [2023, 2024, 2025, 2026]
    screening = [step for step in lead.limits if step.kind == "screening"]
    assert {step.value for step in screening} == {Decimal(90)}
    taken = [one.taken for one, _ in lead.points]
    assert [step.end for step in screening] == [*taken[1:], NOW]
    with_limits = [bool(history.limits) for history in view.history]
    assert with_limits == sorted(with_limits, reverse=True)
    assert next(h for h in view.history if h.determinand == "ph").limits == ()


def test_two_depths_of_a_day_share_their_limits(registry: Registry) -> None:
    view = plot_view(WORKS.id, registry=registry, now=NOW)
    assert view is not None
    nickel = next(h for h in view.history if h.determinand == "ni")
    assert len(nickel.points) == 8
    assert [one.depth_from for one, _ in nickel.points][:2] == [0, 1.5]
    assert len([step for step in nickel.limits if step.kind == "intervention"]) == 4


def test_a_wells_limit_is_that_of_its_target_class(registry: Registry) -> None:
    view = plot_view(WELL.id, registry=registry, now=NOW)
    assert view is not None
    assert view.plot is None
    manganese = next(h for h in view.history if h.determinand == "mn")
    assert {(step.kind, step.of, step.value) for step in manganese.limits} == {
        ("class", "III", Decimal("0.10"))
    }


@pytest.mark.parametrize("name", ["nowhere", "st-noise-dongmen", "st-air-lianhua"])
def test_where_no_samples_are_taken_there_is_nothing_to_see(registry: Registry, name: str) -> None:
    assert plot_view(name, registry=registry, now=NOW) is None
