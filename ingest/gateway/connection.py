"""One connection of a data logger: frames in, each to the broker, then its answer.

One frame at a time: while the broker has not taken it, nothing more is read, and TCP holds the
logger back. Who is not admitted hears nothing at all. A logger that gets no answer sends again.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Protocol

import structlog

from ingest.gateway.admission import Admission
from ingest.gateway.limits import Limits, Pace
from ingest.gateway.measures import Measures
from ingest.gateway.refusals import Refusals
from ingest.gateway.uplink import Uplink
from ingest.hj212 import Packet, answer_to, refuse_damaged
from ingest.hj212.packet import INTERACTION, NOTICES
from registry.loggers import Admitted
from schemas import Format, Rejected, Topic
from schemas.hj212 import Damaged, Frame, FrameReader

log = structlog.get_logger()

READ = 4096
SEND_S = 10.0
SETS, PACKETS = 4, 32  # sets of packets remembered, and the longest that is put together


class House(Protocol):
    """What a connection needs of the gateway that it belongs to."""

    limits: Limits
    admission: Admission
    uplink: Uplink
    refusals: Refusals
    measures: Measures

    def pace(self, mn: str) -> Pace:
        """How fast an admitted logger may go, over all of its connections."""

    def claim(self, mn: str, connection: Connection) -> None:
        """From now on this connection speaks for the MN; an older one is closed."""


class Connection:
    def __init__(
        self,
        house: House,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: str,
    ) -> None:
        self._house = house
        self._in, self._out = reader, writer
        self.peer = peer
        self._frames = FrameReader()
        self._opened = time.monotonic()
        self._begun: float | None = None  # of the frame that is not complete yet
        self._strikes = 0
        self._sets: OrderedDict[tuple[object, ...], dict[int, bytes]] = OrderedDict()
        self._reading: asyncio.Task[bytes] | None = None
        self.loggers: dict[str, Admitted] = {}  # for whom it has spoken, by MN
        self._closing = ""

    async def serve(self) -> str:
        """Until the logger leaves or has to: gives the reason, as a word for log and metrics."""
        while not self._closing:
            octets = await self._read()
            if octets is None:
                found = list(self._frames.end())  # a frame that was never completed
                if not found:
                    return self._closing or "silent"
            elif octets:
                found = list(self._frames.feed(octets))
            else:
                found, self._closing = list(self._frames.end()), "left"
            for frame in found:
                await self._take(frame)
            self._begun = self._since(bool(found))
            if self._frames.discarded > self._house.limits.garbage:
                self._closing = "garbage"
        return self._closing

    def leave(self, why: str) -> None:
        """Close as soon as what has been taken is answered; nothing more is read."""
        self._closing = self._closing or why
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> bytes | None:
        """The next octets; none when the logger has left; None when it took too long."""
        self._reading = asyncio.create_task(self._in.read(READ))
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + self._patience()):
                return await self._reading
        except TimeoutError:
            return None
        except asyncio.CancelledError:
            if not self._closing:
                raise  # we are cancelled, not only what we read
            return None
        except OSError:
            return b""
        finally:
            self._reading = None

    def _patience(self) -> float:
        limits, now = self._house.limits, time.monotonic()
        wait = limits.idle_s if self.loggers else self._opened + limits.first_s - now
        if self._begun is not None:
            wait = min(wait, self._begun + limits.frame_s - now)
        return max(0.0, wait)

    def _since(self, completed: bool) -> float | None:
        if not self._frames.waiting:
            return None
        return time.monotonic() if completed or self._begun is None else self._begun

    async def _take(self, frame: Frame | Damaged) -> None:
        """Do with one frame what is to be done."""
        if self._strikes >= self._house.limits.strikes:
            return
        arrived = time.monotonic()
        mn, logger = "", None
        try:
            if isinstance(frame, Damaged):
                raise refuse_damaged(frame)
            packet = Packet.parse(frame.segment)
            mn, logger = packet.mn, self._house.admission.find(packet.mn)
            logger = await self._house.admission.admit(packet, self.peer)
        except Rejected as why:
            await self._refuse(frame.raw, why, mn, logger, arrived)
            return
        self._strikes = 0
        self.loggers[mn] = logger
        self._house.claim(mn, self)
        await asyncio.sleep(self._house.pace(mn).wait())
        await self._pass_on(frame, packet, logger)
        self._house.measures.took(time.monotonic() - arrived)

    async def _refuse(
        self, raw: bytes, why: Rejected, mn: str, logger: Admitted | None, arrived: float
    ) -> None:
        """Say nothing, whatever the reason, and take equally long about it."""
        self._strikes += 1
        self._house.measures.refused(why.code)
        self._house.refusals.add(raw, why, peer=self.peer, mn=mn, logger=logger)
        if self._strikes >= self._house.limits.strikes:
            self.leave("strikes")
        if not self.loggers:
            wait = arrived + self._house.limits.answer_s - time.monotonic()
            await asyncio.sleep(max(0.0, wait))

    async def _pass_on(self, frame: Frame, packet: Packet, logger: Admitted) -> None:
        await self._house.uplink.ready()
        if packet.is_upload:
            topic = str(Topic(logger.medium, logger.sensor, format=Format.HJ212))
            why = await self._house.uplink.publish(topic, self._whole(frame, packet))
            if why:
                self._house.measures.count("not_taken")
                log.error("broker did not keep a frame, no answer", sensor=logger.sensor, why=why)
                return
            self._house.measures.count("passed")
        else:
            kind = packet.cn in NOTICES | INTERACTION
            self._house.measures.count("notice" if kind else "ignored")
        answer = answer_to(packet)
        if answer is not None:
            await self._answer(answer)

    def _whole(self, frame: Frame, packet: Packet) -> bytes:
        """The frame as it came; a packet of a set with those of the set that came before it.

        So nothing waits for a packet that may never come, and the last one brings them all: a
        reading takes the place of an earlier one of its time.
        """
        if packet.pnum is None or packet.pno is None or not 1 < packet.pnum <= PACKETS:
            return frame.raw
        key = (packet.mn, packet.cn, packet.data_time, packet.pnum)
        parts = self._sets.setdefault(key, {})
        self._sets.move_to_end(key)
        parts[packet.pno] = frame.raw
        if len(self._sets) > SETS:
            self._sets.popitem(last=False)
        return b"\r\n".join(parts[number] for number in sorted(parts))

    async def _answer(self, answer: bytes) -> None:
        try:
            self._out.write(answer)
            async with asyncio.timeout(SEND_S):
                await self._out.drain()
        except (OSError, TimeoutError):
            self._closing = self._closing or "deaf"
        else:
            self._house.measures.count("answered")
