"""Verdicts as stored rows: what the views show is what a board reads, on a month with gaps."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from network import assess_days, assess_hours, rejudge_pending
from network.assessments import NoiseVerdict, classes_on, target_share
from network.verdict_rows import as_aggregates
from network.verdicts_air import FAMILIES, day_verdicts, touched_by
from network.verdicts_water import water_verdicts
from network.views import (
    CHOICES,
    basin_view,
    bay_view,
    calendar_view,
    city_board,
    ranking,
    station_view,
)
from network.views.air import air_view
from network.views.days import settled_day
from registry import Registry, migrate, open_registry
from registry.seed import demo_city, river_chiefs
from schemas import (
    CITY_TIME,
    FlaggedReading,
    Interval,
    Level,
    ParameterKey,
    Period,
    SensorId,
    indices,
    to_ms,
)
from schemas.observation import AGGREGATES
from standards import edition
from standards.aqi import items
from storage import Store, open_store

OpenStore = Callable[[str], Store]

# The edition of the air changes on 1 March 2026.
MONTH = Interval(
    datetime(2026, 2, 14, tzinfo=CITY_TIME).astimezone(UTC),
    datetime(2026, 3, 16, tzinfo=CITY_TIME).astimezone(UTC),
)
POLLUTANTS = ("pm25", "pm10", "so2", "no2", "co", "o3")
RIVER = ("water_temperature", "ph", "do", "codmn", "nh3n", "tp")
MEASURED = {
    "air-lianhua-1": POLLUTANTS,
    "air-cuizhu-1": POLLUTANTS,
    "air-minzhi-1": ("pm25", "pm10"),
    "noise-guiyuan-1": ("laeq",),
    "noise-dongmen-1": ("laeq",),
    "noise-huaqiangbei-1": ("laeq",),
}
# Some of each kind more, whatever the demo city calls them.
MORE = {"river": (RIVER, 4), "sea": (("ph", "do", "salinity"), 3)}
USUAL = {
    "pm25": 40.0,
    "pm10": 70.0,
    "so2": 10.0,
    "no2": 40.0,
    "co": 0.8,
    "o3": 110.0,
    "laeq": 53.0,
    "ph": 7.5,
    "do": 6.0,
    "codmn": 4.0,
    "nh3n": 1.0,
    "tp": 0.2,
    "water_temperature": 20.0,
    "salinity": 30.0,
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Some stations of each kind, each with one hourly sensor."""
    url = f"sqlite:///{tmp_path_factory.mktemp('few')}/few.db"
    migrate(url)
    registry = open_registry(url)
    places, enterprises, stations, sensors = demo_city()
    kind = {station.id: station.kind for station in stations}
    wanted = dict(MEASURED)
    for of, (parameters, count) in MORE.items():
        wanted |= {s.id: parameters for s in [s for s in sensors if kind[s.station] == of][:count]}
    kept = [
        sensor.model_copy(update={"parameters": wanted[sensor.id], "cadence_s": 3600})
        for sensor in sensors
        if sensor.id in wanted
    ]
    there = {sensor.station for sensor in kept}
    registry.add(
        chiefs=river_chiefs(),
        places=places,
        enterprises=enterprises,
        stations=[s for s in stations if s.id in there],
        sensors=kept,
    )
    return registry


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Store]:
    """The month as measured: single holes, days without a sensor, channels without values."""
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('month')}/o.db")
    rng = random.Random(5)
    readings = []
    for sensor in registry.sensors().values():
        silent = {rng.randrange(30) for _ in range(3)}
        days = [rng.choice((0.3, 0.7, 1.0, 1.5, 2.5)) for _ in range(30)]
        for n, hour in enumerate(MONTH.hours()):
            if n // 24 in silent or rng.random() < 0.02:
                continue
            values = {
                key: None if rng.random() < 0.02 else _value(key, days[n // 24], rng)
                for key in sensor.parameters
            }
            ts = to_ms(hour.start)
            readings.append(FlaggedReading(SensorId(sensor.id), ts, values, {}, ts))
    opened.write(readings)
    rejudge_pending(MONTH.end + timedelta(hours=7), store=opened, registry=registry)
    yield opened
    opened.close()


def _value(key: ParameterKey, factor: float, rng: random.Random) -> float:
    """A value of a better or worse day."""
    if key == "laeq":
        return round(rng.gauss(USUAL[key] + 3 * factor, 4), 1)
    return round(USUAL[key] * (factor * rng.uniform(0.8, 1.2)) ** (key != "ph"), 3)


Rows = dict[tuple[str, str, str, datetime], dict]


@pytest.fixture(scope="module")
def rows(store: Store) -> dict[Period, Rows]:
    """Every stored row of a period by level, subject, parameter and start."""
    wide = Interval(MONTH.start - timedelta(days=2), MONTH.end + timedelta(days=2))
    return {
        period: {
            (r["level"], r["subject"], r["parameter"], r["start"]): r
            for r in store.read_aggregates(wide, period=period).iter_rows(named=True)
        }
        for period in (Period.HOUR, Period.DAY, Period.DAYTIME, Period.NIGHT)
    }


def nows() -> list[datetime]:
    """Each morning, when the day and the night before are settled."""
    return [day.end + timedelta(hours=6, minutes=31) for day in MONTH.city_days()]


def same(row: dict | None, value: object, valid: bool | None = None) -> bool:
    """Whether a row holds what a view shows; no row = nothing was ever measured of it."""
    if row is None:
        return value is None
    kept = row["value"]
    equal = kept is None if value is None else kept == pytest.approx(float(str(value)), abs=1e-9)
    return bool(equal) and valid in (None, row["valid"]) and (row["valid"] != bool(row["reason"]))


def test_the_air_of_every_hour_is_stored_as_it_is_shown(
    store: Store, registry: Registry, rows: dict[Period, Rows]
) -> None:
    seen = {"valid": 0, "bound": 0, "editions": set()}
    stations = [("station", s.id) for s in registry.stations().values() if s.medium == "air"]
    for level, subject in (*stations, ("district", "luohu"), ("city", "city")):
        for day in MONTH.city_days():
            view = air_view(Level(level), subject, store=store, now=day.end)
            for point in view.hours:
                stored = rows[Period.HOUR].get((level, subject, "aqi", point.start))
                assert same(stored, point.aqi, point.valid if stored else None), point
                health = rows[Period.HOUR].get((level, subject, "aqhi", point.start))
                assert same(health, {"10+": "11"}.get(point.aqhi or "", point.aqhi)), point
            now = rows[Period.HOUR].get((level, subject, "aqi", view.now.start))
            if now is not None:
                assert (now["edition"], now["reason"]) == (view.now.edition, view.now.reason)
                assert now["count"] == len(view.now.means)
                seen["valid" if now["valid"] else "bound"] += 1
                seen["editions"].add(now["edition"])
            for item, index in view.now.items.items():
                key = (level, subject, f"iaqi_{item.partition('_')[0]}", view.now.start)
                if key in rows[Period.HOUR]:  # 2012: of a mean of 24 hours without this hour's row
                    assert same(rows[Period.HOUR][key], index)
            for parameter, mean in view.health.means.items():
                key = (level, subject, f"{parameter}_3h", view.health.start)
                assert same(rows[Period.HOUR].get(key), mean)
    assert seen["valid"] > 20
    assert seen["bound"] > 20
    assert seen["editions"] == {"HJ633-2012", "HJ633-2026"}


def test_places_are_ranked_by_the_rows_that_are_stored(
    store: Store, registry: Registry, rows: dict[Period, Rows]
) -> None:
    judged = 0
    for now in nows():
        table = ranking(store=store, registry=registry, now=now)
        day, night = settled_day(now), settled_day(now, Period.NIGHT)
        for level, lines in (("district", table.districts), ("subdistrict", table.subdistricts)):
            for line in lines:
                air = rows[Period.DAY].get((level, line.place, "aqi", day.start))
                assert same(air, line.air.aqi, line.air.valid if air else None)
                for item, index in line.air.items.items():
                    key = (level, line.place, f"iaqi_{item.partition('_')[0]}", day.start)
                    if not item.startswith("o3"):
                        assert same(rows[Period.DAY].get(key), index)
                for period, hour, rate in (
                    (Period.DAYTIME, 6, line.noise_day),
                    (Period.NIGHT, 22, line.noise_night),
                ):
                    key = (level, line.place, "noise_attained", night.start + timedelta(hours=hour))
                    kept = rows[period].get(key)
                    assert same(kept, rate.rate)
                    if kept is not None:
                        judged += rate.judged
                        assert kept["count"] == rate.judged
                        assert kept["expected"] == rate.judged + rate.without_data
    assert judged > 50


def test_the_calendar_shows_the_days_that_are_stored(
    store: Store, registry: Registry, rows: dict[Period, Rows]
) -> None:
    for level, subject in ((Level.CITY, "city"), (Level.DISTRICT, "futian")):
        for choice in CHOICES:
            view = calendar_view(
                choice, level, subject, store=store, now=nows()[-1], count=len(nows())
            )
            index = "aqi" if choice == "aqi" else f"iaqi_{choice}"
            for day in view.days:
                midnight = datetime.combine(day.day, datetime.min.time(), CITY_TIME)
                kept = rows[Period.DAY].get((str(level), subject, index, midnight))
                if choice == "o3" and kept is not None:
                    kept = rows[Period.DAY][(str(level), subject, "o3_8h_max", midnight)]
                    assert same(kept, day.value, day.valid)
                else:
                    assert same(kept, day.index)


def test_the_zones_of_the_city_are_stored_as_they_are_shown(
    store: Store, registry: Registry, rows: dict[Period, Rows]
) -> None:
    rates = set()
    for now in nows():
        board = city_board(store=store, registry=registry, now=now)
        day = settled_day(now, Period.NIGHT)
        parts = ((Period.DAYTIME, 6, "day"), (Period.NIGHT, 22, "night"))
        for period, hour, part in parts:
            start = day.start + timedelta(hours=hour)
            for zone in (None, *board.noise.zones):
                view = board.noise if zone is None else zone
                rate = getattr(view, part)
                index = "noise_attained" if zone is None else f"noise_attained_{zone.zone}"
                kept = rows[period].get(("city", "city", index, start))
                assert same(kept, rate.rate)
                assert kept is None or kept["count"] == rate.judged
                rates.add(rate.rate)
            for verdict in board.noise.verdicts:
                if verdict.part == part:
                    kept = rows[period].get(("station", verdict.station, "noise_attained", start))
                    assert same(kept, _kept(verdict), verdict.valid if kept else None)
    assert len(rates) > 3


def _kept(verdict: NoiseVerdict) -> Decimal | None:
    return None if verdict.ok is None else Decimal(100 * verdict.ok)


def test_sections_basins_and_bays_are_stored_as_they_are_shown(
    store: Store, registry: Registry, rows: dict[Period, Rows]
) -> None:
    seen = set()
    for now in nows():
        start = settled_day(now).start
        water = city_board(store=store, registry=registry, now=now).water

        def kept(level: str, subject: str, index: str, at: datetime = start) -> dict | None:
            return rows[Period.DAY].get((level, subject, index, at))

        for section in water.rivers:
            found = kept("station", section.station, "water_class")
            assert same(found, _rank(section.water_class), section.valid if found else None)
            seen.add(section.water_class)
        assert same(kept("city", "city", "water_good"), water.good.rate, water.good.valid)
        on_target = target_share(water.rivers)
        assert (on_target.holding, on_target.judged) == (water.on_target, water.with_target)
        assert same(kept("city", "city", "water_on_target"), on_target.rate, on_target.valid)
        for place in registry.places().values():
            if place.kind == "basin":
                basin = basin_view(place.id, store=store, registry=registry, now=now)
                assert basin is not None
                state = kept("basin", place.id, "water_state")
                states = list(edition("surface_water", on=basin.on).tables["states"])
                expected = basin.assessment.state
                assert same(state, None if expected is None else states.index(expected) + 1)
                mean = kept("basin", place.id, "water_class")
                assert same(mean, _rank(basin.assessment.water_class))
            elif place.kind == "bay":
                bay = bay_view(place.id, store=store, registry=registry, now=now)
                assert bay is not None
                assert same(kept("bay", place.id, "sea_good"), bay.assessment.good)
                worst = kept("bay", place.id, "sea_class")
                assert same(worst, _rank(bay.assessment.worst, sea=True))
    assert len(seen) > 3


def _rank(water_class: str | None, sea: bool = False) -> int | None:
    classes = classes_on(MONTH.start, "sea_water" if sea else "surface_water")
    return None if water_class is None else classes.index(water_class) + 1


def test_a_stations_page_speaks_of_the_same_rows(
    store: Store, registry: Registry, rows: dict[Period, Rows]
) -> None:
    view = station_view("st-air-lianhua", store=store, registry=registry, now=nows()[10])
    assert view is not None
    assert view.air is not None
    day = settled_day(nows()[10])
    kept = rows[Period.DAY][("station", "st-air-lianhua", "aqi", day.start)]
    assert same(kept, view.air.last_day.aqi, view.air.last_day.valid)


def test_judging_the_month_again_changes_nothing(store: Store, registry: Registry) -> None:
    wide = Interval(MONTH.start - timedelta(days=2), MONTH.end + timedelta(days=2))
    before = {period: store.read_aggregates(wide, period=period).rows() for period in Period}
    days = [Interval.city_day(MONTH.start - timedelta(hours=1)), *MONTH.city_days()]
    assert assess_days(days, store=store, registry=registry) > 0
    assert assess_hours(list(MONTH.hours()), store=store, registry=registry) > 0
    assert {p: store.read_aggregates(wide, period=p).rows() for p in Period} == before


def test_no_verdict_is_averaged_into_days_or_months(rows: dict[Period, Rows], store: Store) -> None:
    judged = {key[2] for key in rows[Period.DAY]} & set(indices())
    assert "aqi" in judged
    assert not {"aqhi", "o3_8h", "pm25_3h"} & judged, "only hours have these"
    months = store.read_aggregates(MONTH, period=Period.MONTH)
    assert not set(months["parameter"]) & set(indices())


# Single rules


def test_an_hour_is_touched_as_far_as_its_edition_looks_back() -> None:
    old = datetime(2026, 2, 20, 4, tzinfo=UTC)
    new = datetime(2026, 3, 20, 4, tzinfo=UTC)
    assert len(touched_by([old]).index) == 24, "HJ 633-2012: particulates of 24 hours"
    assert touched_by([new]).index == {new}
    assert touched_by([new]).health == {new + timedelta(hours=n) for n in range(3)}
    assert touched_by([new]).running[8] == {new + timedelta(hours=n) for n in range(8)}
    evening = datetime(2026, 2, 28, 12, tzinfo=UTC)  # 20:00 in the city, four hours before March
    assert len(touched_by([evening]).index) == 4


def test_before_the_first_edition_there_is_no_verdict() -> None:
    assert touched_by([datetime(2010, 1, 1, tzinfo=UTC)]).every == set()
    assert all(edition(family, on=MONTH.end.date()) for family in FAMILIES)


def test_every_item_of_every_edition_has_an_index_of_its_own() -> None:
    for named in ("HJ633-2012", "HJ633-2026"):
        standard = edition("aqi", named=named)
        for scale in ("daily", "hourly"):
            for item in items(standard, scale):
                assert f"iaqi_{item.partition('_')[0]}" in indices()
    for zone in edition("noise_quality", on=MONTH.end.date()).tables["zones"]:
        assert indices()[f"noise_attained_{zone}"].of == zone


DAY = Interval.city_day(datetime(2026, 2, 20, 4, tzinfo=UTC))


def aggregate(parameter: str, start: datetime, value: float, period: str = "day") -> tuple:
    head = ("station", "s", parameter, period, start)
    return (*head, value, value, value, 24, 24, 1.0, True, "", "mean", "HJ663-2013")


def test_ozone_is_judged_by_the_larger_of_its_two_items_in_2012() -> None:
    hours = [
        aggregate("o3", h.start, 170.0 if n < 20 else 900.0) for n, h in enumerate(DAY.hours())
    ]
    ozone = pl.DataFrame(hours, schema=AGGREGATES, orient="row")
    days = pl.DataFrame([aggregate("o3", DAY.start, 290.0)], schema=AGGREGATES, orient="row")
    found = as_aggregates(day_verdicts(days, ozone, [DAY], {}))
    items = {row["parameter"]: row for row in found.iter_rows(named=True)}
    assert items["iaqi_o3"]["value"] == 350, "900 as an hour: halfway from 300 to 400"
    assert items["o3_8h_max"]["value"] == 535
    assert (items["aqi"]["valid"], items["aqi"]["reason"]) == (False, "items_missing")
    assert (items["aqi"]["count"], items["aqi"]["expected"]) == (2, 7)


def test_a_basin_of_many_sections_has_a_state_and_no_class_of_a_mean() -> None:
    _, _, stations, _ = demo_city()
    river = next(s for s in stations if s.kind == "river")
    many = [river.model_copy(update={"id": f"s{n}"}) for n in range(5)]
    rows = [("station", s.id, *aggregate("nh3n", DAY.start, 0.4)[2:]) for s in many]
    daily = pl.DataFrame(rows, schema=AGGREGATES, orient="row")
    found = as_aggregates(water_verdicts(daily, many, {s.id: ("nh3n",) for s in many}, [DAY]))
    basin = {r["parameter"]: r for r in found.filter(level="basin").iter_rows(named=True)}
    assert (basin["water_state"]["value"], basin["water_state"]["valid"]) == (1, True)
    assert basin["water_class"]["value"] is None
    assert (basin["water_class"]["valid"], basin["water_class"]["reason"]) == (False, "by_shares")
    assert basin["water_good"]["value"] == 100
    assert set(found["method"]) == {"class", "share"}
