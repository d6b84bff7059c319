"""What a device sends: pydantic models of the JSON payloads.

A data message is one `Reading` or an array of up to 500 of them (store-and-forward). These models
are the published contract (`schemas/json/`); how errors become dead letters is ingest's business.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.ids import ID_PATTERN

MAX_MESSAGE_BYTES = 256 * 1024
MAX_READINGS = 500
MAX_VALUES = 64
MAX_DEPTH = 4

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e12, le=1e12)]
Text = Annotated[str, StringConstraints(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
DeviceFlag = Literal["N", "F", "M", "S", "D", "C", "T", "B"]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Reading(_Wire):
    """One reading: one time, several values of one sensor."""

    ts: Annotated[str, StringConstraints(max_length=40)] | int = Field(
        description="RFC 3339 with offset, or whole milliseconds since the epoch"
    )
    values: dict[Name, Number | None] = Field(
        min_length=1,
        max_length=MAX_VALUES,
        description="catalogue keys, canonical units; null = missing",
    )
    seq: int | None = Field(None, ge=0, le=2**63 - 1, description="counter of the device")
    sensor: Id | None = Field(None, description="if given, must be the topic's sensor id")
    flags: dict[Name, DeviceFlag] | None = Field(
        None, max_length=MAX_VALUES, description="device flags by parameter, HJ 212 letters"
    )
    units: dict[Name, Text] | None = Field(
        None, max_length=MAX_VALUES, description="if given, must be the canonical units"
    )
    meta: dict[Name, Number | bool | Text | None] | None = Field(
        None, max_length=32, description="battery in V, rssi in dBm, firmware and the like"
    )


class Status(_Wire):
    """Retained on the `status` channel; `offline` is the will."""

    state: Literal["online", "offline"]
    session: int = Field(ge=0, description="number of the connection; an older offline is ignored")
    ts: Annotated[str, StringConstraints(max_length=40)] | int | None = None


class Command(_Wire):
    """On the `cmd` channel: what a device is to do. Answered with a `Reply` of the same id.

    interval: {"seconds": 30} between readings; restart and calibrate need no arguments. A device
    that gets it after `expires` (ms since the epoch) does nothing and answers `refused`.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,32}$")]
    kind: Literal["interval", "restart", "calibrate"]
    arguments: dict[Name, Number] = Field(default_factory=dict, max_length=8)
    expires: int = Field(ge=0)


class Reply(_Wire):
    """On the `reply` channel: what became of a command."""

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,32}$")]
    state: Literal["done", "refused"]
    text: Text = ""
    ts: Annotated[str, StringConstraints(max_length=40)] | int | None = None


class Event(_Wire):
    """Something a device tells of itself: calibration begun, door opened, part exchanged."""

    ts: Annotated[str, StringConstraints(max_length=40)] | int
    kind: Literal["calibration_start", "calibration_end", "maintenance", "power", "door", "fault"]
    text: Text = ""
