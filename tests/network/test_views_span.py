"""Months and years as a report speaks of them: every number by hand from the rows beneath it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from alerts import alerts_in
from network.periods import month_of, year_of, year_to
from network.views.air_span import AirSpan, air_span
from network.views.alerts_span import alert_span
from network.views.months import months_of
from network.views.noise_span import noise_span
from network.views.owners_span import compared, loud
from network.views.quality_span import quality_span
from network.views.soil_span import soil_span
from network.views.spans import Reported, month_reported, year_reported
from network.views.water_span import water_span
from registry import Registry
from schemas import FlaggedReading, Interval, Level, ParameterKey, Period, SensorId, to_ms
from storage import Store
from tests.network.alerted import add_alert
from tests.network.test_views import RIVER, Rows
from tests.network.test_views import rows as rows
from tests.network.test_views import store as store

OCTOBER = Reported("month", month_of(date(2026, 10, 1)))
FEBRUARY = Reported("month", month_of(date(2026, 2, 1)))
NOW = datetime(2026, 11, 24, 2, 20, tzinfo=UTC)  # 10:20 in the city


def air(store: Store, span: Reported = OCTOBER) -> AirSpan:
    return air_span(Level.CITY, "city", span, store=store)


def fill_air(rows: Rows, span: Reported, days: int | None = None, **values: float | None) -> None:
    for day in span.days[:days]:
        rows.air(Level.CITY, "city", day, **values)


def month_row(rows: Rows, span: Reported, values: dict[str, float | None]) -> None:
    rows.write(Level.CITY, "city", Period.MONTH, span.reach.start, values, count=len(span.days))


# What is reported


def test_a_month_is_reported_when_it_is_over() -> None:
    assert month_reported(date(2026, 10, 17), NOW).span == OCTOBER.span
    with pytest.raises(ValueError, match=r"2026-11 is not over.*2026-12-01 00:30"):
        month_reported(date(2026, 11, 1), NOW)
    assert OCTOBER.before == Reported("month", month_of(date(2026, 9, 1)))
    assert OCTOBER.year_before == Reported("month", month_of(date(2025, 10, 1)))


def test_a_running_year_is_reported_up_to_its_last_settled_day() -> None:
    running = year_reported(2026, NOW)
    assert (running.kind, running.first, running.last) == (
        "year_to_date",
        date(2026, 1, 1),
        date(2026, 11, 23),
    )
    assert running.row == Interval.city_day(datetime(2026, 11, 23, 4, tzinfo=UTC))
    assert running.year_before.span == year_to(date(2025, 11, 23))
    assert year_reported(2025, NOW).kind == "year"
    for year in (2027, 2030):
        with pytest.raises(ValueError, match="no day yet"):
            year_reported(year, NOW)


def test_a_leap_day_is_compared_with_the_day_before_it() -> None:
    leap = Reported("year_to_date", year_to(date(2024, 2, 29)))
    assert leap.year_before.last == date(2023, 2, 28)


# Air


def test_days_are_counted_by_category_and_the_rate_is_of_those_judged(
    store: Store, rows: Rows
) -> None:
    fill_air(rows, OCTOBER)
    for day, value in zip(OCTOBER.days, (40.0, 80.0, 130.0), strict=False):
        rows.air(Level.CITY, "city", day, pm25=value)
    rows.air(Level.CITY, "city", OCTOBER.days[30], co=None)
    found = air(store)
    counts = {category.en: days for category, days in found.by_day.counts if days}
    assert counts == {
        "excellent": 27,
        "good": 1,
        "lightly polluted": 1,
        "moderately polluted": 1,
    }
    days = found.by_day
    assert (days.judged, days.bounds, days.without, days.good) == (30, 1, 0, 28)
    assert (days.good_rate, days.valid) == (Decimal("93.3"), True)
    assert found.primary == (("pm25", 3),)
    assert found.worst is not None
    assert (found.worst.start, found.worst.aqi) == (OCTOBER.days[2].start, found.worst.aqi)
    assert found.by_edition == ()


def test_too_few_days_make_an_invalid_rate_which_is_still_shown(store: Store, rows: Rows) -> None:
    fill_air(rows, OCTOBER, days=26)
    days = air(store).by_day
    assert (days.judged, days.without, days.good_rate) == (26, 5, Decimal("100.0"))
    assert (days.valid, days.reason) == (False, "incomplete")


def test_a_month_without_data_says_so_of_every_number(store: Store) -> None:
    found = air(store)
    assert (found.by_day.good_rate, found.by_day.reason) == (None, "no_data")
    assert found.worst is None
    assert {(p.value, p.valid, p.reason, p.highest) for p in found.pollutants} == {
        (None, False, "no_data", None)
    }


def test_a_mean_is_that_of_the_month_rows_and_its_changes_those_of_the_ranking(
    store: Store, rows: Rows
) -> None:
    fill_air(rows, OCTOBER)
    rows.air(Level.CITY, "city", OCTOBER.days[4], pm25=61.0)
    assert OCTOBER.before is not None
    for span, mean in ((OCTOBER, 22.0), (OCTOBER.before, 20.0), (OCTOBER.year_before, 25.0)):
        month_row(rows, span, {"pm25": mean})
    pm25 = next(p for p in air(store).pollutants if p.parameter == "pm25")
    ranked = months_of("pm25", Level.CITY, ["city"], store=store, now=OCTOBER.settled)["city"]
    assert (pm25.value, pm25.on_before, pm25.on_year) == (
        Decimal("22.0"),
        Decimal("10.0"),
        Decimal("-12.0"),
    )
    assert (ranked.mean, ranked.on_month, ranked.on_year) == (
        pm25.value,
        pm25.on_before,
        pm25.on_year,
    )
    assert (pm25.days, pm25.over, pm25.highest, pm25.highest_on) == (
        31,
        1,
        Decimal("61.0"),
        date(2026, 10, 5),
    )
    assert [(first, limit.value) for first, limit in pm25.limits] == [(date(2026, 10, 1), 60)]


def test_ozone_and_co_are_shown_by_their_percentile(store: Store, rows: Rows) -> None:
    for at, day in enumerate(OCTOBER.days):
        rows.air(Level.CITY, "city", day, o3=100.0 + at, co=1.0)
    found = {p.parameter: p for p in air(store).pollutants}
    ozone, co = found["o3"], found["co"]
    assert (ozone.percent, ozone.value, ozone.valid) == (90, Decimal("127.0"), True)
    assert (ozone.limits[0][1].value, ozone.over) == (Decimal(160), 0)
    assert (co.percent, co.value, co.days) == (95, Decimal("1.0"), 31)
    assert found["pm25"].percent is None


def test_a_year_over_a_change_of_edition_is_counted_under_both(store: Store, rows: Rows) -> None:
    year = Reported("year_to_date", year_to(date(2026, 3, 31)))
    fill_air(rows, year, pm25=62.0)
    found = air(store, year)
    assert {day.edition for day in found.days} == {"HJ633-2012", "HJ633-2026"}
    assert [days.edition for days in found.by_edition] == ["HJ633-2012", "HJ633-2026"]
    by_old, by_new = found.by_edition
    assert (by_old.good, by_old.judged) == (90, 90), "62 is good up to 75"
    assert (by_new.good, by_new.judged) == (0, 90), "and above 60 no more"
    assert found.by_day.good == 59, "each day by its own edition"
    pm25 = next(p for p in found.pollutants if p.parameter == "pm25")
    assert [(first, limit.edition, limit.value) for first, limit in pm25.limits] == [
        (date(2026, 1, 1), "GB3095-2012", 75),
        (date(2026, 3, 1), "GB3095-2026", 60),
    ]
    assert pm25.over == 31


def test_a_month_beside_the_change_has_one_edition(store: Store, rows: Rows) -> None:
    fill_air(rows, FEBRUARY)
    found = air(store, FEBRUARY)
    assert found.by_edition == ()
    assert found.by_day.valid, "25 of 28 days are enough in February"


def test_a_whole_year_is_assessed_by_every_edition_that_held_in_it(
    store: Store, rows: Rows
) -> None:
    year = Reported("year", year_of(date(2026, 1, 1)))
    frames = []
    for day in year.days:
        frames.append(day.start)
    rows.store.write_aggregates(_days_of(frames, "pm25", 32.0))
    found = [y for y in air(store, year).years if y.parameter == "pm25"]
    assert [(y.edition, y.attains) for y in found] == [
        ("GB3095-2012", True),
        ("GB3095-2026", False),
    ]


def _days_of(starts: list[datetime], parameter: str, value: float) -> pl.DataFrame:
    from schemas.observation import AGGREGATES

    return pl.DataFrame(
        [
            {
                "level": "city",
                "subject": "city",
                "parameter": parameter,
                "period": "day",
                "start": start,
                "value": value,
                "minimum": value,
                "maximum": value,
                "count": 24,
                "expected": 24,
                "completeness": 1.0,
                "valid": True,
                "reason": "",
                "method": "mean",
                "edition": "",
            }
            for start in starts
        ],
        schema=AGGREGATES,
    )


# Sound


def test_attainment_counts_station_days_and_names_the_stations_above(
    store: Store, registry: Registry, rows: Rows
) -> None:
    for at, day in enumerate(OCTOBER.days[:4]):
        rows.sound("st-noise-lianhua", day, 54.0 + at, 44.0)  # zone 1: 55 and 45
        rows.sound("st-noise-nanao", day, 49.0, None)  # zone 0: 50 and 40
    rows.write(
        Level.STATION,
        "st-noise-lianhua",
        Period.MONTH_DAYTIME,
        OCTOBER.reach.start,
        {"laeq": 55.66},
    )
    found = noise_span(registry.stations().values(), OCTOBER, store=store)
    assert (found.day.attaining, found.day.judged, found.day.rate) == (6, 8, Decimal("75.0"))
    assert (found.night.attaining, found.night.judged) == (4, 4)
    assert found.day.without_data == 12 * 31 - 8
    assert [zone.zone for zone in found.zones] == ["0", "1", "2", "4a", "4b"]
    (loud_one,) = found.over
    assert (loud_one.station.id, loud_one.part, loud_one.over, loud_one.judged) == (
        "st-noise-lianhua",
        "day",
        2,
        4,
    )
    assert (loud_one.worst, loud_one.limit, loud_one.level) == (57, 55, Decimal("55.7"))
    assert found.before is not None
    assert found.before[0].rate is None


# Water


def test_a_section_has_the_class_of_its_months_means(
    store: Store, registry: Registry, rows: Rows
) -> None:
    def month(station: str, span: Reported, **values: float | None) -> None:
        rows.write(Level.STATION, station, Period.MONTH, span.reach.start, dict(values), count=31)

    assert OCTOBER.before is not None
    month("st-river-gonghe", OCTOBER, **RIVER)
    month("st-river-gonghe", OCTOBER.before, **{**RIVER, "nh3n": 2.4})
    month("st-river-xili", OCTOBER, **{**RIVER, "nh3n": 1.8})
    month("st-sea-shenzhen-bay", OCTOBER, ph=8.1, do=4.5)
    found = water_span(registry.stations().values(), OCTOBER, store=store, registry=registry)
    sections = {each.station.id: each for each in found.sections}
    gonghe, xili = sections["st-river-gonghe"], sections["st-river-xili"]
    assert (gonghe.water.water_class, gonghe.before, gonghe.year_before) == (
        "III",
        "worse_than_V",
        None,
    )
    assert (xili.water.water_class, xili.water.deciding, xili.water.meets_target) == (
        "V",
        ("nh3n",),
        False,
    )
    assert xili.water.exceeding == {"nh3n": Decimal("0.20")}
    assert {c.water_class: c.sections for c in found.counts if c.sections} == {"III": 1, "V": 1}
    assert (found.on_target.holding, found.on_target.judged, found.on_target.without) == (1, 2, 6)
    assert (found.sea.good, found.sea.judged, found.sea.without_class) == (Decimal("0.0"), 1, 4)
    assert {bay.bay for bay in found.bays} >= {"shenzhen-bay", "daya-bay"}
    empty = water_span([], OCTOBER, store=store, registry=registry)
    assert (empty.sections, empty.good.rate, empty.bays) == ((), None, ())


# Soil, enterprises


def test_soil_is_shown_as_its_sensors_measured_it(
    store: Store, registry: Registry, rows: Rows
) -> None:
    rows.write(
        Level.STATION,
        "st-soil-lianhua",
        Period.MONTH,
        OCTOBER.reach.start,
        {"soil_moisture": 21.26, "soil_temperature": None},
        count=30,
    )
    moisture, temperature = soil_span(registry.stations().values(), OCTOBER, store=store)
    assert (moisture.parameter, moisture.days, moisture.valid) == ("soil_moisture", 30, True)
    assert (temperature.value, temperature.reason) == (None, "no_data")


def test_what_enterprises_measure_stands_beside_what_the_government_measures(
    store: Store, registry: Registry, rows: Rows
) -> None:
    for station, value in (
        ("st-river-gonghe", 1.2),
        ("st-river-loucun", 0.8),
        ("st-outfall-songgang-plating", 3.0),
    ):
        rows.write(
            Level.STATION, station, Period.MONTH, OCTOBER.reach.start, {"nh3n": value}, count=31
        )
    stations = registry.stations().values()
    (both,) = compared(stations, OCTOBER, store=store, areas=None)
    assert (both.level, both.subject, both.parameter) == ("basin", "maozhou", "nh3n")
    assert (both.government, both.government_stations) == (Decimal("1.00"), 2)
    assert (both.enterprise, both.difference, both.ratio) == (
        Decimal("3.00"),
        Decimal("2.00"),
        Decimal("3.00"),
    )
    assert compared(stations, OCTOBER, store=store, areas=["guanlan"]) == ()


def test_hours_above_the_boundary_limit_are_those_of_the_month(
    store: Store, registry: Registry, rows: Rows
) -> None:
    noon = OCTOBER.reach.start + timedelta(hours=12)
    for start in (noon, OCTOBER.reach.start - timedelta(hours=12)):
        rows.write(Level.STATION, "st-noise-yuehai", Period.HOUR, start, {"laeq": 73.4})
    first, *_ = loud(registry.stations().values(), OCTOBER, store=store)
    assert (first.station.id, first.day.hours, first.over, first.day.worst) == (
        "st-noise-yuehai",
        1,
        1,
        3,
    )


# Data and alerts


def test_completeness_is_of_the_hours_that_the_sensors_in_use_should_have(
    store: Store, registry: Registry, rows: Rows
) -> None:
    sensor = registry.sensors()[SensorId("noise-dongmen-1")]
    for day in OCTOBER.days[:2]:
        rows.write(Level.SENSOR, sensor.id, Period.DAY, day.start, {"laeq": 60.0}, count=12)
    at = to_ms(OCTOBER.reach.start)
    reading = FlaggedReading(sensor.id, at, {ParameterKey("laeq"): 60.0}, {}, at)
    store.write([reading])
    store.write([reading])
    here = [s for s in registry.stations().values() if s.id == sensor.station]
    found = quality_span(here, OCTOBER, store=store, registry=registry)
    (noise,) = found.media
    assert (noise.sensors, noise.hours) == (1, 24)
    assert noise.expected == 31 * 24 * len(sensor.parameters)
    account = found.account
    assert (account.received, account.stored, account.duplicate, account.difference) == (2, 1, 1, 0)
    assert quality_span([], OCTOBER, store=store, registry=registry).media == ()


def test_alerts_are_those_that_began_in_the_span_as_they_stood_at_its_end(
    registry: Registry,
) -> None:
    begin, end, hour = OCTOBER.reach.start, OCTOBER.reach.end, timedelta(hours=1)
    first, second, third = begin, begin + timedelta(days=3), end - hour
    sensor = {"sensor": "noise-dongmen-1"}
    add_alert(
        registry,
        **sensor,
        severity="blue",
        started=first,
        ended=first + hour,
        acknowledged=first + hour / 2,
        closed=first + 2 * hour,
    )
    add_alert(
        registry,
        **sensor,
        severity="red",
        started=second,
        ended=second + 4 * hour,
        acknowledged=second + hour,
        dispatched=second + hour,
    )
    add_alert(registry, **sensor, severity="blue", started=third, ended=end + 3 * hour)
    add_alert(registry, **sensor, severity="red", started=end)
    add_alert(
        registry,
        sensor="noise-lianhua-1",
        severity="red",
        started=first,
        certain=None,
        subject="never-certain",
    )
    found = alert_span(OCTOBER, registry=registry)
    assert [alert.id for alert in alerts_in(registry, OCTOBER.reach)] == [1, 2, 3]
    assert [(s.severity, s.alerts, s.ended, s.closed) for s in found.severities] == [
        ("red", 1, 1, 0),
        ("orange", 0, 0, 0),
        ("yellow", 0, 0, 0),
        ("blue", 2, 1, 1),
    ]
    assert (found.median, found.longest) == (2.5 * hour, 4 * hour)
    assert [(r.step, r.alerts, r.median, r.longest) for r in found.responses] == [
        ("acknowledged", 2, 0.75 * hour, hour),
        ("dispatched", 1, hour, hour),
        ("arrived", 0, None, None),
        ("closed", 1, 2 * hour, 2 * hour),
    ]
    assert found.stations == (("st-noise-dongmen", 3),)
    assert alert_span(OCTOBER, registry=registry, district="futian").alerts == ()


def test_an_alert_of_a_district_as_a_whole_belongs_to_it(registry: Registry) -> None:
    begin = OCTOBER.reach.start
    add_alert(
        registry,
        sensor="noise-dongmen-1",
        severity="orange",
        started=begin,
        subject="luohu",
        station=None,
        kind="network",
    )
    found = alert_span(OCTOBER, registry=registry, district="luohu")
    assert (len(found.alerts), found.stations) == (1, ())
