"""Frames of HJ 212 to readings: which upload counts, which field of it, in which unit.

A logger tells the same thing several times: live, as means of minutes, hours and days. Only the
upload that is registered for it becomes readings, for a mean and a live value of the same time
would take each other's place in the store. Packets of one set that come in one payload make one
reading. A factor that is not ours costs the others nothing: it alone is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import yaml
from pydantic import ValidationError

from ingest.decoded import Decoded, explained
from ingest.hj212.packet import Item, Packet, refuse_damaged, refused, upload_of
from schemas import ParameterKey, Reading, Rejected, catalogue, to_ms
from schemas.flags import DEVICE_FLAGS
from schemas.hj212 import Damaged, Upload, frames_of

AIR_SOURCES = ("31", "51")
FIELDS = {
    Upload.LIVE: ("Rtd",),
    Upload.MINUTES: ("Avg", "Data"),
    Upload.HOURS: ("Avg", "Data"),
    Upload.DAYS: ("Avg", "Data"),
}
NOT_VALID = "D"  # a letter that the standard does not have: kept as a fault of the device


@dataclass(frozen=True, slots=True)
class Expected:
    """What the registry says of a logger. channels: the parameters that it is registered for."""

    mn: str
    upload: Upload = Upload.LIVE
    channels: Set[ParameterKey] = frozenset()


@dataclass(slots=True)
class _Draft:
    """A reading in the making, of one packet or of all packets of a set."""

    position: int
    ts_ms: int
    values: dict[str, float | None] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)


def decode_hj212(payload: bytes, expected: Expected | None = None) -> Decoded:
    """Decode a payload of whole frames; positions count its frames. Raises Rejected for the whole.

    expected None: any logger's, every kind of upload, every parameter of the catalogue.
    """
    found, _ = frames_of(payload)
    if not found:
        raise refused("hj212_bad_length_field", "payload", payload[:80], "begins with ##")
    decoded = Decoded([])
    drafts: dict[tuple[str, int, int | None], _Draft] = {}
    for position, frame in enumerate(found):
        try:
            if isinstance(frame, Damaged):
                raise refuse_damaged(frame)
            packet = Packet.parse(frame.segment)
            _admit(packet, expected)
        except Rejected as rejected:
            decoded.refused.append((position, rejected))
            continue
        upload = upload_of(packet.cn)
        if upload is None or packet.data_time is None:
            continue  # a heartbeat, a facility's state, an answer: understood, nothing measured
        if expected is not None and upload is not expected.upload:
            continue
        ts_ms = to_ms(packet.data_time)
        set_of = (packet.cn, ts_ms, None if packet.pnum else position)
        draft = drafts.setdefault(set_of, _Draft(position, ts_ms))
        for stranger in _fill(draft, packet, FIELDS[upload], expected):
            decoded.refused.append((position, stranger))
    for draft in drafts.values():
        if draft.values:
            try:
                decoded.readings.append((draft.position, _reading(draft)))
            except ValidationError as error:
                decoded.refused.append((draft.position, explained(error)))
    return decoded


def _admit(packet: Packet, expected: Expected | None) -> None:
    if expected is not None and packet.mn != expected.mn:
        raise Rejected(
            "sensor_mismatch",
            field="MN",
            value=packet.mn,
            rule=f"the sensor of this topic is registered with MN {expected.mn}",
            remedy="correct the logger's MN, or the sensor's registration",
        )


def _fill(
    draft: _Draft, packet: Packet, fields: tuple[str, ...], expected: Expected | None
) -> Iterator[Rejected]:
    """Take over what is ours of a packet; gives what is not, factor by factor."""
    for item in packet.items.values():
        name = next((name for name in fields if name in item.fields), None)
        if name is None and item.flag in (None, "N", "S"):
            continue  # a total, a minimum: told with the mean, not in its place
        key = _parameter(item.code)
        if key is None:
            yield refused(
                "parameter_unknown",
                item.code,
                item.code,
                "a factor that the parameter catalogue has (codes.hj212)",
                "correct the logger's factor code, or add the parameter to the catalogue",
            )
        elif expected is not None and key not in expected.channels:
            yield refused(
                "parameter_not_measured",
                item.code,
                key,
                "the sensor is not registered for it",
                "add the channel to the sensor's registration, then replay this message",
            )
        else:
            try:
                value = _canonical(item, name, packet.st)
            except Rejected as rejected:
                yield rejected
                continue
            draft.values[key] = value
            if item.flag is not None:
                draft.flags[key] = item.flag if item.flag in DEVICE_FLAGS else NOT_VALID


def _canonical(item: Item, name: str | None, st: str) -> float | None:
    """The value in the catalogue's unit; None where the device gave a flag and no number."""
    value = item.number(name) if name else None
    if value is None:
        return None
    code = current(item.code)
    tables = _tables()
    factor = tables.factor.get(code, 1.0)
    if st in AIR_SOURCES:
        factor = tables.factor_of_source.get(code, factor)
    return value if factor == 1.0 else float(f"{value * factor:.12g}")  # 101.3 kPa is 1013 hPa


def _reading(draft: _Draft) -> Reading:
    return Reading.model_validate(
        {"ts": draft.ts_ms, "values": draft.values, "flags": draft.flags or None}
    )


@dataclass(frozen=True, slots=True)
class _Tables:
    old: Mapping[str, str]
    also: Mapping[str, ParameterKey]
    factor: Mapping[str, float]
    factor_of_source: Mapping[str, float]


@cache
def _tables() -> _Tables:
    text = resources.files("ingest.hj212").joinpath("factors.yaml").read_text("utf-8")
    return _Tables(**yaml.safe_load(text))


def current(code: str) -> str:
    """The code of 2017 for one of 2005; any other as it is."""
    return _tables().old.get(code, code)


@cache
def _by_code() -> dict[str, ParameterKey]:
    own = {
        parameter.codes["hj212"]: parameter.key
        for parameter in catalogue()
        if "hj212" in parameter.codes
    }
    return {**own, **_tables().also}


def _parameter(code: str) -> ParameterKey | None:
    return _by_code().get(current(code))
