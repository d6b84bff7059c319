"""Quality flags (QARTOD) and what set them, as one small integer per value.

A quality code is `cause * 10 + flag`: its last digit is the QARTOD flag, the rest tells which test
or device flag set it. One integer per value fits the store's `<parameter>_f` field and needs no
second column for the cause. Source: QARTOD manual, flag scheme of IOC 54:V3.
"""

from __future__ import annotations

from enum import IntEnum


class Flag(IntEnum):
    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    BAD = 4
    MISSING = 9


class Cause(IntEnum):
    """The test, or the device's own flag, that set a quality code."""

    NONE = 0
    DEVICE = 1
    RANGE = 2
    SPIKE = 3
    RATE = 4
    FLATLINE = 5
    MISSING = 6
    CALIBRATION = 7
    MAINTENANCE = 8


USABLE = (Flag.GOOD, Flag.NOT_EVALUATED)
GOOD_QUALITY = int(Flag.GOOD)


def quality(flag: Flag, cause: Cause = Cause.NONE) -> int:
    """The quality code of a flag and its cause."""
    return int(cause) * 10 + int(flag)


def flag_of(code: int) -> Flag:
    """The QARTOD flag of a quality code."""
    return Flag(code % 10)


def cause_of(code: int) -> Cause:
    """What set a quality code."""
    return Cause(code // 10)


# The device flags of HJ 212-2017 table "data flags" and their QARTOD counterparts.
DEVICE_FLAGS: dict[str, int] = {
    "N": quality(Flag.GOOD),
    "F": quality(Flag.MISSING, Cause.DEVICE),  # device stopped
    "M": quality(Flag.BAD, Cause.MAINTENANCE),
    "S": quality(Flag.SUSPECT, Cause.DEVICE),  # set by hand
    "D": quality(Flag.BAD, Cause.DEVICE),  # device fault
    "C": quality(Flag.BAD, Cause.CALIBRATION),
    "T": quality(Flag.BAD, Cause.RANGE),  # beyond the measuring range
    "B": quality(Flag.BAD, Cause.DEVICE),  # communication fault
}
