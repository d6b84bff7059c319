"""From payload bytes to readings, one decoder per format.

A decoder gives every reading it could read with its position, and every one it could not with the
reason. A payload that cannot be read as a whole raises `Rejected`. Nothing here looks at the clock
or the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pydantic_core
from pydantic import TypeAdapter, ValidationError

from schemas import Format, Reading, Rejected
from schemas.rejection import shown
from schemas.wire import MAX_DEPTH, MAX_MESSAGE_BYTES, MAX_READINGS

_READINGS = TypeAdapter(list[Reading])
_READING = TypeAdapter(Reading)


@dataclass(slots=True)
class Decoded:
    """Readings with their positions in the payload, and those refused with the reason."""

    readings: list[tuple[int, Reading]]
    refused: list[tuple[int, Rejected]] = field(default_factory=list)


def decode_json(payload: bytes) -> Decoded:
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


# pydantic's error type -> (reason code, what to do)
_EXPLAINED = {
    "missing": ("field_missing", "add the field"),
    "extra_forbidden": ("field_unknown", "remove or correct the field's name"),
    "finite_number": ("value_not_finite", "send null for a missing value"),
    "string_pattern_mismatch": ("text_not_allowed", "use plain characters only"),
    "string_too_long": ("text_not_allowed", "shorten the text"),
    "too_long": ("too_many_values", "send registered channels only"),
    "json_invalid": ("json_broken", "check the device's firmware and signal, then resend"),
    "too_short": ("field_missing", "send at least one value"),
}


# What pydantic puts into a path for a branch of a union, which no device has sent.
_BRANCHES = ("float", "str", "int", "bool", "[key]")


def explained(error: ValidationError, prefix: str = "") -> Rejected:
    """What is wrong first with a payload that does not fit its model."""
    first = error.errors(include_url=False, include_context=False)[0]
    code, remedy = _EXPLAINED.get(first["type"], ("field_type", "send the type that is documented"))
    path = [str(part) for part in first["loc"]]
    path = [part for part in path if part not in _BRANCHES and not part.startswith("constrained-")]
    where = ".".join(path) or "reading"
    rule = first["msg"]
    if path == ["ts"] and code == "field_type":
        rule = "RFC 3339 text with offset, or whole milliseconds since the epoch"
    return Rejected(
        code,
        field=prefix + shown(where),
        value=first["input"] if first["type"] != "missing" else "(absent)",
        rule=rule,
        remedy=remedy,
    )


Decoder = Callable[[bytes], Decoded]
DECODERS: dict[Format, Decoder] = {Format.JSON: decode_json}


def decode(payload: bytes, fmt: Format) -> Decoded:
    """Decode a payload by its format. Raises Rejected when nothing of it can be used."""
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
    return decoder(payload)
