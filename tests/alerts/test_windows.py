"""Windows: the same from a frame and from a stream, on the city's clock, of good values only."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.kinds import measured
from alerts.windows import SHAPES, Window, WindowStream, part_of, spreads, windows
from schemas import CITY_TIME, catalogue, from_ms, to_ms
from schemas.observation import OBSERVATIONS
from tests.alerts.conftest import NOON, made_rule

LAEQ, PM25 = catalogue()["laeq"], catalogue()["pm25"]


def observed(values: list[float | None], quality: int = 1, every_s: int = 60) -> pl.DataFrame:
    rows = [
        ("s-001", NOON + timedelta(seconds=i * every_s), "laeq", v, quality)
        for i, v in enumerate(values)
    ]
    return pl.DataFrame(rows, schema=OBSERVATIONS, orient="row")


def of_frame(frame: pl.DataFrame, name: str, until_min: float, parameter=LAEQ, cadence_s=60):
    until = NOON + timedelta(minutes=until_min)
    return windows(frame, name, parameter, {"s-001": cadence_s}, until).get("s-001", [])


def test_windows_average_sound_as_energy_and_tell_how_complete_they_are() -> None:
    (made,) = of_frame(observed([60.0] * 5 + [70.0] * 3), "10min", 60)
    assert made.value == pytest.approx(66.4098, abs=1e-3)
    assert made.completeness == pytest.approx(0.8)
    assert made.start == made.moment == NOON


def test_a_window_that_has_not_ended_is_not_judged() -> None:
    assert of_frame(observed([90.0] * 9), "10min", 9) == []


@pytest.mark.parametrize("quality", [33, 24, 53, 69])
def test_a_device_fault_never_makes_a_window(quality: int) -> None:
    assert of_frame(observed([120.0] * 10, quality), "10min", 60) == []


@pytest.mark.parametrize(
    ("name", "starts"), [("24h", [0, 0, 0]), ("day", [6, 6, 6]), ("night", [22, 22])]
)
def test_days_and_nights_are_the_city_s(name: str, starts: list[int]) -> None:
    made = of_frame(observed([60.0] * 48, every_s=3600), name, 3 * 1440, cadence_s=3600)
    assert [w.start.astimezone(CITY_TIME).hour for w in made] == starts


def test_a_night_is_eight_hours_and_belongs_to_the_evening_that_it_begins_in() -> None:
    loud = [60.0] * 10 + [80.0] * 8 + [60.0] * 10  # from noon on: 22:00 to 06:00 is loud
    (made,) = of_frame(observed(loud, every_s=3600), "night", 1440, cadence_s=3600)
    assert (made.value, made.completeness) == (80.0, 1.0)


def test_eight_hours_run_and_begin_to_hold_with_their_newest_hour() -> None:
    made = of_frame(observed([float(i) for i in range(10)], every_s=3600), "8h", 600, PM25, 3600)
    last = made[-1]
    assert last.value == pytest.approx(sum(range(2, 10)) / 8)
    assert last.start == NOON + timedelta(hours=2)
    assert last.moment == NOON + timedelta(hours=9)


def test_a_spread_is_from_lowest_to_highest() -> None:
    frame = observed([50.0, 53.0, 49.5])
    made = spreads(frame, "10min", LAEQ, {"s-001": 60}, NOON + timedelta(hours=1))["s-001"]
    assert made[0].value == 3.5


@pytest.mark.parametrize(
    ("hour", "minute", "part"),
    [(5, 59, "night"), (6, 0, "day"), (21, 59, "day"), (22, 0, "night"), (0, 0, "night")],
)
def test_night_is_from_22_to_06(hour: int, minute: int, part: str) -> None:
    moment = NOON.astimezone(CITY_TIME).replace(hour=hour, minute=minute)
    assert part_of(moment) == part


@given(
    st.lists(st.tuples(st.integers(1, 900), st.floats(30, 110)), max_size=80),
    st.sampled_from(["instant", "1min", "10min", "15min", "20min", "1h"]),
    st.sampled_from([LAEQ, PM25]),
)
def test_a_stream_makes_the_windows_that_the_frame_makes(steps, name, parameter) -> None:
    """Property: readings in order, any gaps: both lanes see the same windows."""
    stream, at, streamed, rows = WindowStream(name, parameter, 60), to_ms(NOON), [], []
    for seconds, value in steps:
        at += seconds * 1000
        rows.append(("s-001", from_ms(at), "laeq", value, 1))
        streamed.append(stream.feed(at, value))
    end_ms = at + 7_200_000
    streamed.append(stream.until(end_ms))
    frame = pl.DataFrame(rows, schema=OBSERVATIONS, orient="row")
    framed = windows(frame, name, parameter, {"s-001": 60}, from_ms(end_ms)).get("s-001", [])
    assert [_rounded(w) for w in streamed if w] == [_rounded(w) for w in framed]


def _rounded(window: Window) -> tuple:
    return window.start, window.moment, round(window.value, 6), round(window.completeness, 6)


def test_what_comes_late_is_left_to_the_other_lane() -> None:
    stream, start = WindowStream("10min", LAEQ, 60), to_ms(NOON)
    stream.feed(start + 660_000, 50)
    assert stream.feed(start, 99) is None
    made = stream.until(start + 1_200_000)
    assert made is not None
    assert made.value == 50


def test_a_rise_is_the_change_since_the_window_so_long_before() -> None:
    rule = made_rule(kind="rise", parameter="pm25", medium="air", over_min=20)
    seen = [
        Window(m, m, value)
        for index, value in enumerate((10, 12, 50, 60, 61))
        if (m := NOON + index * SHAPES["10min"].step) and index != 3
    ]
    changes = [(w.moment, w.value) for w in measured(rule, seen)]
    assert changes == [
        (NOON + timedelta(minutes=20), 40),
        (NOON + timedelta(minutes=40), 11),
    ], "the window at 30 min is missing, and what began 20 min before it is not another one"
