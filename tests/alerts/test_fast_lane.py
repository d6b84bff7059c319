"""The fast lane, alone and beside the averaged one: seconds, and one alert of both."""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta

import pytest

from alerts import FastLane, FastLaneThread, Router, alert_events, alerts, open_alerts
from alerts.fast import is_fast
from registry import Registry
from schemas import FixedClock, FlaggedReading, Medium, SystemClock, to_ms
from schemas.alerts import AlertState
from tests.alerts.conftest import NIGHT, ROAD, Hands, shipped

EARLY, SUDDEN = shipped("noise-early"), shipped("noise-sudden-night")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NIGHT)


@pytest.fixture
def lane(registry: Registry, clock: FixedClock) -> FastLane:
    made = FastLane(registry, Router(), clock)
    made.renew()
    return made


def live(hands: Hands, lane: FastLane, clock: FixedClock, level: float, minutes: range) -> None:
    """Each minute a reading, stored and seen at once."""
    for minute in minutes:
        clock.advance(hands.at(minute) + timedelta(seconds=1) - clock.now())
        readings = hands.readings(level, [minute])
        hands.store.write(readings)
        lane.see(readings)


def test_short_windows_and_instants_are_fast_hours_are_not() -> None:
    assert is_fast(EARLY)
    assert is_fast(SUDDEN)
    assert is_fast(shipped("pm25-rise"))
    assert not is_fast(shipped("noise-hour"))
    assert not is_fast(shipped("o3-forecast"))


def test_an_alert_is_open_with_the_first_reading_after_its_window(hands, lane, clock) -> None:
    live(hands, lane, clock, 60, range(20))
    assert open_alerts(hands.registry) == []
    live(hands, lane, clock, 60, range(20, 21))
    (alert,) = [a for a in open_alerts(hands.registry) if a.rule == EARLY.id]
    assert (alert.opened, alert.started) == (clock.now(), NIGHT)


def test_a_window_ends_by_the_clock_when_no_reading_follows(hands, lane, clock) -> None:
    live(hands, lane, clock, 60, range(20))
    clock.advance(hands.at(20) + timedelta(seconds=4) - clock.now())
    lane.see([])
    assert [a.rule for a in open_alerts(hands.registry)] == [EARLY.id]


def test_both_lanes_on_one_breach_make_one_alert(hands, lane, clock) -> None:
    live(hands, lane, clock, 60, range(25))
    assert hands.judge(25, EARLY)["open"] == 0
    live(hands, lane, clock, 50, range(25, 45))
    assert hands.judge(45, EARLY).moves == {}
    (alert,) = alerts(hands.registry, rule=EARLY.id)
    assert alert.state is AlertState.CLOSED
    moves = [e.move for e in alert_events(hands.registry, alert.id)]
    assert moves == ["suspect", "open", "recover_and_close"]


@pytest.mark.parametrize("fast", [True, False], ids=["both lanes", "the averaged lane"])
def test_peaks_within_the_rest_time_are_one_alert(hands, lane, clock, fast: bool) -> None:
    """Cars of one night: three within the hour of each other, and one an hour and more later."""
    assert SUDDEN.rest_min == 60
    peaks = {0, 40, 80, 150}
    for minute in range(160):
        clock.advance(hands.at(minute) + timedelta(seconds=1) - clock.now())
        readings = hands.readings(82 if minute in peaks else 60, [minute], parameter="lmax")
        hands.store.write(readings)
        if fast:
            lane.see(readings)
        if minute % 10 == 9:
            hands.judge(minute + 0.5, SUDDEN)
    found = [(a.started, a.ended) for a in alerts(hands.registry, rule=SUDDEN.id)]
    assert sorted(found) == [(hands.at(0), hands.at(81)), (hands.at(150), None)]
    for alert in alerts(hands.registry, rule=SUDDEN.id):
        moves = [event.move for event in alert_events(hands.registry, alert.id)]
        assert moves == (["open", "recover"] if alert.ended else ["open"])


def test_what_the_fast_lane_missed_the_other_raises(hands, lane, clock) -> None:
    live(hands, lane, clock, 50, range(5))
    hands.measure(60, range(5, 40))  # stored by a worker that was killed before its lane saw them
    assert hands.judge(41, EARLY).moves == {"open": 1}
    live(hands, lane, clock, 60, range(41, 62))
    assert len(alerts(hands.registry, rule=EARLY.id)) == 1


def test_a_lane_that_starts_in_the_middle_goes_on_with_the_alert(hands, clock) -> None:
    hands.measure(60, range(30))
    hands.judge(30, EARLY)
    lane = FastLane(hands.registry, Router(), clock)
    lane.renew()
    live(hands, lane, clock, 60, range(30, 41))
    live(hands, lane, clock, 50, range(41, 62))
    (alert,) = alerts(hands.registry, rule=EARLY.id)
    assert (alert.started, alert.ended) == (NIGHT, hands.at(40))


def successor(hands: Hands, clock: FixedClock) -> FastLane:
    """The lane of the worker that is started in place of one that was killed."""
    lane = FastLane(hands.registry, Router(), clock)
    lane.recall(hands.store)
    return lane


