"""Is it sending? What a technician must know before leaving a sensor: checks, each with its remedy.

`checks` is pure: what store, registry and ingest know of the sensor comes in as `Seen`, what each
check finds goes out. `look` gathers what it needs. The words stand in `commissioning.yaml`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import polars as pl
import yaml

from network.nearest import REACH_KM, Neighbour, nearest
from registry import Registry
from registry.contacts import Contact, contact
from registry.credentials import Credential, credentials
from registry.devices import device
from schemas import Interval, ParameterKey, Topic, catalogue, flag_of
from schemas.flags import USABLE, Cause, cause_of
from schemas.models import SensorModel, sensor_models
from schemas.registry import Sensor
from schemas.rejection import reasons
from storage import Store

LOOK_BACK = timedelta(hours=24)
READY = ("ok", "warn", "skip")


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that the checks look at. since: nothing earlier counts.

    observations: of this sensor since then, columns `OBSERVATIONS`.
    """

    sensor: Sensor
    model: SensorModel | None
    accounts: Sequence[Credential]
    contact: Contact
    observations: pl.DataFrame
    neighbour: Neighbour | None
    since: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """name and finding are keys of `commissioning.yaml`; facts: what its words name in braces."""

    name: str
    finding: str
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def state(self) -> str:
        return str(_words()[self.name][self.finding]["state"])

    def text(self, language: str) -> str:
        word = str(_words()[self.name][self.finding]["zh" if language == "zh" else "en"])
        shown = {name: _in(language, value) for name, value in self.facts.items()}
        return word.format_map(shown)

    def kept(self) -> dict[str, Any]:
        """As the signed record holds it."""
        texts = {language: self.text(language) for language in ("zh", "en")}
        return {"name": self.name, "state": self.state, "finding": self.finding, **texts}


def ready(found: Iterable[Check]) -> bool:
    """Whether a sensor may be signed off: nothing has failed, nothing is still awaited."""
    return all(check.state in READY for check in found)


def checks(seen: Seen) -> list[Check]:
    """All checks, in the order in which a device comes to life."""
    return [check(seen) for check in CHECKS]


def look(sensor_id: str, *, store: Store, registry: Registry, now: datetime) -> Seen | None:
    """What is known of a sensor now; None for a stranger. Raises StoreUnavailable."""
    sensors = registry.sensors()
    sensor = sensors.get(sensor_id)  # type: ignore[call-overload]
    if sensor is None:
        return None
    accounts = credentials(registry, sensor_id)
    about = device(registry, sensor_id)
    begun = [account.created for account in accounts if account.state == "active"]
    begun += [about.registered] if about else []
    since = max([now - LOOK_BACK, *begun])
    window = Interval(since, now + timedelta(minutes=6))  # a clock may be ahead of ours
    return Seen(
        sensor=sensor,
        model=sensor_models().get(sensor.model),
        accounts=accounts,
        contact=contact(registry, sensor_id) or Contact(),
        observations=store.read(window, sensors=[sensor_id]),
        neighbour=nearest(sensor, store=store, registry=registry, now=now),
        since=since,
        now=now,
    )


def _account(seen: Seen) -> Check:
    by_state = {account.state: account for account in reversed(seen.accounts)}
    if "active" in by_state:
        return Check("account", "ok", {"username": by_state["active"].username})
    return Check("account", "suspended" if "suspended" in by_state else "none")


def _connected(seen: Seen) -> Check:
    heard, told = seen.contact.heard, seen.contact.state_at
    if heard is None or heard < seen.since:
        return Check("connected", "wait")
    facts = {"ago": round((seen.now - heard).total_seconds())}
    if seen.contact.state == "offline" and told is not None and told >= heard:
        return Check("connected", "offline", facts)
    if seen.now - heard > _longest_silence(seen.sensor):
        return Check("connected", "quiet", facts)
    return Check("connected", "ok", facts)


def _longest_silence(sensor: Sensor) -> timedelta:
    limits = _limits()
    seconds = max(limits["quiet_least_s"], limits["quiet_cadences"] * sensor.cadence_s)
    return timedelta(seconds=seconds)


