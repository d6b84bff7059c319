"""Calibrations with their drift, due lists, work orders: on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import Registry
from registry.calibrations import (
    calibrate,
    calibrations,
    drift_of,
    due_calibrations,
    newest_calibrations,
)
from registry.life import UnknownSensor, history
from registry.problems import Refused
from registry.work_orders import close_order, open_order, take_order, work_order, work_orders
from schemas import SensorId

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
AIR, NOISE = "air-lianhua-1", "noise-dongmen-1"


def test_drift_is_what_was_found_less_the_reference_in_percent_of_the_range(
    registry: Registry,
) -> None:
    made = calibrate(
        registry,
        NOISE,
        parameter="laeq",
        kind="span",
        reference=94.0,
        found=94.84,
        left=94.0,
        standard="calibrator 4231",
        by="li",
        at=NOW,
    )
    assert made.drift == pytest.approx(0.84)
    assert made.drift_percent == pytest.approx(0.8)  # of 105 dB
    assert not made.within
    assert made.mended
    assert calibrations(registry, NOISE) == [made]
    assert history(registry, NOISE)[0].kind == "calibrated"


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_drift_is_zero_only_without_a_difference(
    reference: float, found: float, span: float
) -> None:
    drift, percent = drift_of(reference, found, span)
    assert (drift == 0) == (reference == found)
    assert (percent > 0) == (drift > 0) or percent == 0
    assert drift_of(found, reference, span)[0] == -drift


def test_what_was_not_adjusted_is_left_as_found(registry: Registry) -> None:
    made = calibrate(
        registry, AIR, parameter="so2", kind="zero", reference=0, found=60, by="li", at=NOW
    )
    assert made.left == 60
    assert (made.within, made.mended) == (False, False)
    good = calibrate(
        registry, AIR, parameter="so2", kind="zero", reference=0, found=1, by="li", at=NOW
    )
    assert (good.within, good.mended) == (True, True)
    assert newest_calibrations(registry)[SensorId(AIR), "so2"] == good  # type: ignore[index]


def test_a_calibration_sets_the_day_of_the_next(registry: Registry) -> None:
    calibrate(registry, AIR, parameter="so2", kind="zero", reference=0, found=0, by="li", at=NOW)
    calibrate(
        registry, NOISE, parameter="laeq", kind="span", reference=94, found=94, by="x", at=NOW
    )
    due = due_calibrations(registry, NOW + timedelta(days=100))
    assert [(line.sensor, line.due) for line in due] == [(AIR, NOW + timedelta(days=90))]
    assert len(due_calibrations(registry, NOW + timedelta(days=200))) == 2


@pytest.mark.parametrize(
    ("sensor", "parameter", "found", "told"),
    [
        (NOISE, "so2", 1.0, "so2"),
        (NOISE, "laeq", float("nan"), "not a number"),
        ("noise-huaqiangbei-0", "laeq", 1.0, "retired"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(
    registry: Registry, sensor: str, parameter: str, found: float, told: str
) -> None:
    with pytest.raises(Refused, match=told):
        calibrate(
            registry,
            sensor,
            parameter=parameter,
            kind="span",
            reference=1,
            found=found,
            by="x",
            at=NOW,
        )
    assert calibrations(registry, sensor) == []


def test_a_fault_has_one_open_order(registry: Registry) -> None:
    due = NOW + timedelta(days=1)
    number = open_order(registry, NOISE, "silent", facts={"h": 3}, due=due, by="health", at=NOW)
    assert number is not None
    assert open_order(registry, NOISE, "silent", facts={}, due=due, by="health", at=NOW) is None
    assert open_order(registry, NOISE, "flatline", facts={}, due=NOW, by="health", at=NOW)
    assert [order.kind for order in work_orders(registry)] == ["flatline", "silent"], "due first"

    take_order(registry, number, by="li", at=NOW)
    close_order(registry, number, by="li", at=NOW, resolution="new SIM")
    done = work_order(registry, number)
    assert done is not None
    assert (done.state, done.taken_by, done.resolution) == ("closed", "li", "new SIM")
    assert (done.district, done.facts) == ("luohu", {"h": 3})
    with pytest.raises(LookupError):
        take_order(registry, number, by="li", at=NOW)
    assert open_order(registry, NOISE, "silent", facts={}, due=due, by="health", at=NOW), "again"


def test_a_stranger_is_named(registry: Registry) -> None:
    with pytest.raises(UnknownSensor, match="nobody"):
        calibrate(
            registry, "nobody", parameter="laeq", kind="span", reference=1, found=1, by="x", at=NOW
        )
