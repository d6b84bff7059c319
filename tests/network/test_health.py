"""Faults open work orders, data that prove the repair close them; over real store and registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from network import aggregate_hours
from network.health import FAULTS, Vitals, find, mended, review, settings
from registry import Registry
from registry.accounts import RegistryIsTheList
from registry.calibrations import Calibration, calibrate
from registry.certificates import note_certificate
from registry.contacts import Contact, keep
from registry.credentials import issue
from registry.devices import known_now, register
from registry.entries import read_entry
from registry.follow import reconcile
from registry.life import history
from registry.maintenance import begin_maintenance
from registry.quarantine import quarantine_flood, release
from registry.work_orders import BY_DATA, work_order, work_orders
from schemas import Cause, Flag, FlaggedReading, Interval, ParameterKey, SensorId, quality
from schemas.models import sensor_models
from schemas.registry import Sensor
from storage import Store

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
NAME = SensorId("noise-dongmen-1")
LAEQ = ParameterKey("laeq")
SENSOR = Sensor(
    id=NAME,
    station="st-noise-dongmen",
    medium="noise",
    model="NM-S1",
    serial="SN-1",
    parameters=(LAEQ,),
    cadence_s=60,
    installed=NOW - timedelta(days=30),
)


def checked(found: float, left: float) -> Calibration:
    return Calibration(
        NAME, LAEQ, NOW, "span", 94, found, left, found - 94, found - 94, 0.5, "", "", ""
    )


def vitals(**changes: object) -> Vitals:
    """A sensor that is well."""
    well = Vitals(
        sensor=SENSOR,
        now=NOW,
        model=sensor_models()["NM-S1"],
        last=NOW - timedelta(seconds=50),
        recent=4,
        battery=3.9,
        flat={"laeq": (0, 360)},
        completeness=[1.0] * 24,
        calibrations=[checked(94.1, 94.1)],
        calibration_due=NOW + timedelta(days=9),
        certificate_ends=NOW + timedelta(days=400),
    )
    return replace(well, **changes)  # type: ignore[arg-type]


def test_a_sensor_that_is_well_has_no_fault_and_proves_every_repair() -> None:
    assert find(vitals()) == {}
    assert all(mended(kind, vitals()) is not None for kind in FAULTS)
    assert set(settings()) == set(FAULTS)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("silent", {"last": NOW - timedelta(minutes=31), "recent": 0}),
        ("silent", {"last": None, "recent": 0}),
        ("low_battery", {"battery": 3.4}),
        ("flatline", {"flat": {"laeq": (200, 360)}, "flat_lately": 60}),
        ("drift", {"calibrations": [checked(95.0, 95.0)]}),
        ("calibration_overdue", {"calibration_due": NOW - timedelta(days=1)}),
        ("certificate", {"certificate_ends": NOW + timedelta(days=29)}),
        ("incomplete", {"completeness": [0.5] * 24}),
    ],
)
def test_a_fault_is_found_and_not_at_once_mended(kind: str, changes: dict[str, object]) -> None:
    broken = vitals(**changes)
    assert list(find(broken)) == [kind]
    assert mended(kind, broken) is None


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("silent", {"recent": 1}),
        ("low_battery", {"battery": 3.55}),
        ("flatline", {"flat_lately": 2}),
        ("incomplete", {"completeness": [*[1.0] * 23, 0.9]}),
        ("incomplete", {"completeness": [1.0] * 5}),
        ("calibration_overdue", {"calibration_due": None}),
        ("drift", {"calibrations": []}),
    ],
)
def test_that_a_fault_is_gone_is_no_proof_yet(kind: str, changes: dict[str, object]) -> None:
    better = vitals(**changes)
    assert kind not in find(better)
    assert mended(kind, better) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"last": NOW - timedelta(minutes=29)},
        {"battery": None},
        {"model": None, "battery": 1.0},
        {"flat": {"laeq": (5, 5)}},
        {"completeness": [0.5] * 23},
        {"calibrations": [checked(95.0, 94.0)]},
    ],
)
def test_what_is_not_known_or_was_adjusted_is_no_fault(changes: dict[str, object]) -> None:
    assert find(vitals(**changes)) == {}


def test_silence_is_one_order_and_not_two() -> None:
    silent = vitals(last=NOW - timedelta(days=1), recent=0, completeness=[0.0] * 24)
    assert list(find(silent)) == ["silent"]


# Over a real store and registry


def measured(
    store: Store, start: datetime, minutes: int, *, still: bool = False, code: int = 1
) -> None:
    readings = []
    for minute in range(minutes):
        ms = int((start + timedelta(minutes=minute)).timestamp() * 1000)
        values = {
            LAEQ: 60.0 if still else 60.0 + minute % 7,
            ParameterKey("lmax"): 72.0 + minute % 5,
        }
        flags = {} if code == 1 else dict.fromkeys(values, code)
        readings.append(FlaggedReading(NAME, ms, values, flags, ms))  # type: ignore[arg-type]
    store.write(readings)


def own(registry: Registry, state: str = "open") -> list[str]:
    return [order.kind for order in work_orders(registry, states=[state], sensor=NAME)]


def test_a_silent_sensor_gets_one_order_that_its_readings_close(
    registry: Registry, store: Store
) -> None:
    measured(store, NOW - timedelta(hours=3), 60)
    assert review(NOW, store=store, registry=registry).opened > 0
    assert review(NOW, store=store, registry=registry).opened == 0, "again changes nothing"
    (order,) = work_orders(registry, sensor=NAME)
    assert (order.kind, order.district, order.facts["hours"]) == ("silent", "luohu", 2.0)
    assert order.due == NOW + timedelta(hours=24)

    later = NOW + timedelta(minutes=20)
    measured(store, later - timedelta(minutes=1), 1)
    review(later, store=store, registry=registry)
    assert own(registry) == ["silent"], "one reading proves nothing"
    measured(store, later, 3)
    review(later + timedelta(minutes=3), store=store, registry=registry)
    assert own(registry) == []
    done = work_order(registry, order.id)
    assert done is not None
    assert (done.closed_by, done.resolution) == (BY_DATA, "readings: 3")
    assert [line.kind for line in history(registry, NAME)] == ["order_closed", "order_opened"]


def test_a_flat_line_a_low_battery_and_an_overdue_calibration(
    registry: Registry, store: Store
) -> None:
    flat = quality(Flag.SUSPECT, Cause.FLATLINE)
    measured(store, NOW - timedelta(hours=4), 240, still=True, code=flat)
    keep(registry, {NAME: Contact(battery=3.1)})
    calibrate(
        registry,
        NAME,
        parameter="laeq",
        kind="span",
        reference=94,
        found=96,
        by="li",
        at=NOW - timedelta(days=200),
    )
    review(NOW, store=store, registry=registry)
    assert set(own(registry)) == {"flatline", "low_battery", "drift", "calibration_overdue"}

    later = NOW + timedelta(hours=2)
    measured(store, NOW, 120)
    keep(registry, {NAME: Contact(battery=4.0)})
    calibrate(
        registry,
        NAME,
        parameter="laeq",
        kind="span",
        reference=94,
        found=96,
        left=94,
        by="li",
        at=later,
    )
    review(later, store=store, registry=registry)
    assert own(registry) == []


def test_completeness_is_taken_of_the_hourly_rows(registry: Registry, store: Store) -> None:
    hours = [Interval.hour(NOW - timedelta(hours=h)) for h in range(1, 26)]
    for hour in hours:
        measured(store, hour.start, 20)
    measured(store, NOW, 25)
    aggregate_hours(hours, store=store, registry=registry)
    review(NOW + timedelta(minutes=25), store=store, registry=registry)
    (order,) = work_orders(registry, sensor=NAME)
    assert order.kind == "incomplete"
    assert order.facts == {"share": pytest.approx(0.333, abs=0.01), "target": 0.75}


def test_what_is_not_commissioned_or_under_maintenance_opens_no_order(
    registry: Registry, store: Store
) -> None:
    raw = {"serial": "SN-9", "model": "NM-S1", "station": "st-noise-dongmen"}
    entry, _ = read_entry(raw, known_now(registry, NOW))
    assert entry is not None
    new = register(registry, [entry], by="li", at=NOW - timedelta(days=2))[0].sensor
    begin_maintenance(
        registry, NAME, start=NOW - timedelta(hours=1), end=None, reason="x", by="li", at=NOW
    )
    review(NOW, store=store, registry=registry)
    silent = {order.sensor for order in work_orders(registry)}
    assert SensorId("noise-xinan-1") in silent
    assert not {new, NAME} & silent


def test_a_quarantined_sensor_is_silent_because_it_was_cut(
    registry: Registry, store: Store
) -> None:
    nobody = RegistryIsTheList()
    issue(registry, nobody, [NAME], by="li", at=NOW)
    quarantine_flood(registry, NAME, facts={"messages": 4000}, due=NOW, at=NOW)
    review(NOW, store=store, registry=registry)
    assert own(registry) == ["flood"], "one order for one cause, which no data close"
    release(registry, nobody, NAME, by="li", at=NOW)
    review(NOW, store=store, registry=registry)
    assert own(registry) == ["silent"]


def test_a_certificate_opens_an_order_30_days_before_its_end_and_a_new_one_closes_it(
    registry: Registry, store: Store
) -> None:
    nobody = RegistryIsTheList()
    issue(registry, nobody, [NAME], by="li", at=NOW)
    measured(store, NOW - timedelta(minutes=10), 10)
    ends = NOW + timedelta(days=825)
    note_certificate(registry, NAME, NAME, ends, by="li", at=NOW)

    def orders_at(now: datetime) -> bool:
        review(now, store=store, registry=registry)
        return "certificate" in own(registry)

    assert not orders_at(ends - timedelta(days=30))
    assert orders_at(ends - timedelta(days=30) + timedelta(seconds=1))
    later = ends - timedelta(days=29)
    note_certificate(registry, NAME, NAME, later + timedelta(days=825), by="li", at=later)
    assert not orders_at(later)
    issue(registry, nobody, [NAME], by="li", at=later, overlap=timedelta(0))
    reconcile(registry, nobody, later)
    assert not orders_at(later + timedelta(days=820)), "of an account that is no more"
