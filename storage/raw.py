"""Messages as they came, byte for byte, for some days: the format of the archive, and its reader.

Ingest writes (`ingest/raw_archive.py`); evidence reads. A segment is what one worker wrote in one
hour: `20261124T15-<worker>.raw` holds the records one after the other, each a line of topic,
arrival in ms and length, then the payload and a line break. The `.idx` beside it has one entry of
fixed size a record, so that a sensor's messages are found without reading the others. An entry is
written after its record, so what it points at is whole, whenever the process ends.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np

from schemas import Interval, to_ms
from schemas.clock import HOUR

# Of which sensor, the first and last device time in it, and where the record is.
ENTRY = np.dtype(
    [("sensor", "<u8"), ("first", "<i8"), ("last", "<i8"), ("offset", "<i8"), ("length", "<i4")]
)
HOUR_NAME = "%Y%m%dT%H"
AHEAD = timedelta(hours=1)  # a device's clock may be ahead of ours, and its message was here before


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message as the broker gave it. first_ms, last_ms: device times of the readings in it."""

    topic: str
    payload: bytes
    arrived_ms: int
    first_ms: int
    last_ms: int


@lru_cache(maxsize=65_536)
def sensor_key(sensor: str) -> int:
    """What stands for a sensor in the index; that two share one is improbable and does no harm."""
    return int.from_bytes(hashlib.blake2b(sensor.encode(), digest_size=8).digest(), "little")


def record_of(topic: str, payload: bytes, arrived_ms: int) -> bytes:
    return b"%s %d %d\n%s\n" % (topic.encode(), arrived_ms, len(payload), payload)


class RawArchive:
    """What a folder of segments holds. A folder that is not there is an empty archive."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, sensors: Collection[str], window: Interval, until: datetime) -> list[RawMessage]:
        """Messages of sensors with readings in a window, that had come by `until`; by arrival.

        A message that came again is there once, as it came first. Device times of a message with
        several readings lie between its first and last: some may lie outside the window.
        """
        wanted = {f"/{sensor}/": sensor_key(sensor) for sensor in sensors}
        keys = np.array(list(wanted.values()), dtype="<u8")
        span = Interval(window.start - AHEAD, max(until, window.end))
        found: dict[tuple[str, bytes], RawMessage] = {}
        for segment in self._segments(span):
            for message in _in_segment(segment, keys, to_ms(window.start), to_ms(window.end)):
                if message.arrived_ms > to_ms(until) or not any(s in message.topic for s in wanted):
                    continue
                before = found.get((message.topic, message.payload))
                if before is None or message.arrived_ms < before.arrived_ms:
                    found[message.topic, message.payload] = message
        return sorted(found.values(), key=lambda m: (m.arrived_ms, m.topic, m.payload))

    def oldest(self) -> datetime | None:
        """The beginning of the oldest hour that is still kept."""
        return min((hour for hour, _ in hours_of(self._folder)), default=None)

    def _segments(self, span: Interval) -> list[Path]:
        return [p for hour, p in hours_of(self._folder) if span.start - HOUR < hour < span.end]


def raw_archive() -> RawArchive | None:
    """The archive that ONENET_RAW_ARCHIVE names; None where none is kept."""
    folder = os.environ.get("ONENET_RAW_ARCHIVE")
    return RawArchive(Path(folder)) if folder else None


def hours_of(folder: Path) -> list[tuple[datetime, Path]]:
    """The segments of a folder with the hours in which they were written, the oldest first."""
    found = []
    for path in sorted(folder.glob("*.raw")):
        try:
            hour = datetime.strptime(path.name.partition("-")[0], HOUR_NAME).replace(tzinfo=UTC)
        except ValueError:
            continue  # somebody else's file
        found.append((hour, path))
    return found


def _in_segment(segment: Path, keys: np.ndarray, start: int, end: int) -> Iterator[RawMessage]:
    try:
        index = segment.with_suffix(".idx").read_bytes()
        data = segment.open("rb")
    except FileNotFoundError:  # its days are over
        return
    with data:
        entries = np.frombuffer(index[: len(index) - len(index) % ENTRY.itemsize], ENTRY)
        near = (entries["first"] < end) & (entries["last"] >= start)
        for entry in entries[near & np.isin(entries["sensor"], keys)]:
            data.seek(int(entry["offset"]))
            head, _, rest = data.read(int(entry["length"])).partition(b"\n")
            topic, arrived, length = head.rsplit(b" ", 2)
            yield RawMessage(
                topic.decode(),
                rest[: int(length)],
                int(arrived),
                int(entry["first"]),
                int(entry["last"]),
            )
