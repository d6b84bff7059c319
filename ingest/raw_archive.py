"""Keeps accepted messages byte for byte for some days, so that evidence can show what was sent.

Written after the store has the readings and before the broker is told, so that whatever was
acknowledged has been through here. It is no store: it waits for no disk, and where it cannot write,
it says so in the log and ingest goes on. What is missing shows later, for evidence holds the
messages that it finds against the readings that there are. The format is `storage/raw.py`'s; the
reasons and the cost are in docs/decisions/0011.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from datetime import timedelta
from io import FileIO
from itertools import pairwise
from pathlib import Path

import structlog

from ingest.pipeline import Batch
from schemas import from_ms
from schemas.clock import HOUR_MS
from storage.raw import HOUR_NAME, hours_of, record_of, sensor_key

log = structlog.get_logger()

_ENTRY = struct.Struct("<QqqqI")  # as `storage.raw.ENTRY`


def _now_ms() -> int:
    return int(time.time() * 1000)


class RawWriter:
    """Writes segments into a folder. days: how long one is kept. worker: no other has its name."""

    def __init__(
        self, folder: Path, *, days: int, worker: str, now_ms: Callable[[], int] = _now_ms
    ) -> None:
        self._folder = folder
        self._days = days
        self._worker = worker
        self._now_ms = now_ms
        self._hour = -1
        self._files: tuple[FileIO, FileIO] | None = None
        self._offset = 0

    def keep(self, batch: Batch) -> bool:
        """Keep the messages of a batch of which readings were accepted; False where it failed."""
        try:
            self._write(batch)
        except OSError as error:
            log.error(
                "raw archive: messages not kept", messages=len(batch.messages), error=str(error)
            )
            self.close()  # what is half written stays behind in a segment of its own
            return False
        return True

    def close(self) -> None:
        for file in self._files or ():
            file.close()
        self._files, self._hour = None, -1

    def _write(self, batch: Batch) -> None:
        records, entries = [], []
        data, index = self._segment()
        offset, readings = self._offset, batch.readings
        bounds = pairwise((*batch.begins, len(readings)))
        for message, (begin, end) in zip(batch.messages, bounds, strict=True):
            if end == begin:
                continue  # a dead letter keeps it, or it is no reading
            if end - begin == 1:
                first = last = readings[begin].ts_ms
            else:
                times = [reading.ts_ms for reading in readings[begin:end]]
                first, last = min(times), max(times)
            record = record_of(message.topic, message.payload, message.arrived_ms)
            key = sensor_key(readings[begin].sensor)
            entries.append(_ENTRY.pack(key, first, last, offset, len(record)))
            records.append(record)
            offset += len(record)
        _whole(data, b"".join(records))
        _whole(index, b"".join(entries))
        self._offset = offset

    def _segment(self) -> tuple[FileIO, FileIO]:
        now_ms = self._now_ms()
        hour = now_ms // HOUR_MS
        if self._files is not None and hour == self._hour:
            return self._files
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget(now_ms)
        # Begun anew by each process: no two write the same, and none goes on after a torn end.
        name = f"{from_ms(now_ms).strftime(HOUR_NAME)}-{self._worker}-{now_ms}"
        data = FileIO(self._folder / f"{name}.raw", "x")
        index = FileIO(self._folder / f"{name}.idx", "x")
        self._files, self._hour, self._offset = (data, index), hour, 0
        return self._files

    def _forget(self, now_ms: int) -> None:
        oldest = from_ms(now_ms) - timedelta(days=self._days)
        for hour, path in hours_of(self._folder):
            if hour < oldest:
                path.unlink(missing_ok=True)
                path.with_suffix(".idx").unlink(missing_ok=True)


def _whole(file: FileIO, content: bytes) -> None:
    written = file.write(content) if content else 0
    if written != len(content):
        raise OSError(f"{file.name!r}: {written} of {len(content)} bytes written: the disk is full")
