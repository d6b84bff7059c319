"""Raw messages in a bundle: their names and list, and which readings have none. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from schemas import Rejected, Topic, to_ms
from storage.raw import RawMessage

FOLDER = "raw/"
LIST = "raw/messages.csv"
_COLUMNS = ("file", "topic", "arrived_ms", "first_ms", "last_ms")


def message_parts(messages: Sequence[RawMessage]) -> dict[str, bytes]:
    """One part a message, its payload to the byte, and the list of them."""
    parts, rows = {}, []
    width = len(str(len(messages)))
    for number, message in enumerate(messages, 1):
        ending = message.topic.rpartition("/")[2]
        name = f"{FOLDER}{number:0{width}d}.{ending}"
        parts[name] = message.payload
        rows.append((name, message.topic, message.arrived_ms, message.first_ms, message.last_ms))
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows([_COLUMNS, *rows])
    return {**parts, LIST: target.getvalue().encode()}


def messages_of(parts: Mapping[str, bytes]) -> list[RawMessage]:
    """The messages that a bundle holds."""
    listed = csv.DictReader(io.StringIO(parts.get(LIST, b"").decode()))
    return [
        RawMessage(
            row["topic"],
            parts[row["file"]],
            *(int(row[name]) for name in ("arrived_ms", "first_ms", "last_ms")),
        )
        for row in listed
    ]


def without_message(
    readings: Iterable[tuple[str, datetime]], messages: Sequence[RawMessage]
) -> Counter[tuple[str, datetime]]:
    """Readings (sensor, time; one that was replaced counts as well) that no message tells of."""
    told: Counter[tuple[str, int]] = Counter()
    spans: dict[str, list[tuple[int, int]]] = {}
    for message in messages:
        sensor = _sensor(message)
        times = _times(message)
        if times is None:
            spans.setdefault(sensor, []).append((message.first_ms, message.last_ms))
        else:
            told.update((sensor, time) for time in times)
    missing: Counter[tuple[str, datetime]] = Counter()
    for (sensor, ts), versions in Counter(readings).items():
        if not any(first <= to_ms(ts) <= last for first, last in spans.get(sensor, ())):
            missing[sensor, ts] = max(0, versions - told[sensor, to_ms(ts)])
    return missing


def _sensor(message: RawMessage) -> str:
    try:
        return str(Topic.parse(message.topic).sensor)
    except Rejected:
        return ""


def _times(message: RawMessage) -> set[int] | None:
    """Device times in a message; None for a format that is not ours to read: its span counts."""
    if message.first_ms == message.last_ms:
        return {message.first_ms}
    try:
        parsed = json.loads(message.payload)
        return {_ms(reading["ts"]) for reading in parsed if "ts" in reading}
    except (ValueError, TypeError, KeyError):
        return None


def _ms(ts: int | str) -> int:
    return ts if isinstance(ts, int) else to_ms(datetime.fromisoformat(ts))