@pytest.mark.parametrize("death", [1, 7, 13, 19])
def test_a_successor_judges_the_window_in_which_its_forerunner_died(
    hands, lane, clock, death
) -> None:
    live(hands, lane, clock, 60, range(death))
    live(hands, successor(hands, clock), clock, 60, range(death, 21))
    (alert,) = alerts(hands.registry, rule=EARLY.id)
    assert (alert.opened, alert.started) == (clock.now(), NIGHT)


def test_without_recalling_that_window_would_be_too_thin(hands, lane, clock) -> None:
    live(hands, lane, clock, 60, range(13))
    forgetful = FastLane(hands.registry, Router(), clock)
    forgetful.renew()
    live(hands, forgetful, clock, 60, range(13, 21))
    assert alerts(hands.registry, rule=EARLY.id) == []


@pytest.mark.parametrize("death", [21, 30, 39, 41])
def test_recalling_what_was_judged_raises_it_no_second_time(hands, lane, clock, death) -> None:
    live(hands, lane, clock, 60, range(death))
    for _ in range(3):  # killed again at once
        lane = successor(hands, clock)
    live(hands, lane, clock, 60, range(death, 42))
    live(hands, lane, clock, 50, range(42, 82))
    (alert,) = alerts(hands.registry, rule=EARLY.id)
    moves = [e.move for e in alert_events(hands.registry, alert.id)]
    assert moves == ["suspect", "open", "recover_and_close"]
    assert alert.started == NIGHT


def test_doubtful_readings_are_not_recalled(hands, clock) -> None:
    hands.store.write(hands.readings(90, range(20), quality=33))
    clock.advance(timedelta(minutes=20, seconds=4))
    successor(hands, clock).see([])
    assert alerts(hands.registry) == []


def test_a_lane_follows_the_media_of_its_worker_only(hands, clock) -> None:
    lane = FastLane(hands.registry, Router(), clock, {Medium.WATER, Medium.AIR})
    lane.recall(hands.store)
    live(hands, lane, clock, 60, range(25))
    assert alerts(hands.registry) == []
    other = FastLane(hands.registry, Router(), clock, {Medium.NOISE})
    other.recall(hands.store)
    assert [a.rule for a in open_alerts(hands.registry)] == [EARLY.id]


def test_a_withdrawn_alert_is_not_brought_back_by_the_fast_lane(hands, lane, clock) -> None:
    live(hands, lane, clock, 60, range(25))
    hands.measure(50, range(25))  # corrected
    assert hands.judge(27, EARLY)["withdraw"] == 1
    live(hands, lane, clock, 60, range(27, 29))
    assert open_alerts(hands.registry) == []


def test_old_and_doubtful_readings_are_not_its_business(hands, lane, clock) -> None:
    clock.advance(timedelta(hours=5))
    lane.see(hands.readings(90, range(40)))
    clock.advance(timedelta(hours=-5))
    lane.see(hands.readings(90, range(40), quality=33))
    assert alerts(hands.registry) == []


def test_a_rule_that_changes_is_followed(hands, lane, clock, registry) -> None:
    from alerts.rulebook import keep_version

    off = EARLY.model_copy(update={"enabled": False})
    keep_version(registry, off, who="lin", why="test", at=NIGHT)
    lane.renew()
    live(hands, lane, clock, 60, range(25))
    assert alerts(registry, rule=EARLY.id) == []


def test_it_never_holds_up_ingest(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    thread = FastLaneThread(FastLane(registry, Router(), SystemClock()))
    batch = [FlaggedReading(ROAD, 0, {"laeq": 50.0})]  # type: ignore[arg-type,dict-item]
    begun = time.monotonic()
    for _ in range(200):  # nobody takes them: the thread has not been started
        thread.offer(batch)
    assert time.monotonic() - begun < 1
    assert thread.skipped == 200 - 64


def test_the_thread_sees_what_it_is_offered(hands: Hands) -> None:
    now = SystemClock().now()
    if now.astimezone().tzinfo is None:
        raise AssertionError
    night = [r for r in (SUDDEN,) if r.part == "night"]
    assert night
    thread = FastLaneThread(FastLane(hands.registry, Router(), FixedClock(NIGHT)))
    thread.start()
    thread.offer(hands.readings(95, [0], parameter="lmax"))
    thread.stop()
    assert [a.rule for a in open_alerts(hands.registry)] == [SUDDEN.id]


def test_lanes_agree_on_a_day_of_random_noise(hands, lane, clock) -> None:
    """Every alert of short windows is the same whether seen as it came or judged afterwards."""
    rng = random.Random(7)
    level = 52.0
    for minute in range(360):
        level += rng.uniform(-3, 3) + (54 - level) * 0.05
        live(hands, lane, clock, round(level, 1), range(minute, minute + 1))
    live(hands, lane, clock, 40, range(360, 375))
    seen = _certain(hands)
    assert len(seen) >= 2
    for minute in range(60, 376, 15):
        hands.judge(minute, EARLY)
    assert _certain(hands) == seen


def _certain(hands: Hands) -> list[tuple[datetime, datetime | None, float]]:
    found = alerts(hands.registry, rule=EARLY.id)
    return sorted((a.started, a.ended, a.peak) for a in found)


def test_readings_of_strangers_are_let_by(lane: FastLane) -> None:
    lane.see([FlaggedReading("nobody", to_ms(NIGHT), {"laeq": 99.0})])  # type: ignore[arg-type,dict-item]
