"""The health of the network: which sensors need somebody, and which data prove the repair.

`find` and `mended` are pure, over what is known of one sensor. A repair is proven by more than the
absence of the fault, so that an order does not flicker: enough readings again, a battery well above
its limit, whole hours. `review` gathers, opens and closes work orders; running it again changes
nothing. Sensors that are not commissioned, retired, quarantined, or under maintenance open none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import polars as pl
import yaml

from registry import Registry
from registry.calibrations import Calibration, newest_calibrations
from registry.certificates import certificate_ends
from registry.contacts import contacts
from registry.devices import devices
from registry.maintenance import maintenance_windows
from registry.quarantine import quarantined
from registry.work_orders import BY_DATA, close_order, open_order, work_orders
from schemas import Cause, Interval, Level, Period
from schemas.clock import HOUR
from schemas.models import SensorModel, sensor_models
from schemas.registry import Sensor
from storage import Store

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is known of one sensor. recent: its readings within the last few cadences.

    flat: by parameter, how many of the last hours' values stood still, of how many. completeness:
    of the last whole hours, the oldest first; None where nothing was expected.
    """

    sensor: Sensor
    now: datetime
    model: SensorModel | None = None
    last: datetime | None = None
    recent: int = 0
    battery: float | None = None
    flat: Mapping[str, tuple[int, int]] | None = None
    flat_lately: int = 0
    completeness: Sequence[float] = ()
    calibrations: Sequence[Calibration] = ()
    calibration_due: datetime | None = None
    certificate_ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reviewed:
    opened: int
    closed: int


def find(vitals: Vitals) -> dict[str, Facts]:
    """Every fault of a sensor, with the figures that say so; what is proven mended is none."""
    found = {}
    for kind, (broken, _) in FAULTS.items():
        facts = broken(vitals, settings()[kind])
        if facts is not None and mended(kind, vitals) is None:
            found[kind] = facts
    if "silent" in found:
        found.pop("incomplete", None)  # one order for one cause
    return found


def mended(kind: str, vitals: Vitals) -> Facts | None:
    """The figures that prove a fault's repair; None as long as they do not."""
    return FAULTS[kind][1](vitals, settings()[kind])


def _silent(vitals: Vitals, limits: Mapping[str, float]) -> Facts | None:
    since = vitals.last or vitals.sensor.installed
    patience = max(limits["least_s"], limits["cadences"] * vitals.sensor.cadence_s)
    if since is None or vitals.now - since <= timedelta(seconds=patience):
        return None
    return {"last": vitals.last, "hours": round((vitals.now - since) / HOUR, 1)}


def _speaks(vitals: Vitals, limits: Mapping[str, float]) -> Facts | None:
    enough = limits["back"] if vitals.sensor.cadence_s < 3600 else 1
    return {"readings": vitals.recent} if vitals.recent >= enough else None


def _low(vitals: Vitals, _limits: Mapping[str, float]) -> Facts | None:
    least = vitals.model.low_battery_v if vitals.model else None
    if least is None or vitals.battery is None or vitals.battery >= least:
        return None
    return {"volts": vitals.battery, "least": least}


def _charged(vitals: Vitals, limits: Mapping[str, float]) -> Facts | None:
    least = vitals.model.low_battery_v if vitals.model else None
    if least is None or vitals.battery is None or vitals.battery < least * limits["above"]:
        return None
    return {"volts": vitals.battery}


def _flat(vitals: Vitals, limits: Mapping[str, float]) -> Facts | None:
    for key, (still, all_of) in (vitals.flat or {}).items():
        if all_of >= limits["least"] and still >= limits["share"] * all_of:
            return {"parameter": key, "still": still, "of": all_of}
    return None


def _moves(vitals: Vitals, limits: Mapping[str, float]) -> Facts | None:
    if vitals.flat_lately or vitals.recent < limits["back"]:
        return None
    return {"readings": vitals.recent}


