"""The lines of a station's charts: which limit holds, by zone, hour and edition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from network.views.limits import limits_of
from registry import Registry
from schemas import Interval, StationId
from schemas.registry import Station

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
WINDOW = Interval(NOON, NOON + timedelta(hours=24))


@pytest.fixture
def stations(registry: Registry) -> dict[str, Station]:
    return {str(key): station for key, station in registry.stations().items()}


def values(station: Station, parameter: str, window: Interval = WINDOW) -> list:
    return [(float(s.value), s.edition) for s in limits_of(station, parameter, window)]


def test_noise_has_the_limit_of_its_zone_by_day_and_by_night(stations: dict) -> None:
    by_day, by_night, again = limits_of(stations["st-noise-lianhua"], "laeq", WINDOW)
    assert (by_day.value, by_night.value, again.value) == (55, 45, 55)
    assert by_day.start == NOON
    assert by_day.end == by_night.start == NOON + timedelta(hours=10), "22:00 in the city"
    assert by_night.end == again.start == NOON + timedelta(hours=18), "06:00 in the city"
    assert (by_day.basis, by_day.of, by_day.edition) == ("zone", "1", "GB3096-2008")
    assert values(stations["st-noise-lianhua"], "lmax") == []


def test_a_building_site_has_the_limits_of_sites_by_the_edition_of_the_day(stations: dict) -> None:
    site = stations["st-noise-shajing"]
    assert values(site, "laeq")[0] == (70, "GB12523-2025")
    year_before = Interval(NOON - timedelta(days=365), NOON - timedelta(days=364))
    assert values(site, "laeq", year_before)[0] == (70, "GB12523-2011")


def test_an_enterprises_own_station_has_the_limits_of_its_boundary(stations: dict) -> None:
    own = {"kind": "boundary", "grade": "enterprise", "enterprise": "songgang-plating"}
    by_day, by_night, _ = limits_of(
        stations["st-noise-shajing"].model_copy(update={**own, "zone": "3"}), "laeq", WINDOW
    )
    assert (by_day.value, by_night.value) == (65, 55)
    assert (by_day.basis, by_day.of, by_day.edition) == ("boundary", "3", "GB12348-2008")
    beside_a_road = stations["st-noise-shajing"].model_copy(update={**own, "zone": "4a"})
    assert values(beside_a_road, "laeq")[0] == (70, "GB12348-2008"), "class 4 of the boundary"
    unplaced = stations["st-noise-shajing"].model_copy(update={**own, "zone": None})
    assert values(unplaced, "laeq") == []


def test_air_has_the_limit_of_its_class_for_the_shortest_mean(stations: dict) -> None:
    assert values(stations["st-air-lianhua"], "o3") == [(200, "GB3095-2026")]
    assert values(stations["st-air-meisha"], "o3") == [(160, "GB3095-2026")]
    (particles,) = limits_of(stations["st-air-lianhua"], "pm25", WINDOW)
    assert (particles.value, particles.of) == (60, "24h")
    assert values(stations["st-air-lianhua"], "humidity") == []


def test_a_change_of_editions_within_the_window_gives_both(stations: dict) -> None:
    change = datetime(2026, 2, 28, 16, tzinfo=UTC)  # midnight in the city
    window = Interval(change - timedelta(hours=3), change + timedelta(hours=3))
    before, after = limits_of(stations["st-air-lianhua"], "pm25", window)
    assert (before.value, before.end, after.value) == (75, change, 60)


def test_water_has_the_limits_of_its_target_class(stations: dict) -> None:
    river = stations["st-river-loucun"]
    low, high = limits_of(river, "ph", WINDOW)
    assert (low.value, low.lower, high.value, high.lower) == (6, True, 9, False)
    assert values(river, "nh3n") == [(1.5, "GB3838-2002")]
    (oxygen,) = limits_of(river, "do", WINDOW)
    assert (oxygen.value, oxygen.lower, oxygen.of) == (3, True, "IV")
    assert values(stations["st-sea-dapeng-bay"], "do") == [(5, "GB3097-1997")]


@pytest.mark.parametrize("station", ["st-outfall-maozhou-wwtp", "st-soil-lianhua"])
def test_what_no_standard_limits_has_no_line(stations: dict, station: str) -> None:
    assert values(stations[StationId(station)], "ph") == []
