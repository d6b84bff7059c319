"""Frames of HJ 212, the protocol by which data loggers report to an upper station.

A frame is `##`, the length of the segment in four digits, the segment, its CRC in four hex digits,
CR LF. Here frames are made, and cut out of a stream of octets however it was chopped up. What a
segment says is ingest's business. Editions 2005, 2017 and 2025 have the same frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

HEAD = b"##"
LONGEST_SEGMENT = 1024
LENGTH_DIGITS = CRC_DIGITS = 4
BEFORE, AROUND = len(HEAD) + LENGTH_DIGITS, len(HEAD) + LENGTH_DIGITS + CRC_DIGITS
LONGEST_FRAME = LONGEST_SEGMENT + AROUND
_HEX = frozenset(b"0123456789abcdefABCDEF")
_DIGITS = frozenset(b"0123456789")
_BREAK = frozenset(b"\r\n")


class Upload(StrEnum):
    """What a logger sends of its own accord, by command number."""

    LIVE = "2011"
    MINUTES = "2051"
    HOURS = "2061"
    DAYS = "2031"


def _shifted(register: int) -> int:
    """Eight times: shift right, and XOR with the polynomial where a one was shifted out."""
    for _ in range(8):
        register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
    return register


_SHIFTED = tuple(_shifted(low) for low in range(256))


def crc16(segment: bytes) -> int:
    """The checksum of HJ 212-2017, appendix A. Not Modbus: each octet replaces the low byte.

    So what is shifted is never more than a byte, and a table of 256 holds every outcome.
    """
    register = 0xFFFF
    for octet in segment:
        register = _SHIFTED[(register >> 8) ^ octet]
    return register


def modbus_crc16(segment: bytes) -> int:
    """What some loggers send instead; told apart so that a technician knows what to mend."""
    register = 0xFFFF
    for octet in segment:
        register = (register >> 8) ^ _SHIFTED[(register ^ octet) & 0xFF]
    return register


def framed(segment: bytes) -> bytes:
    """The frame of a segment, ready to be sent. Raises ValueError for one that is too long."""
    if not 0 < len(segment) <= LONGEST_SEGMENT:
        raise ValueError(f"segment of {len(segment)} octets: 1 to {LONGEST_SEGMENT} are allowed")
    return b"##%04d%b%04X\r\n" % (len(segment), segment, crc16(segment))


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose CRC is right. raw: as it came, without the CR LF behind it."""

    raw: bytes

    @property
    def segment(self) -> bytes:
        return self.raw[BEFORE:-CRC_DIGITS]


@dataclass(frozen=True, slots=True)
class Damaged:
    """What began like a frame and is none. code: of the error table of docs/hj212.md.

    raw: its octets up to the next `##`, cut at the longest frame. declared: the length it gave.
    """

    code: str
    raw: bytes
    declared: int | None = None


class FrameReader:
    """Cuts frames out of a stream. Octets go in by `feed`; the result does not depend on the cuts.

    After a damaged frame the search goes on right behind its `##`, so that a good frame that
    follows is never lost. discarded: octets outside of any frame, line breaks not counted.
    """

    def __init__(self) -> None:
        self._left = bytearray()
        self._damaged: Damaged | None = None  # it takes what follows, up to the next `##`
        self._tail = bytearray()
        self.discarded = 0

    @property
    def waiting(self) -> bool:
        """Whether a frame has begun and is not complete."""
        return bool(self._left) or self._damaged is not None

    @property
    def held(self) -> int:
        """Octets kept until a frame is complete."""
        return len(self._left)

    def feed(self, octets: bytes) -> Iterator[Frame | Damaged]:
        self._left += octets
        yield from self._cut(ended=False)

    def end(self) -> Iterator[Frame | Damaged]:
        """The stream has ended, or nothing came for too long: what is left is all there is."""
        yield from self._cut(ended=True)
        if self._damaged is not None:
            yield self._settle()

    def _cut(self, *, ended: bool) -> Iterator[Frame | Damaged]:
        while True:
            if not self._find_head(ended=ended):
                return
            found = self._judge(ended=ended)
            if found is None:
                return
            if self._damaged is not None:
                yield self._settle()
            frame, taken = found
            if isinstance(frame, Frame):
                yield frame
            else:
                self._damaged, self._tail = frame, bytearray(self._left[:taken])
            del self._left[:taken]

    def _settle(self) -> Damaged:
        damaged, raw = self._damaged, bytes(self._tail[:LONGEST_FRAME])
        self._damaged, self._tail = None, bytearray()
        assert damaged is not None  # noqa: S101 - asked by every caller
        return Damaged(damaged.code, raw, damaged.declared)

    def _find_head(self, *, ended: bool) -> bool:
        """Drop what stands before the next `##`; False when there is none yet."""
        at = self._left.find(HEAD)
        if at < 0:
            half = not ended and self._left.endswith(b"#")  # may be the first of two
            self._drop(len(self._left) - half)
            return False
        self._drop(at)
        while len(self._left) > 2 and self._left[2] == HEAD[0]:
            self._drop(1)
        return True

    def _drop(self, count: int) -> None:
        dropped = self._left[:count]
        if self._damaged is None:
            self.discarded += sum(octet not in _BREAK for octet in dropped)
        elif len(self._tail) < LONGEST_FRAME:
            self._tail += dropped
        del self._left[:count]

    def _judge(self, *, ended: bool) -> tuple[Frame | Damaged, int] | None:
        """What the octets at the head are, and how many it takes; None: wait for more."""
        left = self._left
        digits = left[len(HEAD) : BEFORE]
        if any(octet not in _DIGITS for octet in digits):
            return Damaged("bad_length_field", b""), len(HEAD)
        if len(digits) < LENGTH_DIGITS:
            return (Damaged("truncated", b""), len(HEAD)) if ended else None
        length = int(digits)
        if length > LONGEST_SEGMENT:
            return Damaged("segment_too_long", b"", length), len(HEAD)
        whole = length + AROUND
        if len(left) < whole:
            return (Damaged("truncated", b"", length), len(HEAD)) if ended else None
        crc = left[whole - CRC_DIGITS : whole]
        if any(octet not in _HEX for octet in crc):
            return Damaged("length_mismatch", b"", length), len(HEAD)
        if not length:
            return Damaged("empty_segment", b"", 0), whole
        if int(crc, 16) == crc16(bytes(left[BEFORE : whole - CRC_DIGITS])):
            return Frame(bytes(left[:whole])), whole
        if len(left) == whole and not ended:
            return None  # one octet more tells whether the length can be believed
        believed = len(left) == whole or left[whole] in _BREAK
        return Damaged("bad_crc", b"", length), whole if believed else len(HEAD)


def frames_of(payload: bytes) -> tuple[list[Frame | Damaged], int]:
    """All frames of a stream that has ended, and how many octets stood outside of any."""
    reader = FrameReader()
    found = [*reader.feed(payload), *reader.end()]
    return found, reader.discarded
