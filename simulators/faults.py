"""Scripted faults: what goes wrong with which device and when, labelled so that QC can be scored.

A script is a list of `Fault`s. While one lasts it changes the device's readings (spike, flat line,
calibration, clock skew), the way they are sent (outage with a burst afterwards, duplicates), or
puts unusable messages among them. Each is a function in `FAULTS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas import SensorId
from simulators.fleet import Device, Values

DAY_S = 86_400


class Fault(BaseModel):
    """One fault of one device. from_s counts from the start of the script; for_s is how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    kind: str
    from_s: float = Field(ge=0)
    for_s: float = Field(gt=0)
    parameter: str | None = None
    size: float = Field(0.0, description="height of a spike, seconds of skew")

    def covers(self, elapsed_s: float) -> bool:
        return self.from_s <= elapsed_s < self.from_s + self.for_s


@dataclass(slots=True)
class Sending:
    """One reading on its way, and what the faults make of it.

    t: time that the device gives; due: true time. Both in s since the epoch.
    """

    t: float
    due: float
    values: Values
    flags: dict[str, str] = field(default_factory=dict)
    held: bool = False  # kept back until the outage ends
    twice: bool = False
    spoiled: bytes | None = None  # sent beside the reading, to be refused


def _spike(fault: Fault, sending: Sending, _memory: dict[str, Any]) -> Sending:
    """Every 12th reading jumps."""
    if int(sending.t) // 60 % 12:
        return sending
    return replace(sending, values=_changed(sending.values, fault, lambda v: v + fault.size))


def _flatline(fault: Fault, sending: Sending, memory: dict[str, Any]) -> Sending:
    """The value that it had when the fault began."""
    key = _parameter(fault, sending.values)
    frozen = memory.setdefault(f"{fault.from_s}/{key}", sending.values.get(key))
    return replace(sending, values=_changed(sending.values, fault, lambda _: frozen))


def _calibration(fault: Fault, sending: Sending, _memory: dict[str, Any]) -> Sending:
    """Span gas instead of air: flagged by the device itself."""
    key = _parameter(fault, sending.values)
    changed = _changed(sending.values, fault, lambda v: v + fault.size)
    return replace(sending, values=changed, flags={key: "C"})


def _skew(fault: Fault, sending: Sending, _memory: dict[str, Any]) -> Sending:
    return replace(sending, t=sending.t + fault.size)


def _outage(_fault: Fault, sending: Sending, _memory: dict[str, Any]) -> Sending:
    return replace(sending, held=True)


def _duplicate(_fault: Fault, sending: Sending, _memory: dict[str, Any]) -> Sending:
    return replace(sending, twice=True)


# What a broken device sends; {t} is its time in ms, {key} one of its parameters.
SPOILED = (
    b'{"ts": {t}, "values": {"{key}": ',
    b'{"ts": {t}, "values": {"{key}": NaN}}',
    b'{"ts": {t}, "values": {"{key}": "12,5"}}',
    b'{"ts": "yesterday", "values": {"{key}": 1}}',
    b'{"ts": {t}, "values": {"phlogiston": 1}}',
    b"\x00\xff\xfe garbage",
)


def _malformed(_fault: Fault, sending: Sending, memory: dict[str, Any]) -> Sending:
    number = memory["malformed"] = memory.get("malformed", -1) + 1
    key = next(iter(sending.values)).encode()
    time_ms = str(int(sending.t * 1000)).encode()
    spoiled = SPOILED[number % len(SPOILED)].replace(b"{t}", time_ms).replace(b"{key}", key)
    return replace(sending, spoiled=spoiled)


FAULTS: dict[str, Callable[[Fault, Sending, dict[str, Any]], Sending]] = {
    "spike": _spike,
    "flatline": _flatline,
    "calibration": _calibration,
    "skew": _skew,
    "outage": _outage,
    "duplicate": _duplicate,
    "malformed": _malformed,
}


def _parameter(fault: Fault, values: Values) -> str:
    return fault.parameter or next(iter(values))


def _changed(values: Values, fault: Fault, change: Callable[[float], float | None]) -> Values:
    key = _parameter(fault, values)
    value = values.get(key)
    return values if value is None else {**values, key: change(value)}


