"""Read models: every number of a view can be worked out by hand from the rows beneath it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from network.views import city_board
from network.views.days import day_before, days_back, newest_hour, settled_day
from registry import Registry
from schemas import Interval, Level, Period
from schemas.observation import AGGREGATES
from storage import Store

NOW = datetime(2026, 11, 24, 2, 20, tzinfo=UTC)  # 10:20 in the city
TODAY = Interval.city_day(NOW)
YESTERDAY = day_before(TODAY)
CLEAN = {"so2": 10.0, "no2": 20.0, "co": 0.5, "o3": 60.0, "pm10": 40.0, "pm25": 20.0}


class Rows:
    """Aggregates written straight into the store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def write(
        self,
        level: Level,
        subject: str,
        period: Period,
        start: datetime,
        values: dict[str, float | None],
        count: int = 24,
    ) -> None:
        rows = [
            {
                "level": str(level),
                "subject": subject,
                "parameter": key,
                "period": str(period),
                "start": start,
                "value": value,
                "minimum": value,
                "maximum": value,
                "count": 0 if value is None else count,
                "expected": count,
                "completeness": 0.0 if value is None else 1.0,
                "valid": value is not None,
                "reason": "no_data" if value is None else "",
                "method": "mean",
            }
            for key, value in values.items()
        ]
        frame = pl.DataFrame(rows, schema=AGGREGATES, orient="row")
        self.store.write_aggregates(frame.with_columns(pl.col(pl.String).fill_null("")))

    def air(self, level: Level, subject: str, day: Interval, **values: float | None) -> None:
        """A whole day of air, every hour alike."""
        for hour in day.hours():
            self.write(level, subject, Period.HOUR, hour.start, {**CLEAN, **values})
        self.write(level, subject, Period.DAY, day.start, {**CLEAN, **values})

    def sound(self, station: str, day: Interval, ld: float | None, ln: float | None) -> None:
        at = {Period.DAYTIME: (6, ld, 16), Period.NIGHT: (22, ln, 8)}
        for period, (hour, value, count) in at.items():
            start = day.start + timedelta(hours=hour)
            self.write(Level.STATION, station, period, start, {"laeq": value}, count)

    def water(self, station: str, day: Interval, **values: float | None) -> None:
        self.write(Level.STATION, station, Period.DAY, day.start, dict(values))


RIVER = {"ph": 7.2, "do": 5.5, "codmn": 4.1, "nh3n": 0.9, "tp": 0.15}


@pytest.fixture
def store(open_store_at: Callable[[str], Store]) -> Store:
    return open_store_at("views")


@pytest.fixture
def rows(store: Store) -> Rows:
    return Rows(store)


def test_a_day_is_shown_half_an_hour_after_its_end() -> None:
    midnight = TODAY.start
    assert settled_day(midnight + timedelta(minutes=29)) == day_before(TODAY, 2)
    assert settled_day(midnight + timedelta(minutes=30)) == YESTERDAY
    assert settled_day(midnight + timedelta(hours=6, minutes=29), Period.NIGHT) == day_before(
        TODAY, 2
    )
    assert settled_day(midnight + timedelta(hours=6, minutes=30), Period.NIGHT) == YESTERDAY
    assert list(days_back(TODAY, 2)) == [YESTERDAY, TODAY]


def test_an_old_hour_is_not_taken_for_now(store: Store, rows: Rows) -> None:
    over = Interval.hour(NOW).start - timedelta(hours=1)
    for age, expected in ((1, over - timedelta(hours=1)), (5, over)):
        start = over - timedelta(hours=age)
        frame = pl.DataFrame({"start": [start]}, schema={"start": AGGREGATES["start"]})
        assert newest_hour(frame, NOW) == expected


def test_the_board_of_an_empty_network_says_so_and_shows_no_number(
    store: Store, registry: Registry
) -> None:
    board = city_board(store=store, registry=registry, now=NOW)
    assert (board.air.now.aqi, board.air.now.reason) == (None, "no_data")
    assert (board.air.health.aqhi, board.air.last_day.aqi) == (None, None)
    assert board.noise.day.rate is None
    assert board.noise.day.without_data == 12
    assert [count.sections for count in board.water.counts] == [0] * 6
    assert board.water.without_class == 8
    assert {bay.assessment.worst for bay in board.water.bays} == {None}
    assert board.water.with_target == 0


def test_the_board_shows_the_index_now_and_of_yesterday(
    store: Store, registry: Registry, rows: Rows
) -> None:
    rows.air(Level.CITY, "city", YESTERDAY, pm25=60.0)
    rows.air(Level.CITY, "city", TODAY)
    last = Interval.hour(NOW).start - timedelta(hours=1)
    rows.write(Level.CITY, "city", Period.HOUR, last, {**CLEAN, "o3": 200.0})
    air = city_board(store=store, registry=registry, now=NOW).air
    assert (air.now.start, air.now.aqi, air.now.primary) == (last, 100, ("o3_1h",))
    assert (air.last_day.aqi, air.last_day.primary) == (100, ("pm25",))
    assert len(air.hours) == 24
    assert (air.hours[-1].aqi, air.hours[-1].start) == (100, last)
    assert air.health.valid


def test_the_board_counts_zones_sections_and_bays_of_the_last_whole_day(
    store: Store, registry: Registry, rows: Rows
) -> None:
    rows.sound("st-noise-lianhua", YESTERDAY, 54.0, 46.0)  # zone 1: 55 and 45
    rows.sound("st-noise-nanao", YESTERDAY, 51.0, None)  # zone 0: 50 and 40
    rows.sound("st-noise-yuehai", YESTERDAY, 80.0, 80.0)  # a building site
    rows.water("st-river-gonghe", YESTERDAY, **RIVER)
    rows.water("st-river-loucun", YESTERDAY, **{**RIVER, "nh3n": 2.4})
    rows.water("st-river-xili", YESTERDAY, **{**RIVER, "tp": None})
    rows.water("st-sea-shenzhen-bay", YESTERDAY, ph=8.1, do=4.5)
    board = city_board(store=store, registry=registry, now=NOW)
    noise, water = board.noise, board.water
    assert noise.on.isoformat() == "2026-11-23"
    assert (noise.day.attaining, noise.day.judged, noise.day.without_data) == (1, 2, 10)
    assert (noise.night.attaining, noise.night.judged) == (0, 1)
    assert [zone.zone for zone in noise.zones] == ["0", "1", "2", "4a", "4b"]
    assert noise.day.rate == Decimal("50.0")
    assert {c.water_class: c.sections for c in water.counts if c.sections} == {
        "III": 2,
        "worse_than_V": 1,
    }
    assert (water.without_class, water.partial) == (5, 1)
    assert (water.on_target, water.with_target) == (1, 2)
    bays = {bay.bay: bay.assessment for bay in water.bays}
    assert (bays["shenzhen-bay"].worst, bays["shenzhen-bay"].valid) == ("III", True)
    assert bays["daya-bay"].worst is None
    assert water.bay_items == ("ph", "do")
