"""From payload bytes to readings, one decoder per format.

A decoder gives every reading it could read with its position, and every one it could not with the
reason. A payload that cannot be read as a whole raises `Rejected`. Nothing here looks at the clock
or the registry. What decoders share stands in `decoded.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pydantic_core
from pydantic import TypeAdapter, ValidationError

from ingest.decoded import Decoded, explained
from ingest.hj212 import Expected, decode_hj212
from schemas import Format, Reading, Rejected
from schemas.wire import MAX_DEPTH, MAX_MESSAGE_BYTES, MAX_READINGS

_READINGS = TypeAdapter(list[Reading])
_READING = TypeAdapter(Reading)


def decode_json(payload: bytes, _: Expected | None = None) -> Decoded:
    """Decode one reading object or an array of at most 500. Raises Rejected for the whole."""
    batch = payload.lstrip()[:1] == b"["
    try:
        if batch:
            readings = _READINGS.validate_json(payload)
            if not readings:
                return _decode_one_by_one(payload)
            _refuse_count(len(readings))
            return Decoded(list(enumerate(readings)))
        return Decoded([(0, _READING.validate_json(payload))])
    except ValidationError:
        return _decode_one_by_one(payload)


def _decode_one_by_one(payload: bytes) -> Decoded:
    """The slow way, taken only when something is wrong: find out what, reading by reading."""
    try:
        parsed = pydantic_core.from_json(payload)
    except ValueError as error:
        raise _broken(payload, str(error)) from None
    if _depth(parsed) > MAX_DEPTH:
        raise Rejected(
            "too_deep",
            field="payload",
            value=payload[:80].decode("utf-8", "replace"),
            rule=f"at most {MAX_DEPTH} levels of nesting",
            remedy="send readings as {ts, values}, without further nesting",
        )
    if not isinstance(parsed, dict | list) or not parsed:
        raise Rejected(
            "payload_shape",
            field="payload",
            value=parsed,
            rule="one reading object, or an array of 1 to 500 of them",
            remedy='send {"ts": …, "values": {…}}',
        )
    items: list[Any] = parsed if isinstance(parsed, list) else [parsed]
    _refuse_count(len(items))
    decoded = Decoded([])
    for position, item in enumerate(items):
        try:
            decoded.readings.append((position, _READING.validate_python(item)))
        except ValidationError as error:
            where = f"[{position}]." if isinstance(parsed, list) else ""
            decoded.refused.append((position, explained(error, where)))
    return decoded


def _refuse_count(count: int) -> None:
    if count > MAX_READINGS:
        raise Rejected(
            "too_many_readings",
            field="payload",
            value=count,
            rule=f"at most {MAX_READINGS} readings a message",
            remedy="send the backlog in several messages",
        )


def _broken(payload: bytes, problem: str) -> Rejected:
    code = "too_deep" if "recursion" in problem else "json_broken"
    return Rejected(
        code,
        field="payload",
        value=payload[:80].decode("utf-8", "replace"),
        rule=f"complete JSON in UTF-8 ({problem})",
        remedy="check the device's firmware and signal, then resend",
    )


def _depth(value: Any) -> int:
    """Levels of nesting down to and with the scalars: a bare reading has 3, an array of them 4.

    Walked level by level, so that a hostile payload cannot exhaust the stack.
    """
    depth, level = 0, [value]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            break
        children: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                children.extend(item.values())
            elif isinstance(item, list):
                children.extend(item)
        level = children
    return depth


Decoder = Callable[[bytes, Expected | None], Decoded]
DECODERS: dict[Format, Decoder] = {Format.JSON: decode_json, Format.HJ212: decode_hj212}


def decode(payload: bytes, fmt: Format, expected: Expected | None = None) -> Decoded:
    """Decode a payload by its format. Raises Rejected when nothing of it can be used.

    expected: what the registry says of the sensor as a data logger of HJ 212.
    """
    if not payload:
        raise Rejected(
            "payload_empty",
            field="payload",
            value="",
            rule="at least one reading",
            remedy="check the device's collection program",
        )
    if len(payload) > MAX_MESSAGE_BYTES:
        raise Rejected(
            "payload_too_large",
            field="payload",
            value=f"{len(payload)} bytes",
            rule=f"at most {MAX_MESSAGE_BYTES} bytes",
            remedy="send the backlog in several messages",
        )
    decoder = DECODERS.get(fmt)
    if decoder is None:
        raise Rejected(
            "format_unsupported",
            field="topic format",
            value=fmt,
            rule="one of " + ", ".join(DECODERS),
            remedy="publish in a supported format",
        )
    return decoder(payload, expected)
