"""What an emulated device does when it is told to, and what it tells of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from schemas import Topic, TopicChannel
from schemas.wire import Command, Reply
from simulators.fleet import Device
from simulators.ledger import Outgoing
from simulators.weather import hashed, jitter

FIRMWARE = "1.4.2"
SHORTEST_S, LONGEST_S = 1, 86_400


@dataclass(slots=True)
class Settings:
    """What commands have changed, by device. intervals: seconds between readings."""

    intervals: dict[str, float] = field(default_factory=dict)
    outbox: list[Outgoing] = field(default_factory=list)  # to be published by the run


def obey(settings: Settings, clock: Callable[[], float], device: Device, command: Command) -> Reply:
    """Do what a command asks, as far as an emulator can."""
    now_ms = round(clock() * 1000)
    if command.kind == "interval":
        seconds = command.arguments.get("seconds", 0.0)
        if not SHORTEST_S <= seconds <= LONGEST_S:
            told = f"seconds: {SHORTEST_S} to {LONGEST_S}"
            return Reply(id=command.id, state="refused", text=told, ts=now_ms)
        settings.intervals[device.id] = seconds
    elif command.kind == "calibrate":
        settings.outbox += [
            _event(device, now_ms, "calibration_start"),
            _event(device, now_ms + 1, "calibration_end"),
        ]
    else:
        settings.intervals.pop(device.id, None)  # a restart forgets what was told
        settings.outbox.append(_event(device, now_ms, "power"))
    return Reply(id=command.id, state="done", ts=now_ms)


def vitals(device: Device, t: float) -> dict[str, object]:
    """Battery in V, signal in dBm and firmware, as real devices put into `meta`."""
    full = 12.4 if device.medium == "water" else 3.8
    return {
        "battery": round(full + 0.1 * hashed(f"{device.id}:battery", 0), 2),
        "rssi": round(-72 + 8 * hashed(f"{device.id}:rssi", 0) + 3 * jitter(device.id, t)),
        "fw": FIRMWARE,
    }


def _event(device: Device, ts: int, kind: str) -> Outgoing:
    body = json.dumps({"ts": ts, "kind": kind}).encode()
    return Outgoing(str(Topic(device.medium, device.id, TopicChannel.EVENT)), body, device.id)