def _drifts(vitals: Vitals, _limits: Mapping[str, float]) -> Facts | None:
    for check in vitals.calibrations:
        if not check.mended:
            drift = round(check.drift_percent, 2)
            return {"parameter": check.parameter, "percent": drift, "at": check.at}
    return None


def _adjusted(vitals: Vitals, _limits: Mapping[str, float]) -> Facts | None:
    if not vitals.calibrations or not all(check.mended for check in vitals.calibrations):
        return None
    return {"at": max(check.at for check in vitals.calibrations)}


def _overdue(vitals: Vitals, _limits: Mapping[str, float]) -> Facts | None:
    due = vitals.calibration_due
    return {"due": due} if due is not None and due < vitals.now else None


def _calibrated(vitals: Vitals, _limits: Mapping[str, float]) -> Facts | None:
    due = vitals.calibration_due
    return {"due": due} if due is not None and due >= vitals.now else None


def _incomplete(vitals: Vitals, limits: Mapping[str, float]) -> Facts | None:
    hours = vitals.completeness
    if len(hours) < limits["hours"]:
        return None
    share = sum(hours) / len(hours)
    target = limits["target"]
    return {"share": round(share, 3), "target": target} if share < target else None


def _complete(vitals: Vitals, limits: Mapping[str, float]) -> Facts | None:
    hours = vitals.completeness[-int(limits["back_hours"]) :]
    if len(hours) < limits["back_hours"] or min(hours) < limits["back"]:
        return None
    return {"share": round(min(hours), 3)}


def _ends(vitals: Vitals, limits: Mapping[str, float]) -> Facts | None:
    ends = vitals.certificate_ends
    if ends is None or ends - vitals.now >= timedelta(days=limits["days"]):
        return None
    return {"ends": ends}


def _renewed(vitals: Vitals, limits: Mapping[str, float]) -> Facts | None:
    """A newer certificate, or none that its account could still use."""
    return {"ends": vitals.certificate_ends} if _ends(vitals, limits) is None else None


Rule = Callable[[Vitals, Mapping[str, float]], Facts | None]

# Kind of fault → (the fault, the proof of its repair).
FAULTS: dict[str, tuple[Rule, Rule]] = {
    "silent": (_silent, _speaks),
    "low_battery": (_low, _charged),
    "flatline": (_flat, _moves),
    "drift": (_drifts, _adjusted),
    "calibration_overdue": (_overdue, _calibrated),
    "incomplete": (_incomplete, _complete),
    "certificate": (_ends, _renewed),
}


def review(now: datetime, *, store: Store, registry: Registry) -> Reviewed:
    """Open what is to be done, close what is done. Raises StoreUnavailable."""
    known = gather(now, store=store, registry=registry)
    opened = closed = 0
    for order in work_orders(registry):
        if order.kind not in FAULTS or order.sensor not in known:
            continue  # nothing that data could prove
        proof = mended(order.kind, known[order.sensor])
        if proof is not None:
            told = ", ".join(f"{name}: {value}" for name, value in proof.items())
            close_order(registry, order.id, by=BY_DATA, at=now, resolution=told)
            closed += 1
    at_work = maintenance_windows(registry, now, now + timedelta(seconds=1))
    left_alone = quarantined(registry) | set(at_work)
    for name, vitals in known.items():
        # One that is not commissioned, or is moved, stands under maintenance.
        if vitals.sensor.state != "active" or vitals.sensor.id in left_alone:
            continue
        for kind, facts in find(vitals).items():
            due = now + timedelta(hours=settings()[kind]["due_h"])
            made = open_order(registry, name, kind, facts=facts, due=due, by=BY_DATA, at=now)
            opened += made is not None
    return Reviewed(opened, closed)


