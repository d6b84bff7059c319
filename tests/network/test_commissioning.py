"""The commissioning check: each finding, and the way of a device from new to ready."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from network.commissioning import CHECKS, Check, Seen, checks, look, ready
from network.nearest import Neighbour
from registry import Registry
from registry.accounts import RegistryIsTheList
from registry.contacts import Contact, keep
from registry.credentials import Credential, issue
from registry.devices import known_now, register
from registry.entries import read_entry
from schemas import Cause, Flag, FlaggedReading, ParameterKey, SensorId, quality
from schemas.models import sensor_models
from schemas.observation import OBSERVATIONS
from schemas.registry import Sensor
from storage import Store

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
BEGUN = NOW - timedelta(minutes=5)
LAEQ, LMAX = ParameterKey("laeq"), ParameterKey("lmax")
SENSOR = Sensor(
    id="noise-new-1",
    station="st-noise-dongmen",
    medium="noise",
    model="NM-S1",
    serial="SN-1",
    parameters=(LAEQ, LMAX),
    cadence_s=60,
    state="maintenance",
)
FLAT = quality(Flag.SUSPECT, Cause.FLATLINE)
UNDER_MAINTENANCE = quality(Flag.SUSPECT, Cause.MAINTENANCE)


def account(state: str = "active") -> Credential:
    return Credential(SENSOR.id, SENSOR.id, state, BEGUN, "li", None, None, "")


def observed(*rows: tuple[str, float | None], code: int = UNDER_MAINTENANCE) -> pl.DataFrame:
    columns = [
        {"sensor": SENSOR.id, "ts": NOW, "parameter": key, "value": value, "quality": code}
        for key, value in rows
    ]
    return pl.DataFrame(columns, schema=OBSERVATIONS)


def seen(**changes: object) -> Seen:
    """A sensor with nothing to find fault with."""
    whole = Seen(
        sensor=SENSOR,
        model=sensor_models()["NM-S1"],
        accounts=[account()],
        contact=Contact(
            state="online",
            state_at=NOW - timedelta(minutes=4),
            heard=NOW - timedelta(seconds=10),
            accepted=NOW - timedelta(seconds=10),
            skew_s=0.4,
            battery=3.9,
            rssi=-71,
        ),
        observations=observed(("laeq", 61.0), ("lmax", 72.0)),
        neighbour=Neighbour("noise-dongmen-1", 0.4, {LAEQ: 66.0}),
        since=BEGUN,
        now=NOW,
    )
    contact = {key: value for key, value in changes.items() if key in Contact.__slots__}
    other = {key: value for key, value in changes.items() if key not in contact}
    return replace(whole, contact=replace(whole.contact, **contact), **other)  # type: ignore[arg-type]


def finding(name: str, at: Seen) -> Check:
    return next(check for check in checks(at) if check.name == name)


def test_a_sensor_that_is_well_is_ready() -> None:
    found = checks(seen())
    assert {check.state for check in found} == {"ok"}
    assert ready(found)


NOTHING = {"observations": observed(), "heard": None, "accepted": None, "state": "", "skew_s": None}
HOUR_AGO = NOW - timedelta(hours=1)


def denied(why: str, *, seconds_ago: float = 3) -> dict[str, object]:
    return {"denied": NOW - timedelta(seconds=seconds_ago), "denied_why": why}


@pytest.mark.parametrize(
    ("name", "changes", "found", "state"),
    [
        ("account", {"accounts": []}, "none", "fail"),
        ("account", {"accounts": [account("revoked")]}, "none", "fail"),
        ("account", {"accounts": [account("suspended")]}, "suspended", "fail"),
        ("account", {"accounts": [account(), account("ended")]}, "ok", "ok"),
        ("connected", NOTHING, "wait", "wait"),
        ("connected", {"heard": HOUR_AGO}, "wait", "wait"),
        ("connected", {"heard": NOW - timedelta(minutes=4)}, "quiet", "fail"),
        ("connected", {"state": "offline", "state_at": NOW, "heard": NOW}, "offline", "fail"),
        ("authenticated", NOTHING, "wait", "wait"),
        ("authenticated", NOTHING | denied("password"), "wrong_password", "fail"),
        ("authenticated", NOTHING | denied("account"), "wrong_account", "fail"),
        ("authenticated", denied("password", seconds_ago=5), "wrong_password", "fail"),
        ("authenticated", denied("password", seconds_ago=20), "ok", "ok"),
        ("authenticated", denied("password", seconds_ago=301) | NOTHING, "wait", "wait"),
        ("first_message", NOTHING, "wait", "wait"),
        ("first_message", {"accepted": HOUR_AGO}, "wait", "wait"),
        ("first_message", {"refused": NOW, "refused_code": "json_broken"}, "refused", "fail"),
        ("first_message", {"refused": HOUR_AGO, "refused_code": "json_broken"}, "ok", "ok"),
        ("channels", NOTHING, "wait", "wait"),
        ("channels", {"observations": observed(("laeq", 61.0))}, "missing", "fail"),
        ("channels", {"observations": observed(("laeq", 61), ("lmax", None))}, "missing", "fail"),
        ("range", NOTHING, "wait", "wait"),
        ("range", {"observations": observed(("laeq", 12.0), ("lmax", 70.0))}, "out", "fail"),
        ("quality", NOTHING, "wait", "wait"),
        (
            "quality",
            {"observations": observed(("laeq", 61), ("lmax", 70), code=FLAT)},
            "flagged",
            "warn",
        ),
        ("clock", NOTHING, "wait", "wait"),
        ("clock", {"skew_s": -30.0}, "slightly", "warn"),
        ("clock", {"skew_s": 200.0}, "far_off", "fail"),
        ("battery", {"battery": 3.2}, "low", "fail"),
        ("battery", {"battery": None}, "untold", "warn"),
        ("battery", {"battery": None, "observations": observed()}, "wait", "wait"),
        ("battery", {"model": sensor_models()["AQ-P6"]}, "mains", "skip"),
        ("signal", {"rssi": -100.0}, "weak", "warn"),
        ("signal", {"rssi": -115.0}, "poor", "fail"),
        ("signal", {"rssi": None}, "untold", "skip"),
        ("signal", {"rssi": None, "observations": observed()}, "wait", "wait"),
        ("neighbour", {"neighbour": None}, "none", "skip"),
        ("neighbour", NOTHING, "wait", "wait"),
        ("neighbour", {"neighbour": Neighbour("x", 1, {LAEQ: 120.0})}, "differs", "warn"),
    ],
)
def test_each_check_says_what_it_finds(
    name: str, changes: dict[str, object], found: str, state: str
) -> None:
    check = finding(name, seen(**changes))
    assert (check.finding, check.state) == (found, state)
    assert ready(checks(seen(**changes))) == (state not in ("fail", "wait"))


def test_every_finding_has_words_and_every_word_a_finding() -> None:
    source = Path(__file__).parents[2] / "network"
    words = yaml.safe_load((source / "commissioning.yaml").read_text("utf-8"))
    words.pop("limits")
    assert [check.__name__.removeprefix("_") for check in CHECKS] == list(words)
    code = (source / "commissioning.py").read_text("utf-8")
    for name, findings in words.items():
        for found, entry in findings.items():
            assert f'"{found}"' in code, (name, found)
            assert set(entry) == {"state", "zh", "en"}


def test_what_is_missing_is_called_by_its_name_in_both_languages() -> None:
    check = finding("channels", seen(observations=observed(("laeq", 61.0))))
    assert "最大声级" in check.text("zh")
    assert "Maximum sound level" in check.text("en")
    out = finding("range", seen(observations=observed(("laeq", 12.0), ("lmax", 70.0))))
    assert "12 dB(A)" in out.text("en")


# Over a real store and registry


def measured(store: Store, sensor: SensorId, at: datetime, laeq: float) -> None:
    ms = int(at.timestamp() * 1000)
    values = {LAEQ: laeq, LMAX: laeq + 10}
    store.write([FlaggedReading(sensor, ms, values, {}, ms)])  # type: ignore[arg-type]


def test_from_new_to_ready(registry: Registry, store: Store) -> None:
    raw = {"serial": "SN-9", "model": "NM-S1", "station": "st-noise-dongmen"}
    entry, _ = read_entry(raw, known_now(registry, NOW))
    assert entry is not None
    sensor = register(registry, [entry], by="li", at=BEGUN)[0].sensor

    def states() -> dict[str, str]:
        found = look(sensor, store=store, registry=registry, now=NOW)
        assert found is not None
        return {check.name: check.state for check in checks(found)}

    assert states()["account"] == "fail"
    issue(registry, RegistryIsTheList(), [sensor], by="li", at=BEGUN)
    assert states()["account"] == "ok"
    assert states()["connected"] == "wait"
    keep(registry, {sensor: Contact(state="online", state_at=NOW, heard=NOW, session=1)})
    assert states()["connected"] == states()["authenticated"] == "ok"
    assert states()["first_message"] == "wait"
    measured(store, SensorId("noise-dongmen-1"), NOW - timedelta(seconds=30), 66.0)
    measured(store, sensor, NOW - timedelta(seconds=20), 64.0)
    keep(registry, {sensor: Contact(accepted=NOW, skew_s=0.2, battery=3.8, rssi=-70.0)})
    found = look(sensor, store=store, registry=registry, now=NOW)
    assert found is not None
    assert found.neighbour is not None
    assert found.neighbour.sensor == "noise-dongmen-1"
    assert found.contact.state == "online", "what is not told again stays"
    assert ready(checks(found)), states()
    assert look("nobody", store=store, registry=registry, now=NOW) is None
