"""The averaged lane against a real store and registry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import polars as pl
import pytest

from alerts import alert_events, alerts, judge_hours, open_alerts
from registry import Registry
from registry.maintenance import begin_maintenance
from registry.permits import set_permits
from schemas import FlaggedReading, Interval, Period, SensorId, to_ms
from schemas.alerts import AlertState, Kind, Outcome, PermitLimit
from schemas.observation import AGGREGATES
from storage import Store
from tests.alerts.conftest import NIGHT, NOON, ROAD, Hands, made_rule, shipped

EARLY = shipped("noise-early")  # 55 dB(A) at night over 20 min, back by 2 dB; closes by itself
HOURLY = shipped("noise-hour")


def log(registry: Registry, number: int = 1) -> list[str]:
    return [event.move for event in alert_events(registry, number)]


def test_an_alert_waits_opens_once_and_closes_with_an_early_warning_s_breach(hands: Hands) -> None:
    hands.measure(50, range(20))
    assert hands.judge(20, EARLY).moves == {}
    hands.measure(60, range(20, 40))
    assert hands.judge(39, EARLY).moves == {"suspect": 1}, "the second window has not ended"
    assert alerts(hands.registry) == [], "it is not certain, so nobody is told"
    assert hands.judge(40, EARLY).moves == {"open": 1}
    assert hands.judge(40, EARLY).moves == {}, "judging again changes nothing"
    hands.measure(66, range(40, 50))
    assert hands.judge(50, EARLY).moves == {}
    hands.measure(54, range(50, 60))
    assert hands.judge(60, EARLY).moves == {}, "not back by the hysteresis yet"
    hands.measure(50, range(60, 70))
    assert hands.judge(70, EARLY).moves == {"recover_and_close": 1}
    assert hands.judge(71, EARLY).moves == {}
    (alert,) = alerts(hands.registry)
    assert (alert.state, alert.outcome) == (AlertState.CLOSED, Outcome.RECOVERED)
    assert (alert.started, alert.ended) == (hands.at(20), hands.at(60))
    assert (alert.peak, alert.peak_at, alert.last) == (66.0, hands.at(40), 50.0)
    assert (alert.limit, alert.basis) == (55.0, "GB 3096-2008, 5.1, table 1 (4a类, night)")
    assert log(hands.registry) == ["suspect", "open", "recover_and_close"]


def test_an_exceedance_stays_for_people_when_its_breach_is_over(hands: Hands) -> None:
    hands.measure(60, range(60))
    assert hands.judge(60, HOURLY).moves == {"open": 1}
    hands.measure(50, range(60, 120))
    assert hands.judge(120, HOURLY).moves == {"recover": 1}
    (alert,) = open_alerts(hands.registry)
    assert alert.ended == hands.at(60)


def test_a_suspicion_that_does_not_last_is_no_alert(hands: Hands) -> None:
    hands.measure(60, range(10))
    assert hands.judge(10, EARLY).moves == {"suspect": 1}
    hands.measure(50, range(10, 20))
    assert hands.judge(20, EARLY).moves == {"lapse": 1}
    assert hands.judge(20, EARLY).moves == {}
    assert alerts(hands.registry) == []
    assert hands.judge(21, EARLY).moves == {}


def test_a_graver_peak_is_an_event(hands: Hands) -> None:
    hands.measure(57, range(60))
    hands.judge(60, HOURLY)
    hands.measure(66, range(60, 120))
    assert hands.judge(120, HOURLY).moves == {"graver": 1}
    assert open_alerts(hands.registry)[0].severity == "red", "11 dB beyond the limit"


def test_a_long_breach_stays_one_alert(hands: Hands) -> None:
    hands.measure(60, range(7 * 60))
    for minute in range(30, 7 * 60, 45):
        hands.judge(minute, EARLY)
    (alert,) = alerts(hands.registry)
    assert alert.started == NIGHT


def test_suspect_values_open_nothing_and_silence_closes_nothing(hands: Hands) -> None:
    hands.measure(90, range(40), quality=33)
    assert hands.judge(40, EARLY).moves == {}
    hands.measure(60, range(40, 60))
    assert hands.judge(60, EARLY).moves == {"open": 1}
    assert hands.judge(900, EARLY).moves == {}
    assert len(open_alerts(hands.registry)) == 1


def test_evaluators_at_the_same_time_open_one_alert(hands: Hands) -> None:
    hands.measure(60, range(20))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: hands.judge(20, EARLY), range(4)))
    assert sum(judged["open"] for judged in results) == 1
    assert len(alerts(hands.registry)) == 1


def test_sensors_under_maintenance_are_not_judged(hands: Hands) -> None:
    sensor = hands.registry.sensors()[SensorId(ROAD)]
    hands.registry.add(sensors=[sensor.model_copy(update={"state": "maintenance"})])
    hands.measure(90, range(40))
    assert hands.judge(40, EARLY).moves == {}


# Data that come late, or are corrected


def rejudge(hands: Hands, minute: float, *rules) -> dict:
    hours = list(Interval(hands.at(0), hands.at(240)).hours())
    return dict(
        judge_hours(
            hours, hands.at(minute), rules=rules, store=hands.store, registry=hands.registry
        ).moves
    )


def test_data_that_come_late_raise_their_alert_marked_as_late(hands: Hands) -> None:
    hands.judge(60, HOURLY)
    hands.measure(60, range(60))
    hands.measure(50, range(60, 2000))
    assert rejudge(hands, 2000, HOURLY) == {"open": 1, "recover": 1}
    assert rejudge(hands, 2000, HOURLY) == {}
    (alert,) = alerts(hands.registry)
    assert (alert.started, alert.ended, alert.late) == (NIGHT, hands.at(60), True)


def test_what_is_older_than_a_week_raises_nobody(hands: Hands) -> None:
    hands.measure(60, range(60))
    assert rejudge(hands, 8 * 1440, HOURLY) == {}


def test_corrected_data_withdraw_an_alert_whose_condition_never_held(hands: Hands) -> None:
    hands.measure(60, range(60, 120))
    assert hands.judge(120, HOURLY).moves == {"open": 1}
    hands.measure(50, range(60, 120))
    assert hands.judge(125, HOURLY).moves == {"withdraw": 1}
    assert hands.judge(126, HOURLY).moves == {}
    (alert,) = alerts(hands.registry)
    assert (alert.state, alert.outcome) == (AlertState.CLOSED, Outcome.WITHDRAWN)
    assert log(hands.registry) == ["open", "withdraw"], "what was said stays readable"
    hands.measure(61, range(60, 120))
    assert hands.judge(130, HOURLY).moves == {"reappear": 1}
    assert open_alerts(hands.registry)[0].started == hands.at(60)


def test_late_data_move_the_beginning_of_an_alert(hands: Hands) -> None:
    hands.measure(60, range(60, 120))
    hands.judge(120, HOURLY)
    hands.measure(60, range(60))
    assert hands.judge(125, HOURLY).moves == {"revise": 1}
    (alert,) = alerts(hands.registry)
    assert alert.started == NIGHT


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)])
def test_a_shuffled_stream_ends_in_the_same_alerts(hands: Hands, order: tuple) -> None:
    parts = [(60, range(60)), (50, range(60, 120)), (62, range(120, 180)), (50, range(180, 240))]
    for step, index in enumerate(order):
        hands.measure(*parts[index])
        rejudge(hands, 240 + step * 2, HOURLY)
    valid = [a for a in alerts(hands.registry) if a.outcome != Outcome.WITHDRAWN]
    assert sorted((a.started, a.ended, a.peak) for a in valid) == [
        (hands.at(0), hands.at(60), 60.0),
        (hands.at(120), hands.at(180), 62.0),
    ]


# Other kinds


def test_sudden_noise_at_night_is_an_alert_at_once(hands: Hands) -> None:
    rule = shipped("noise-sudden-night")
    hands.measure(69, range(5), parameter="lmax")
    assert hands.judge(5, rule).moves == {}, "55 + 15 dB(A) are allowed"
    hands.measure(74, [5], parameter="lmax")
    assert hands.judge(6, rule).moves == {"open": 1}
    (alert,) = alerts(hands.registry)
    assert (alert.kind, alert.started, alert.limit) == (Kind.SUDDEN, hands.at(5), 70.0)


def test_a_fast_rise_is_an_early_warning(hands: Hands) -> None:
    rule = shipped("pm25-rise")
    sensor = "air-lianhua-1"
    hands.measure(30, range(0, 60, 5), sensor=sensor, parameter="pm25")
    hands.measure(120, range(60, 80, 5), sensor=sensor, parameter="pm25")
    assert hands.judge(80, rule).moves == {"open": 1}
    (alert,) = alerts(hands.registry)
    assert (alert.peak, alert.started) == (90.0, hands.at(60))


def test_a_sensor_that_falls_silent_is_the_technician_s(hands: Hands) -> None:
    rule = shipped("noise-silent")
    hands.measure(50, range(10))
    assert hands.judge(35, rule).moves == {}
    assert hands.judge(40, rule).moves == {"open": 1}
    assert hands.judge(50, rule).moves == {}
    (alert,) = open_alerts(hands.registry)
    assert (alert.route, alert.started) == ("technician", hands.at(9))
    hands.measure(50, [60])
    assert hands.judge(61, rule).moves == {"recover_and_close": 1}
    assert alerts(hands.registry)[0].ended == hands.at(60)


def test_a_sensor_under_maintenance_may_be_silent(hands: Hands) -> None:
    hands.measure(50, range(10))
    begin_maintenance(
        hands.registry, ROAD, start=hands.at(12), end=hands.at(60), reason="battery", by="he",
        at=hands.at(12),
    )  # fmt: skip
    assert hands.judge(50, shipped("noise-silent")).moves == {}
    assert hands.judge(61, shipped("noise-silent")).moves == {"open": 1}


def test_self_monitoring_that_never_varies_is_suspicious(hands: Hands) -> None:
    rule = shipped("outfall-constancy")
    day = Interval.city_day(NIGHT)
    begin = Hands(hands.store, hands.registry, day.start)
    sensor = next(
        s for s in hands.registry.sensors().values() if s.station == "st-outfall-songgang-plating"
    )
    step = sensor.cadence_s // 60
    begin.measure(30.01, range(0, 1440, step), sensor=sensor.id, parameter="cod")
    assert begin.judge(1441, rule).moves == {"open": 1}
    (alert,) = alerts(hands.registry)
    assert alert.sensor == sensor.id
    assert "varies more than this" in alert.basis


def test_a_permit_is_the_outfall_s_limit(hands: Hands) -> None:
    rule, outfall = shipped("outfall-cod"), "st-outfall-songgang-plating"
    sensor = next(s for s in hands.registry.sensors().values() if s.station == outfall)
    limit = PermitLimit(station=outfall, parameter="cod", value=25, source="permit 7")
    set_permits(hands.registry, outfall, [limit])
    step = sensor.cadence_s // 60
    hands.measure(30, range(0, 60, step), sensor=sensor.id, parameter="cod")
    assert hands.judge(60, rule).moves == {"open": 1}
    (alert,) = alerts(hands.registry)
    assert (alert.severity, alert.limit, alert.basis) == ("red", 25.0, "permit 7")


def hourly(
    store: Store,
    subject: str,
    parameter: str,
    values: dict,
    level: str = "sensor",
    period: str = "hour",
) -> None:
    rows = [
        (level, subject, parameter, period, start, v, v, v, 60, 60, 1.0, True, "", "mean", "")
        for start, v in values.items()
    ]
    store.write_aggregates(pl.DataFrame(rows, schema=AGGREGATES, orient="row"))


def test_an_exceedance_is_forecast_from_the_channel_s_own_week(hands: Hands) -> None:
    rule = shipped("o3-forecast")  # 200 ug/m3, within 3 hours
    now = Interval.hour(NOON).start
    values = {}
    for back in range(1, 24 * 9):
        start = now - timedelta(hours=back)
        hour = (start.hour + 8) % 24
        values[start] = 150.0 if hour in (13, 14, 15) else 90.0
    values[now - timedelta(hours=1)] = 170.0  # 80 above the hour's usual
    hourly(hands.store, "air-lianhua-1", "o3", values)
    noon = Hands(hands.store, hands.registry, now)
    assert noon.judge(1, rule).moves == {"open": 1}
    (alert,) = alerts(hands.registry)
    assert alert.kind is Kind.FORECAST
    assert alert.peak == pytest.approx(170 + 0.75 * 60 + 0.25 * 80 * 1.96, abs=0.01)


def test_without_a_week_there_is_no_forecast(hands: Hands) -> None:
    now = Interval.hour(NOON).start
    values = {now - timedelta(hours=back): 190.0 for back in range(1, 30)}
    hourly(hands.store, "air-lianhua-1", "o3", values)
    assert Hands(hands.store, hands.registry, now).judge(1, shipped("o3-forecast")).moves == {}


def test_an_enterprise_that_differs_from_the_government_nearby_is_looked_at(hands: Hands) -> None:
    day = Interval.city_day(NIGHT)
    stations = hands.registry.stations()
    own = next(s for s in stations.values() if s.enterprise and s.medium == "noise")
    near = own.model_copy(
        update={"id": "st-noise-near", "enterprise": None, "lat": own.lat + 0.005}
    )
    hands.registry.add(stations=[near])
    for station, value in ((own.id, 50.0), (near.id, 78.0)):
        hourly(hands.store, station, "laeq", {day.start: value}, "station", Period.DAY)
    at = (day.end - NIGHT) / timedelta(minutes=1)
    assert hands.judge(at + 30, shipped("noise-disagreement")).moves == {"open": 1}
    (alert,) = alerts(hands.registry)
    assert (alert.station, alert.peak, alert.route) == (own.id, 28.0, "operator")


def test_several_stations_of_a_district_at_once_are_one_alert_of_the_district(
    hands: Hands,
) -> None:
    one, other = shipped("o3-hour"), shipped("o3-district")
    stations = hands.registry.stations()
    sensors = [
        s
        for s in hands.registry.sensors().values()
        if "o3" in s.parameters and s.cadence_s <= 300 and stations[s.station].zone == "2"
    ]
    first = sensors[0]
    second = sensors[1]
    moved = stations[second.station].model_copy(
        update={"district": stations[first.station].district}
    )
    hands.registry.add(stations=[moved])
    for sensor in (first, second):
        hands.measure(230, range(0, 60, 5), sensor=sensor.id, parameter="o3")
    assert hands.judge(61, one, other).moves == {"open": 3}
    district = next(a for a in alerts(hands.registry) if a.rule == other.id)
    assert (district.sensor, district.station) == (None, None)
    assert (district.subject, district.peak) == (moved.district, 2.0)


def test_alerts_of_one_district_and_pollutant_are_one_event(hands: Hands) -> None:
    stations = hands.registry.stations()
    mine = stations[hands.registry.sensors()[SensorId(ROAD)].station]
    sensor = hands.registry.sensors()[SensorId("noise-guiyuan-1")]
    assert stations[sensor.station].district == mine.district
    hands.measure(60, range(60))
    hands.store.write([FlaggedReading(sensor.id, to_ms(NIGHT), {"laeq": 80.0}, {})])
    hands.judge(60, HOURLY)
    first, second = sorted(alerts(hands.registry), key=lambda a: a.id)
    assert (first.incident, second.incident) == (None, first.id)


def test_another_rule_on_the_same_channel_is_another_alert(hands: Hands) -> None:
    hands.measure(60, range(60))
    hands.judge(60, HOURLY, EARLY, made_rule(id="third", limit={"value": 1, "reason": "test"}))
    assert {a.rule for a in alerts(hands.registry)} == {"noise-hour", "noise-early", "third"}
