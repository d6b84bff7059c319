"""Quality control: each test by example, and the whole against a one-by-one reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, nan
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import qartod
from ingest.neighbours import REMEMBERED
from ingest.qc import QualityControl
from schemas import (
    Cause,
    Flag,
    FlaggedReading,
    Medium,
    Parameter,
    ParameterKey,
    QcSettings,
    SensorId,
    StationId,
    catalogue,
    flag_of,
)
from schemas.catalogue import Catalogue
from schemas.flags import GOOD_QUALITY, cause_of
from schemas.registry import Sensor

T0 = 1_795_000_000_000
PM25, NO2 = ParameterKey("pm25"), ParameterKey("no2")
GOOD = (Flag.GOOD, Cause.NONE)


def sensor(cadence_s: int = 300, name: str = "air-a-1", state: str = "active") -> Sensor:
    return Sensor(
        id=SensorId(name),
        station=StationId("st-a"),
        medium=Medium.AIR,
        model="m",
        serial="s",
        parameters=(PM25, NO2),
        cadence_s=cadence_s,
        state=state,  # type: ignore[arg-type]
    )


def quality_of(*sensors: Sensor, parameters: Catalogue | None = None) -> QualityControl:
    quality = QualityControl(parameters or catalogue())
    quality.know(sensors)
    return quality


def reading(
    ts_ms: int, pm25: float | None, name: str = "air-a-1", device: int | None = None
) -> FlaggedReading:
    codes = {} if device is None else {PM25: device}
    return FlaggedReading(SensorId(name), ts_ms, {PM25: pm25}, codes)


def found(readings: list[FlaggedReading]) -> list[tuple[Flag, Cause]]:
    codes = [kept.quality.get(PM25, GOOD_QUALITY) for kept in readings]
    return [(flag_of(code), cause_of(code)) for code in codes]


def judged(cadence_s: int, *values: float | None) -> list[tuple[Flag, Cause]]:
    readings = [reading(T0 + n * cadence_s * 1000, value) for n, value in enumerate(values)]
    quality_of(sensor(cadence_s)).flag(readings)
    return found(readings)


# The tests as functions over arrays


def test_gross_range_knows_bad_and_missing() -> None:
    values = np.array([-0.1, 0.0, 5.0, 5.1, nan])
    codes = qartod.gross_range(values, np.zeros(5), np.full(5, 5.0))
    assert codes.tolist() == [qartod.RANGE_BAD, 1, 1, qartod.RANGE_BAD, qartod.MISSING]


def test_a_test_without_neighbour_or_limit_passes() -> None:
    values = np.array([1e9, 1e9])
    nothing, nobody = np.full(2, inf), np.full(2, nan)
    some = np.ones(2)
    assert qartod.spike(values, nobody, some, some).tolist() == [1, 1]
    assert qartod.spike(values, some, nothing, nothing).tolist() == [1, 1]
    assert qartod.rate_of_change(values, nobody, some, some).tolist() == [1, 1]
    assert qartod.rate_of_change(values, some, some, nothing).tolist() == [1, 1]
    assert qartod.flat_line(np.array([10**12] * 2), nothing).tolist() == [1, 1]


# What becomes of a channel's values


def test_the_impossible_is_bad_and_nobodys_neighbour() -> None:
    bad = (Flag.BAD, Cause.RANGE)
    assert judged(300, 10, -5, 2000, 11) == [GOOD, bad, bad, GOOD]


def test_a_spike_is_judged_by_the_threshold_of_its_cadence() -> None:
    assert judged(300, 10, 11, 10, 90)[-1] == (Flag.SUSPECT, Cause.SPIKE)
    assert judged(300, 10, 11, 10, 300)[-1] == (Flag.BAD, Cause.SPIKE)
    assert judged(3600, 10, 11, 10, 90)[-1] == GOOD
    assert judged(300, 10, 11, 10, 90, 12)[-1] == GOOD, "its neighbour is not to blame"


def test_after_a_gap_nothing_before_it_is_a_neighbour() -> None:
    hour = 3_600_000
    readings = [reading(T0 + n * 300_000, 10.0 + n) for n in range(3)]
    readings += [reading(T0 + hour + n * 300_000, 200.0 + n) for n in range(3)]
    quality_of(sensor()).flag(readings)
    assert found(readings) == [GOOD] * 6


def test_a_change_too_fast_is_suspect() -> None:
    readings = [reading(T0, 10.0), reading(T0 + 1000, 12.0)]
    quality_of(sensor()).flag(readings)
    assert found(readings)[-1] == (Flag.SUSPECT, Cause.RATE)


def test_a_flat_line_is_suspect_after_its_time() -> None:
    flags = judged(300, *[12.0] * 24, None, 12.0, 12.5)
    assert flags[:24] == [GOOD] * 24
    assert flags[24:] == [(Flag.MISSING, Cause.MISSING), (Flag.SUSPECT, Cause.FLATLINE), GOOD]


def test_a_late_reading_is_judged_by_its_true_neighbours() -> None:
    for cut in (True, False):
        quality = quality_of(sensor())
        early = [reading(T0 + minute * 60_000, 10.0 + minute) for minute in (0, 5, 15, 20)]
        late = [reading(T0 + 10 * 60_000, 20.0), reading(T0 + 12 * 60_000, 150.0)]
        if cut:
            quality.flag(early)
            quality.flag(late)
        else:
            quality.flag(early + late)
        assert found(late) == [GOOD, (Flag.SUSPECT, Cause.SPIKE)]


def test_what_the_device_flagged_is_left_alone_and_nobodys_neighbour() -> None:
    calibration = 74
    readings = [reading(T0 + n * 300_000, 10.0 + n) for n in range(4)]
    readings[2] = reading(T0 + 2 * 300_000, 900.0, device=calibration)
    quality_of(sensor()).flag(readings)
    assert [kept.quality for kept in readings] == [{}, {}, {PM25: calibration}, {}]


def test_under_maintenance_the_good_are_suspect_and_the_bad_stay_bad() -> None:
    readings = [reading(T0, 10.0), reading(T0 + 300_000, -1.0), reading(T0 + 600_000, None)]
    quality_of(sensor(state="maintenance")).flag(readings)
    assert [cause for _, cause in found(readings)] == [
        Cause.MAINTENANCE,
        Cause.RANGE,
        Cause.MISSING,
    ]


def test_new_thresholds_hold_at_once_and_the_neighbours_stay_in_mind() -> None:
    quality = quality_of(sensor())
    quality.flag([reading(T0, 10.0)])
    quality.know([sensor(3600), sensor(name="air-b-1")])
    second = [reading(T0 + 300_000, 110.0), reading(T0, 1.0, "air-b-1")]
    quality.flag(second)
    assert found(second) == [GOOD, GOOD], "100 ug/m3 is no spike at one hour"
    third = [reading(T0 + 600_000, 400.0)]
    quality.flag(third)
    assert found(third) == [(Flag.SUSPECT, Cause.SPIKE)]


def test_a_batch_that_comes_twice_leaves_the_memory_as_it_was() -> None:
    def stream(start: int, count: int) -> list[FlaggedReading]:
        return [reading(T0 + (start + n) * 300_000, 10.0 + n % 3) for n in range(count)]

    once, twice = quality_of(sensor()), quality_of(sensor())
    once.flag(stream(0, 3 * REMEMBERED))
    for _ in range(2):
        twice.flag(stream(0, 2 * REMEMBERED))
        twice.flag(stream(2 * REMEMBERED, REMEMBERED))
    following = [12.0, 90.0, 13.0, 13.0, 300.0]
    after = [
        [reading(T0 + (3 * REMEMBERED + n) * 300_000, value) for n, value in enumerate(following)]
        for _ in range(2)
    ]
    once.flag(after[0])
    twice.flag(after[1])
    assert found(after[0]) == found(after[1])
    assert (Flag.BAD, Cause.SPIKE) in found(after[0])


def test_no_readings_are_no_trouble() -> None:
    quality_of(sensor()).flag([])
    QualityControl(catalogue()).flag([])


# Any cutting of a stream that comes in order gives the flags of the reference

KEYS = (ParameterKey("swift"), ParameterKey("calm"), ParameterKey("free"))
TRIAL = Catalogue(
    [
        Parameter(
            key=KEYS[0],
            zh="快",
            en="swift",
            unit="1",
            media=(Medium.AIR,),
            range=(0, 100),
            resolution=1,
            qc=(QcSettings(cadence_s=60, spike_suspect=10, spike_bad=30, rate_per_min=8),),
        ),
        Parameter(
            key=KEYS[1],
            zh="静",
            en="calm",
            unit="1",
            media=(Medium.AIR,),
            range=(0, 100),
            resolution=1,
            qc=(QcSettings(cadence_s=60, spike_suspect=20, flatline_s=240, flatline_tolerance=1),),
        ),
        Parameter(
            key=KEYS[2],
            zh="自由",
            en="free",
            unit="1",
            media=(Medium.AIR,),
            range=(0, 100),
            resolution=1,
        ),
    ]
)


@dataclass
class OneByOne:
    """The rules once more, for one channel and one value at a time, as plainly as can be."""

    key: ParameterKey
    reach_ms: int = 3 * 60_000
    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    since: list[int] = field(default_factory=list)

    def judge(self, ts: int, value: float | None, device: int | None) -> int:
        parameter = TRIAL[self.key]
        low, high = parameter.range
        if value is None:
            return qartod.MISSING
        if device is not None:
            return device
        if not low <= value <= high:
            return qartod.RANGE_BAD
        earlier = [n for n, t in enumerate(self.times) if t < ts]
        limits = parameter.qc_for(60) or QcSettings(cadence_s=60)
        begun = ts
        code = GOOD_QUALITY
        if earlier:
            last = earlier[-1]
            if abs(value - self.values[last]) <= limits.flatline_tolerance:
                begun = self.since[last]
            code = self._compare(ts, value, limits, begun, earlier)
        if ts not in self.times:
            self.times.append(ts)
            self.values.append(value)
            self.since.append(begun)
        return code

    def _compare(
        self, ts: int, value: float, limits: QcSettings, begun: int, earlier: list[int]
    ) -> int:
        last = earlier[-1]
        if ts - self.times[last] <= self.reach_ms:
            near = [n for n in earlier[-3:] if self.times[last] - self.times[n] <= self.reach_ms]
            distance = abs(value - median(self.values[n] for n in near))
            if distance > (limits.spike_bad or inf):
                return qartod.SPIKE_BAD
            if distance > (limits.spike_suspect or inf):
                return qartod.SPIKE_SUSPECT
            minutes = (ts - self.times[last]) / 60_000
            if abs(value - self.values[last]) > (limits.rate_per_min or inf) * minutes:
                return qartod.RATE_SUSPECT
        if limits.flatline_s is not None and ts - begun >= limits.flatline_s * 1000:
            return qartod.FLAT_SUSPECT
        return GOOD_QUALITY


values = st.one_of(
    st.none(),
    st.integers(-5, 110).map(float),
    st.integers(40, 44).map(float),  # calm enough for flat lines
    st.just(42.0),
)
device_codes = st.sampled_from([None, None, None, None, None, 14, 74])
steps = st.tuples(
    st.sampled_from(["s-1", "s-2", "s-3"]),
    st.sampled_from([0, 20_000, 60_000, 60_000, 60_000, 61_500, 400_000]),  # 0: it comes twice
    st.dictionaries(st.sampled_from(KEYS), st.tuples(values, device_codes), min_size=1),
)


@given(stream=st.lists(steps, max_size=60), cuts=st.lists(st.integers(0, 60), max_size=8))
@settings(max_examples=300)
def test_any_cutting_gives_the_flags_of_the_reference(
    stream: list[tuple[str, int, dict[ParameterKey, tuple[float | None, int | None]]]],
    cuts: list[int],
) -> None:
    clock = dict.fromkeys(["s-1", "s-2", "s-3"], T0)
    reference = {(name, key): OneByOne(key) for name in clock for key in KEYS}
    readings, expected = [], []
    for name, step, sent in stream:
        clock[name] += step
        given_values = {key: value for key, (value, _) in sent.items()}
        device = {k: code for k, (v, code) in sent.items() if code is not None and v is not None}
        readings.append(FlaggedReading(SensorId(name), clock[name], given_values, device))
        codes = {key: reference[name, key].judge(clock[name], *pair) for key, pair in sent.items()}
        expected.append({key: code for key, code in codes.items() if code != GOOD_QUALITY})
    quality = quality_of(
        *(sensor(60, name).model_copy(update={"parameters": KEYS}) for name in clock),
        parameters=TRIAL,
    )
    edges = sorted({0, *(min(cut, len(readings)) for cut in cuts), len(readings)})
    for start, end in pairwise(edges):
        quality.flag(readings[start:end])
    assert [kept.quality for kept in readings] == expected


@given(order=st.permutations(range(12)), cuts=st.lists(st.integers(0, 12), max_size=4))
@settings(max_examples=100)
def test_shuffled_values_are_remembered_in_order(order: list[int], cuts: list[int]) -> None:
    """Whatever order twelve values came in, the next one is judged by the three before it."""
    quality = quality_of(sensor(60))
    shuffled = [reading(T0 + n * 60_000, 10.0 * n) for n in order]
    edges = sorted({0, *cuts, len(shuffled)})
    for start, end in pairwise(edges):
        quality.flag(shuffled[start:end])
    following = reading(T0 + 12 * 60_000, 100.0 + 60.5)
    quality.flag([following])
    assert found([following]) == [(Flag.SUSPECT, Cause.SPIKE)]


@pytest.mark.parametrize("sensors", [1, 50])
def test_channels_do_not_see_each_other(sensors: int) -> None:
    names = [f"air-{n}-1" for n in range(sensors)]
    quality = quality_of(*(sensor(300, name) for name in names))
    readings = [
        reading(T0 + minute * 300_000, 20.0 * n, name)
        for minute in range(5)
        for n, name in enumerate(names)
    ]
    quality.flag(readings)
    assert found(readings) == [GOOD] * len(readings)
