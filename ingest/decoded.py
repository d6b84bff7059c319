"""What every decoder gives, and how it says what is wrong with a payload that fits no model."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import ValidationError

from schemas import Reading, Rejected
from schemas.rejection import shown


@dataclass(slots=True)
class Decoded:
    """Readings with their positions in the payload, and those refused with the reason."""

    readings: list[tuple[int, Reading]]
    refused: list[tuple[int, Rejected]] = field(default_factory=list)


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