def _authenticated(seen: Seen) -> Check:
    heard, denied = seen.contact.heard, seen.contact.denied
    lately = heard is not None and heard >= seen.since
    if denied is not None and denied >= seen.since and (heard is None or denied > heard):
        ago = round((seen.now - denied).total_seconds())
        wrong = "wrong_password" if seen.contact.denied_why == "password" else "wrong_account"
        return Check("authenticated", wrong, {"ago": ago})
    if lately:
        return Check("authenticated", "ok")
    minutes = int((seen.now - seen.since).total_seconds() // 60)
    return Check("authenticated", "wait", {"minutes": minutes})


def _first_message(seen: Seen) -> Check:
    accepted, refused = seen.contact.accepted, seen.contact.refused
    if refused is not None and refused >= seen.since and (accepted is None or refused > accepted):
        code = seen.contact.refused_code
        return Check("first_message", "refused", {"reason": reasons().get(code, code)})
    if not seen.observations.is_empty() and accepted is not None and accepted >= seen.since:
        return Check("first_message", "ok")
    topic = str(Topic(seen.sensor.medium, seen.sensor.id))
    return Check("first_message", "wait", {"topic": topic, "cadence": seen.sensor.cadence_s})


def _channels(seen: Seen) -> Check:
    if seen.observations.is_empty():
        return Check("channels", "wait")
    told = set(seen.observations.filter(pl.col("value").is_not_null())["parameter"])
    missing = [key for key in seen.sensor.parameters if key not in told]
    if missing:
        return Check("channels", "missing", {"missing": _Names(missing)})
    return Check("channels", "ok", {"count": len(seen.sensor.parameters)})


def _range(seen: Seen) -> Check:
    values = seen.observations.filter(pl.col("value").is_not_null())
    if values.is_empty():
        return Check("range", "wait")
    out = {}
    for key, value in values.sort("ts").select("parameter", "value").iter_rows():
        low, high = _span(seen.model, key)
        if not low <= value <= high:
            out[key] = value
    return Check("range", "out", {"out": _Values(out)}) if out else Check("range", "ok")


def _span(model: SensorModel | None, key: str) -> tuple[float, float]:
    if model is not None and key in model.channels:
        return model.channels[ParameterKey(key)]
    return catalogue()[key].range


def _quality(seen: Seen) -> Check:
    if seen.observations.is_empty():
        return Check("quality", "wait")
    codes = seen.observations["quality"].to_list()
    # Before it is signed off all its data are flagged as maintenance: that is no finding.
    wrong = [code for code in codes if flag_of(code) not in USABLE]
    wrong = [code for code in wrong if cause_of(code) is not Cause.MAINTENANCE]
    if not wrong:
        return Check("quality", "ok")
    causes = ", ".join(sorted({cause_of(code).name.lower() for code in wrong}))
    share = math.ceil(100 * len(wrong) / len(codes))
    return Check("quality", "flagged", {"share": share, "causes": causes})


def _clock(seen: Seen) -> Check:
    skew, limits = seen.contact.skew_s, _limits()
    if skew is None or seen.contact.accepted is None or seen.contact.accepted < seen.since:
        return Check("clock", "wait")
    off = abs(skew)
    finding = "ok" if off <= limits["skew_warn_s"] else "slightly"
    facts = {"skew": f"{round(skew, 1) + 0.0:+.1f}"}
    return Check("clock", "far_off" if off > limits["skew_fail_s"] else finding, facts)


def _battery(seen: Seen) -> Check:
    least = None if seen.model is None else seen.model.low_battery_v
    if least is None:
        return Check("battery", "mains")
    volts = seen.contact.battery
    if volts is None:
        return Check("battery", "wait" if seen.observations.is_empty() else "untold")
    facts = {"volts": f"{volts:.2f}", "least": f"{least:.2f}"}
    return Check("battery", "low" if volts < least else "ok", facts)


def _signal(seen: Seen) -> Check:
    dbm, limits = seen.contact.rssi, _limits()
    if dbm is None:
        return Check("signal", "wait" if seen.observations.is_empty() else "untold")
    finding = "ok" if dbm >= limits["signal_weak_dbm"] else "weak"
    poor = dbm < limits["signal_poor_dbm"]
    return Check("signal", "poor" if poor else finding, {"dbm": round(dbm)})


def _neighbour(seen: Seen) -> Check:
    if seen.neighbour is None:
        return Check("neighbour", "none", {"most": REACH_KM})
    own = {
        key: value
        for key, value in seen.observations.sort("ts").select("parameter", "value").iter_rows()
        if value is not None and key in seen.neighbour.values
    }
    if not own:
        return Check("neighbour", "wait")
    facts: dict[str, object] = {"sensor": seen.neighbour.sensor, "km": f"{seen.neighbour.km:.1f}"}
    differs = {
        key: value
        for key, value in own.items()
        if abs(value - seen.neighbour.values[key]) > _unlike(key, seen.sensor.cadence_s)
    }
    if differs:
        return Check("neighbour", "differs", {**facts, "differs": _Values(differs)})
    return Check("neighbour", "ok", facts)


def _unlike(key: str, cadence_s: int) -> float:
    """A difference that would be a bad spike within one channel is one between two places."""
    settings = catalogue()[key].qc_for(max(cadence_s, 3600)) or catalogue()[key].qc_for(cadence_s)
    if settings is None or settings.spike_bad is None:
        return math.inf
    return settings.spike_bad


CHECKS: tuple[Callable[[Seen], Check], ...] = (
    *(_account, _connected, _authenticated, _first_message, _channels, _range),
    *(_quality, _clock, _battery, _signal, _neighbour),
)


class _Names(tuple[str, ...]):
    """Parameters, told by their names."""

    def __new__(cls, keys: Iterable[str]) -> _Names:
        return super().__new__(cls, keys)


class _Values(dict[str, float]):
    """Values by parameter, told by name and with their unit."""


def _in(language: str, value: object) -> object:
    parameters = catalogue()
    if isinstance(value, _Names):
        return ", ".join(parameters[key].name(language) for key in value)
    if isinstance(value, _Values):
        return ", ".join(
            f"{parameters[key].name(language)} {number:g} {parameters[key].unit}"
            for key, number in value.items()
        )
    return value.get(language, "") if isinstance(value, Mapping) else value


def _limits() -> dict[str, float]:
    return _words()["limits"]


@cache
def _words() -> dict[str, Any]:
    text = resources.files("network").joinpath("commissioning.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