def check_faults(faults: Sequence[Fault], devices: Sequence[Device]) -> None:
    """Raises ValueError for a fault that would do nothing: no such device, or not its parameter."""
    parameters = {device.id: device.parameters for device in devices}
    for number, fault in enumerate(faults):
        measured = parameters.get(SensorId(fault.device))
        if measured is None:
            raise ValueError(f"fault {number}: device: the fleet has no {fault.device!r}")
        if fault.parameter is not None and fault.parameter not in measured:
            raise ValueError(
                f"fault {number}: parameter: {fault.device} measures no {fault.parameter!r}, "
                f"but {', '.join(measured)}"
            )


class Script:
    """The faults of a run, by device; `start_s` is when the script's clock began."""

    def __init__(self, faults: Sequence[Fault], start_s: float) -> None:
        self._faults: dict[str, list[Fault]] = {}
        for fault in faults:
            self._faults.setdefault(fault.device, []).append(fault)
        self._start_s = start_s
        self._memory: dict[str, dict[str, Any]] = {}

    def apply(self, device: Device, t: float, values: Values) -> Sending:
        """The reading as this device sends it at `t` (s since the epoch)."""
        sending = Sending(t, t, values)
        for fault in self._faults.get(device.id, ()):
            if values and fault.covers(t - self._start_s):
                memory = self._memory.setdefault(device.id, {})
                sending = FAULTS[fault.kind](fault, sending, memory)
        return sending

    def write_labels(self, path: Path) -> None:
        """One JSON line a fault: device, kind, start and end in ms since the epoch, parameter."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps(
                {
                    "device": fault.device,
                    "kind": fault.kind,
                    "start": int((self._start_s + fault.from_s) * 1000),
                    "end": int((self._start_s + fault.from_s + fault.for_s) * 1000),
                    "parameter": fault.parameter,
                    "size": fault.size,
                }
            )
            for faults in self._faults.values()
            for fault in faults
        ]
        path.write_text("\n".join(lines) + "\n", "utf-8")


def demo_faults(devices: Sequence[Device]) -> list[Fault]:
    """Each kind of fault at least once within a month, on emulated devices of several media."""
    emulated = [device for device in devices if device.source.startswith("emulator:")]
    air = [d.id for d in emulated if "no2" in d.parameters]
    noise = [d.id for d in emulated if d.medium == "noise"]
    water = [d.id for d in emulated if d.medium == "water"]
    plan: list[tuple[list[Any], int, str, float, float, str | None, float]] = [
        (air, 0, "spike", 3, 0.25, "pm25", 400),
        (noise, 1, "spike", 6, 0.1, "laeq", 55),
        (water, 0, "flatline", 8, 3, "do", 0),
        (air, 1, "flatline", 10, 0.5, "no2", 0),
        (noise, 2, "outage", 12, 0.3, None, 0),
        (water, 1, "outage", 14, 0.5, None, 0),
        (air, 2, "duplicate", 15, 0.2, None, 0),
        (noise, 3, "skew", 18, 0.1, None, 137),
        (air, 3, "skew", 20, 0.1, None, -60 * DAY_S),
        (water, 2, "malformed", 0, 0.3, None, 0),
        (noise, 4, "malformed", 24, 0.02, None, 0),
        (air, 4, "calibration", 26, 0.05, "no2", 300),
    ]
    return [
        Fault(
            device=devices_of[index % len(devices_of)],
            kind=kind,
            from_s=day * DAY_S,
            for_s=days * DAY_S,
            parameter=parameter,
            size=size,
        )
        for devices_of, index, kind, day, days, parameter, size in plan
        if devices_of
    ]


_SCRIPT = TypeAdapter(list[Fault])


def load_faults(path: Path) -> list[Fault]:
    """Read a YAML list of faults. Raises ValueError that names entry, field and rule."""
    try:
        faults = _SCRIPT.validate_python(yaml.safe_load(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {where}: {first['msg']}") from None
    for fault in faults:
        if fault.kind not in FAULTS:
            raise ValueError(f"{path}: kind {fault.kind!r}: one of {', '.join(FAULTS)}")
    return faults