def gather(now: datetime, *, store: Store, registry: Registry) -> dict[str, Vitals]:
    """What is known of every sensor that is not retired."""
    sensors = {str(s.id): s for s in registry.sensors().values() if s.state != "retired"}
    heard, about, models = contacts(registry), devices(registry), sensor_models()
    ends = certificate_ends(registry)
    checks: dict[str, list[Calibration]] = {}
    for (of, _), check in newest_calibrations(registry).items():
        checks.setdefault(of, []).append(check)
    newest = store.latest()
    last = dict(newest.group_by("sensor").agg(pl.col("ts").max()).iter_rows())
    hours = settings()["flatline"]["hours"]
    values = store.read(Interval(now - timedelta(hours=hours), now + timedelta(minutes=5)))
    flat, lately = _stillness(values, now)
    whole = _completeness(store, now)
    spoken = _spoken(values, sensors, last, now)
    found: dict[str, Vitals] = {}
    for name, sensor in sensors.items():
        contact, device = heard.get(sensor.id), about.get(sensor.id)
        found[name] = Vitals(
            sensor=sensor,
            now=now,
            model=models.get(sensor.model),
            last=last.get(name),
            recent=spoken.get(name, 0),
            battery=contact.battery if contact else None,
            flat=flat.get(name),
            flat_lately=lately.get(name, 0),
            completeness=whole.get(name, ()),
            calibrations=checks.get(name, ()),
            calibration_due=device.calibration_due if device else None,
            certificate_ends=ends.get(sensor.id),
        )
    return found


def _stillness(
    values: pl.DataFrame, now: datetime
) -> tuple[dict[str, dict[str, tuple[int, int]]], dict[str, int]]:
    """Values that stood still by sensor and parameter, and by sensor within the last hour."""
    still = values.with_columns(still=(pl.col("quality") // 10 == int(Cause.FLATLINE)))
    counted = still.group_by("sensor", "parameter").agg(pl.col("still").sum(), of=pl.len())
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for name, key, number, of in counted.iter_rows():
        found.setdefault(name, {})[key] = (number, of)
    late = still.filter(pl.col("ts") > now - HOUR, pl.col("still"))
    return found, dict(late.group_by("sensor").agg(pl.len()).iter_rows())


def _spoken(
    values: pl.DataFrame, sensors: Mapping[str, Sensor], last: Mapping[str, datetime], now: datetime
) -> dict[str, int]:
    """Readings of the last cadences; of sensors slower than the window, whether the last is one."""
    cadences = settings()["silent"]["cadences"]
    reach = pl.DataFrame(
        [(name, 1000 * cadences * sensor.cadence_s) for name, sensor in sensors.items()],
        schema={"sensor": pl.String, "reach": pl.Int64},
        orient="row",
    )
    fresh = (
        values.select("sensor", "ts")
        .unique()
        .join(reach, on="sensor")
        .filter(pl.col("ts") > pl.lit(now) - pl.duration(milliseconds="reach"))
    )
    found: dict[str, int] = dict(fresh.group_by("sensor").agg(pl.len()).iter_rows())
    for name, sensor in sensors.items():
        at = last.get(name)
        recent = timedelta(seconds=cadences * sensor.cadence_s)
        if name not in found and at is not None and now - at < recent:
            found[name] = 1
    return found


def _completeness(store: Store, now: datetime) -> dict[str, list[float]]:
    """Of the last whole hours, by sensor: of its worst channel, as the hourly rows say."""
    hours = int(settings()["incomplete"]["hours"])
    end = Interval.hour(now - timedelta(minutes=15)).start  # the last hour may still be made
    rows = store.read_aggregates(
        Interval(end - timedelta(hours=hours), end), period=Period.HOUR, level=Level.SENSOR
    )
    worst = rows.group_by("subject", "start").agg(pl.col("completeness").min()).sort("start")
    found: dict[str, list[float]] = {}
    for name, _, share in worst.select("subject", "start", "completeness").iter_rows():
        if share is not None:
            found.setdefault(name, []).append(share)
    return found


@cache
def settings() -> dict[str, dict[str, float]]:
    text = resources.files("network").joinpath("health.yaml").read_text("utf-8")
    loaded: dict[str, dict[str, float]] = yaml.safe_load(text)
    return loaded
