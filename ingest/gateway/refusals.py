"""Frames that were refused: all counted, and kept as far as a scanner may fill the registry.

A flood of garbage must fill neither the registry nor the log: beyond so many a minute, those of
strangers and those of known loggers apart, refused frames are only counted, and once a minute it is
told how many. While the registry is away, letters wait here up to a bound.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque

import structlog
from sqlalchemy.exc import OperationalError

from ingest.gateway.limits import Limits, Pace
from ingest.pipeline import UNKNOWN_SENSOR
from registry import NewDeadLetter, Registry
from registry.loggers import FRAME_TOPIC, Admitted
from schemas import Clock, Format, Rejected, Topic
from schemas.rejection import shown

log = structlog.get_logger()

WAITING = 1000
TELL_EVERY_S = 60.0


class Refusals:
    def __init__(self, registry: Registry, limits: Limits, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._of_strangers, self._of_known = (
            Pace(limits.letters_per_min / 60, limits.letters_per_min, time.monotonic)
            for _ in range(2)
        )
        self._waiting: deque[NewDeadLetter] = deque()
        self._untold: Counter[str] = Counter()
        self._told = time.monotonic()

    def add(
        self, raw: bytes, why: Rejected, *, peer: str, mn: str = "", logger: Admitted | None = None
    ) -> None:
        """Keep a refused frame. mn: what it says; logger: whose that MN is, if anybody's."""
        pace = self._of_strangers if logger is None else self._of_known
        if len(self._waiting) >= WAITING or not pace.spare():
            self._untold[why.code] += 1
            return
        log.warning("hj212 frame refused", code=why.code, peer=peer, mn=shown(mn), value=why.value)
        where = f"{FRAME_TOPIC}{mn}"
        if logger is not None:
            where = str(Topic(logger.medium, logger.sensor, format=Format.HJ212))
        self._waiting.append(
            NewDeadLetter(
                topic=where,
                sensor=logger.sensor if logger is not None else UNKNOWN_SENSOR,
                raw=raw,
                arrived=self._clock.now(),
                code=why.code,
                field=why.field,
                value=f"{why.value} ({peer})",
                reason_zh=why.reason("zh"),
                reason_en=why.reason("en"),
                readings=1,
            )
        )

    async def flush(self) -> None:
        """Write what waits; to be called again and again."""
        if self._untold and time.monotonic() - self._told > TELL_EVERY_S:
            log.warning("hj212 frames refused, not kept", **self._untold)
            self._untold.clear()
            self._told = time.monotonic()
        letters = list(self._waiting)
        if not letters:
            return
        try:
            await asyncio.to_thread(self._registry.add_dead_letters, letters)
        except OperationalError as error:
            log.warning("registry away, dead letters wait", waiting=len(letters), error=str(error))
            return
        for _ in letters:
            self._waiting.popleft()
