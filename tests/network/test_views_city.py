"""League table, rivers and bays, calendar, facilities and targets, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from network.views import (
    basin_view,
    bay_view,
    calendar_view,
    chiefs_view,
    city_air,
    facilities,
    ranking,
    targets,
)
from network.views.calendar import CalendarView
from network.views.days import day_before
from network.views.targets import plan
from network.views.waterways import places_along
from registry import Registry
from schemas import CITY_TIME, Interval, Level, Period, StationId
from schemas.registry import Place
from storage import Store
from tests.network.test_views import NOW, RIVER, YESTERDAY, Rows


@pytest.fixture
def store(open_store_at: Callable[[str], Store]) -> Store:
    return open_store_at("city-views")


@pytest.fixture
def rows(store: Store) -> Rows:
    return Rows(store)


def midnight(year: int, month: int, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=CITY_TIME).astimezone(UTC)


# The league table


def test_districts_are_ranked_by_valid_indices_only(
    store: Store, registry: Registry, rows: Rows
) -> None:
    before = day_before(YESTERDAY)
    rows.air(Level.DISTRICT, "futian", YESTERDAY, pm25=60.0)  # 100
    rows.air(Level.DISTRICT, "futian", before, pm25=35.0)  # ozone: 30; PM2.5: 50
    rows.air(Level.DISTRICT, "luohu", YESTERDAY, pm25=30.0)
    rows.air(Level.DISTRICT, "nanshan", YESTERDAY, pm25=30.0)
    rows.air(Level.DISTRICT, "baoan", YESTERDAY, no2=None)
    table = ranking(store=store, registry=registry, now=NOW)
    lines = {line.place: line for line in table.districts}
    assert len(lines) == 11
    assert (lines["luohu"].rank, lines["nanshan"].rank, lines["futian"].rank) == (1, 1, 3)
    assert (lines["futian"].air.aqi, lines["futian"].aqi_change) == (100, 50)
    assert (lines["futian"].pm25, lines["futian"].pm25_change) == (60, 25)
    assert (lines["luohu"].aqi_change, lines["luohu"].pm25_change) == (None, None)
    assert (lines["baoan"].rank, lines["baoan"].air.missing) == (None, ("no2",))
    assert [line.place for line in table.districts[:3]] == ["luohu", "nanshan", "futian"]
    assert lines["yantian"].rank is None
    assert table.air_on.isoformat() == "2026-11-23"


def test_sound_of_a_place_is_that_of_its_stations(
    store: Store, registry: Registry, rows: Rows
) -> None:
    rows.sound("st-noise-lianhua", YESTERDAY, 54.0, 46.0)  # Futian, Lianhua: 55, 45
    rows.sound("st-noise-huaqiangbei", YESTERDAY, 71.0, 54.0)  # Futian: 70, 55
    rows.sound("st-noise-huaqiangbei", day_before(YESTERDAY), 69.0, 54.0)
    table = ranking(store=store, registry=registry, now=NOW)
    futian = next(line for line in table.districts if line.place == "futian")
    lianhua = next(line for line in table.subdistricts if line.place == "lianhua")
    assert (futian.noise_day.rate, futian.noise_night.rate) == (Decimal("50.0"), Decimal("50.0"))
    assert futian.day_change == Decimal("-50.0")
    assert (lianhua.noise_day.attaining, lianhua.noise_day.judged) == (1, 1)
    assert lianhua.day_change is None


def test_a_month_stands_beside_the_one_before_and_that_of_the_year_before(
    store: Store, registry: Registry, rows: Rows
) -> None:
    months = {(2026, 10): 22.0, (2026, 9): 20.0, (2025, 10): 25.0}
    for (year, month), mean in months.items():
        start = midnight(year, month)
        rows.write(Level.DISTRICT, "futian", Period.MONTH, start, {"pm25": mean})
    rows.write(Level.DISTRICT, "luohu", Period.MONTH, midnight(2026, 10), {"pm25": 30.0})
    rows.write(Level.DISTRICT, "luohu", Period.MONTH, midnight(2026, 9), {"pm25": None})
    table = ranking(store=store, registry=registry, now=NOW)
    futian, luohu, yantian = (
        next(line.month for line in table.districts if line.place == name)
        for name in ("futian", "luohu", "yantian")
    )
    assert futian is not None
    assert (futian.month.isoformat(), futian.mean) == ("2026-10-01", Decimal("22.0"))
    assert (futian.on_month, futian.on_year) == (Decimal("10.0"), Decimal("-12.0"))
    assert luohu is not None
    assert (luohu.on_month, luohu.on_year) == (None, None)
    assert yantian is None


# The city's air and its points


def test_the_citys_air_names_the_points_that_make_it_and_shows_the_others_beside(
    store: Store, registry: Registry, rows: Rows
) -> None:
    rows.air(Level.STATION, "st-air-lianhua", YESTERDAY, pm25=30.0)
    rows.air(Level.STATION, "st-air-minzhi", YESTERDAY, pm25=60.0)
    rows.air(Level.CITY, "city", YESTERDAY, pm25=30.0)
    hour = Interval.hour(NOW - timedelta(hours=1)).start
    rows.write(Level.CITY, "city", Period.HOUR, hour, {"pm25": 31.0}, count=5)
    view = city_air(store=store, registry=registry, now=NOW)
    points = {line.station.id: line.air.means.get("pm25") for line in view.points}
    assert (view.grades, view.alike, len(points)) == (("national",), False, 6)
    assert points["st-air-lianhua"] == 30
    others = {line.station.id: line.air.means.get("pm25") for line in view.others}
    assert others["st-air-minzhi"] == 60
    assert others["st-micro-shekou"] is None
    assert len(others) == 12
    assert view.air.means["pm25"] == 30
    assert [(p.parameter, p.valid) for p in view.now] == [("pm25", 5)]


def test_a_city_without_points_says_that_all_stations_count(
    store: Store, registry: Registry
) -> None:
    registry.add(
        stations=[
            s.model_copy(update={"grade": "city"})
            for s in registry.stations().values()
            if s.grade == "national"
        ]
    )
    view = city_air(store=store, registry=registry, now=NOW)
    assert view.alike
    assert len(view.points) == 18
    assert view.others == ()
    assert view.air.aqi is None


# Rivers and bays


def test_a_basin_runs_from_the_headwater_to_its_bay(
    store: Store, registry: Registry, rows: Rows
) -> None:
    rows.water("st-river-loucun", YESTERDAY, **RIVER)
    rows.water("st-river-gonghe", YESTERDAY, **{**RIVER, "nh3n": 2.5})
    view = basin_view("maozhou", store=store, registry=registry, now=NOW)
    assert view is not None
    assert [s.station.id for s in view.sections] == ["st-river-loucun", "st-river-gonghe"]
    assert [s.water.water_class for s in view.sections] == ["III", "worse_than_V"]
    assert view.bay is not None
    assert (view.bay.id, view.order, view.without_km) == ("pearl-estuary", "river_km", ())
    assert view.chief is not None
    assert view.chief.id == "chief-maozhou"
    assert (view.assessment.by, view.assessment.water_class) == ("means", "V")
    assert {o.station.id for o in view.outfalls} == {
        "st-outfall-songgang-plating",
        "st-outfall-maozhou-wwtp",
    }
    away = basin_view("guanlan", store=store, registry=registry, now=NOW)
    assert away is not None
    assert (away.bay, away.order, away.sections[0].km) == (None, "river_km", None)
    assert away.assessment.state is None


def test_a_basin_with_a_place_without_kilometre_falls_back_and_says_so(
    store: Store, registry: Registry
) -> None:
    stations = registry.stations()
    lacking = stations[StationId("st-outfall-maozhou-wwtp")].model_copy(update={"river_km": None})
    away = stations[StationId("st-river-qiping")].model_copy(update={"river_km": None})
    registry.add(stations=[lacking, away])
    view = basin_view("maozhou", store=store, registry=registry, now=NOW)
    assert view is not None
    assert (view.order, view.without_km) == ("distance", ("st-outfall-maozhou-wwtp",))
    assert [s.station.id for s in view.sections] == ["st-river-loucun", "st-river-gonghe"]
    beyond = basin_view("guanlan", store=store, registry=registry, now=NOW)
    assert beyond is not None
    assert (beyond.order, beyond.without_km) == ("none", ("st-river-qiping",))


def test_the_kilometre_decides_where_the_straight_line_would_err(registry: Registry) -> None:
    # A river in a bow: its mouth lies further from the middle of the bay than a section above it.
    bay = registry.places()["pearl-estuary"]
    upper, lower = (registry.stations()[StationId(f"st-river-{n}")] for n in ("gonghe", "loucun"))
    bow = [
        upper.model_copy(update={"river_km": 4.0}),
        lower.model_copy(update={"river_km": 9.0}),
    ]
    assert [s.id for s in places_along(bow, "maozhou", bay).stations] == [upper.id, lower.id]
    plain = [s.model_copy(update={"river_km": None}) for s in bow]
    assert [s.id for s in places_along(plain, "maozhou", bay).stations] == [lower.id, upper.id]


def test_a_chief_answers_for_his_basin_or_for_his_sections(
    store: Store, registry: Registry, rows: Rows
) -> None:
    rows.water("st-river-loucun", YESTERDAY, **RIVER)
    rows.water("st-river-gonghe", YESTERDAY, **{**RIVER, "nh3n": 2.5})
    view = chiefs_view(store=store, registry=registry, now=NOW)
    lines = {line.chief.id: line for line in view.lines if line.chief is not None}
    whole, part = lines["chief-maozhou"], lines["chief-maozhou-baoan"]
    assert [s.station.id for s in whole.sections] == ["st-river-loucun", "st-river-gonghe"]
    assert (whole.on_target, whole.with_target, len(whole.outfalls)) == (1, 2, 2)
    assert [place.id for place in whole.basins] == ["maozhou"]
    assert [s.station.id for s in part.sections] == ["st-river-gonghe"]
    assert (part.on_target, part.with_target, part.basins) == (0, 1, ())
    assert all(line.chief is not None for line in view.lines), "the demo city's rivers have chiefs"
    registry.add(places=[registry.places()["maozhou"].model_copy(update={"chief": None})])
    left = registry.stations()[StationId("st-river-loucun")].model_copy(update={"chief": None})
    registry.add(stations=[left])
    nobody = chiefs_view(store=store, registry=registry, now=NOW).lines[-1]
    assert nobody.chief is None
    assert [s.station.id for s in nobody.sections] == ["st-river-loucun"]


@pytest.mark.parametrize("name", ["nowhere", "futian", "shenzhen-bay"])
def test_what_is_no_basin_has_no_view(store: Store, registry: Registry, name: str) -> None:
    assert basin_view(name, store=store, registry=registry, now=NOW) is None


def test_a_bay_has_its_stations_its_rivers_and_their_nitrogen(
    store: Store, registry: Registry, rows: Rows
) -> None:
    rows.water("st-sea-shenzhen-bay", YESTERDAY, ph=8.1, do=5.5)
    rows.water("st-river-shenzhen-river-mouth", YESTERDAY, **RIVER)
    for hour in YESTERDAY.hours():
        rows.write(
            Level.STATION,
            "st-river-shenzhen-river-mouth",
            Period.HOUR,
            hour.start,
            {"flow": 10.0, "tn": 5.0},
        )
    view = bay_view("shenzhen-bay", store=store, registry=registry, now=NOW)
    assert view is not None
    assert (view.assessment.worst, view.assessment.good) == ("II", Decimal("100.0"))
    rivers = {river.basin.id: river for river in view.rivers}
    assert set(rivers) == {"shenzhen-river", "dasha"}
    mouth = rivers["shenzhen-river"].mouth
    assert mouth is not None
    assert mouth.station.id == "st-river-shenzhen-river-mouth"
    carried = rivers["shenzhen-river"].load
    assert carried is not None
    assert carried.per_day == Decimal("4.32"), "10 m3/s of 5 mg/L for a day"
    assert (view.load.per_day, view.load.missing) == (Decimal("4.32"), ("dasha",))
    assert bay_view("maozhou", store=store, registry=registry, now=NOW) is None


# The calendar


def month(store: Store, parameter: str, count: int = 3) -> CalendarView:
    return calendar_view(parameter, Level.CITY, "city", store=store, now=NOW, count=count)


def test_a_calendar_has_every_day_be_it_with_data_or_without(store: Store, rows: Rows) -> None:
    rows.air(Level.CITY, "city", YESTERDAY, pm25=60.4)
    rows.air(Level.CITY, "city", day_before(YESTERDAY), co=None)
    empty, partly, whole = month(store, "aqi").days
    assert (empty.value, empty.category, empty.valid, empty.reason) == (
        None,
        None,
        False,
        "no_data",
    )
    assert (partly.value, partly.valid, partly.reason) == (40, False, "items_missing")
    assert (whole.value, whole.index, whole.valid) == (100, 100, True)
    assert whole.day.isoformat() == "2026-11-23"
    last = month(store, "pm25").days[-1]
    assert (last.value, last.index, last.valid) == (60, 100, True)
    ozone = month(store, "o3").days[-1]
    assert (ozone.value, ozone.index) == (60, 30)


def test_a_calendar_takes_only_what_has_an_index(store: Store) -> None:
    with pytest.raises(ValueError, match="laeq"):
        month(store, "laeq")


# Facilities


def test_a_facility_shows_its_hours_above_the_limit(
    store: Store, registry: Registry, rows: Rows
) -> None:
    noon = YESTERDAY.start + timedelta(hours=12)
    night = YESTERDAY.start + timedelta(hours=23)
    for start, level in ((noon, 73.4), (noon + timedelta(hours=1), 70.4), (night, 60.0)):
        rows.write(Level.STATION, "st-noise-yuehai", Period.HOUR, start, {"laeq": level})
    found = facilities(store=store, registry=registry, now=NOW)
    assert len(found) == 3
    first = found[0]
    assert first.station.id == "st-noise-yuehai"
    assert (first.day.hours, first.day.over, first.day.worst) == (2, 1, 3)
    assert (first.night.hours, first.night.over, first.night.worst) == (1, 1, 5)
    assert (first.edition, first.alerts, first.open_alerts) == ("GB12523-2025", {}, 0)
    assert found[1].day.hours == 0


# The plan's targets


def to_date(rows: Rows, mean: float | None) -> None:
    start = YESTERDAY.start
    rows.write(Level.CITY, "city", Period.YEAR_TO_DATE, start, {"pm25": mean}, count=320)


def test_the_year_so_far_stands_beside_its_target(
    store: Store, registry: Registry, rows: Rows
) -> None:
    to_date(rows, 19.0)
    pm25 = targets(store=store, registry=registry, now=NOW).pm25
    assert (pm25.mean, pm25.at_most, pm25.attains) == (Decimal("19.0"), 20, True)
    assert (pm25.days, pm25.gone_by, pm25.until.isoformat()) == (320, 327, "2026-11-23")
    assert pm25.rest == Decimal("28.6"), "(20 x 365 - 19 x 327) / 38"


@pytest.mark.parametrize(
    ("mean", "attains"), [(20.0, True), (20.3, None), (20.6, False), (None, None)]
)
def test_a_mean_that_hangs_on_a_decimal_is_left_open(
    store: Store, registry: Registry, rows: Rows, mean: float | None, attains: bool | None
) -> None:
    to_date(rows, mean)
    assert targets(store=store, registry=registry, now=NOW).pm25.attains is attains


def test_without_a_year_to_date_there_is_no_verdict(store: Store, registry: Registry) -> None:
    pm25 = targets(store=store, registry=registry, now=NOW).pm25
    assert (pm25.mean, pm25.attains, pm25.valid, pm25.reason) == (None, None, False, "no_data")


def test_rivers_to_the_sea_are_met_only_when_all_of_the_plan_are_known(
    store: Store, registry: Registry, rows: Rows
) -> None:
    def verdict(goals: dict | None = None) -> tuple[bool | None, int, tuple[str, ...]]:
        found = targets(store=store, registry=registry, now=NOW, goals=goals).rivers
        return found.attains, found.monitored, found.failing

    rows.water("st-river-shenzhen-river-mouth", YESTERDAY, **RIVER)
    rows.water("st-river-xili", YESTERDAY, **RIVER)
    assert verdict() == (None, 2, ()), "the mouth of the Maozhou is not known"
    rows.water("st-river-gonghe", YESTERDAY, **RIVER)
    assert verdict() == (None, 3, ()), "three rivers are not the 88 of the plan"
    rows.water("st-river-gonghe", YESTERDAY, **{**RIVER, "nh3n": 2.01})
    rows.water("st-river-xili", YESTERDAY, **{**RIVER, "tp": None})
    assert verdict() == (False, 2, ("maozhou",)), "one that fails is enough"
    smaller = {**plan(), "rivers_to_sea": {**plan()["rivers_to_sea"], "rivers": 3}}
    for station in ("st-river-gonghe", "st-river-xili"):
        rows.water(station, YESTERDAY, **RIVER)
    assert verdict(smaller) == (True, 3, ())


def test_a_bay_without_stations_and_rivers_is_shown_as_it_is(
    store: Store, registry: Registry
) -> None:
    registry.add(places=[Place(id="new-bay", zh="新湾", en="New Bay", kind="bay")])
    view = bay_view("new-bay", store=store, registry=registry, now=NOW)
    assert view is not None
    assert (view.stations, view.rivers, view.assessment.worst) == ((), (), None)
    assert view.load.per_day is None
