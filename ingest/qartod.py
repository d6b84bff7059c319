"""Automatic quality tests, as pure functions over arrays: values in, quality codes out.

Every array has shape (n,): one element a value, whatever its channel; thresholds come beside the
values, for they differ by parameter and cadence. NaN stands for "no such neighbour" and for "no
such limit" stands infinity: both pass. Who the neighbours are is told in `ingest.neighbours`.
Source: QARTOD tests 4 (gross range), 6 (spike), 7 (rate of change), 8 (flat line).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas import Cause, Flag, quality
from schemas.flags import GOOD_QUALITY

Numbers = NDArray[np.float64]
Moments = NDArray[np.int64]  # ms since the epoch
Channels = NDArray[np.int64]
Codes = NDArray[np.int16]

RANGE_BAD = quality(Flag.BAD, Cause.RANGE)
SPIKE_SUSPECT = quality(Flag.SUSPECT, Cause.SPIKE)
SPIKE_BAD = quality(Flag.BAD, Cause.SPIKE)
RATE_SUSPECT = quality(Flag.SUSPECT, Cause.RATE)
FLAT_SUSPECT = quality(Flag.SUSPECT, Cause.FLATLINE)
MISSING = quality(Flag.MISSING, Cause.MISSING)
UNDER_MAINTENANCE = quality(Flag.SUSPECT, Cause.MAINTENANCE)


def gross_range(values: Numbers, low: Numbers, high: Numbers) -> Codes:
    """Bad outside the physically possible range; MISSING where there is no value (QARTOD 4)."""
    codes = np.full(len(values), GOOD_QUALITY, np.int16)
    codes[(values < low) | (values > high)] = RANGE_BAD
    codes[np.isnan(values)] = MISSING
    return codes


def spike(values: Numbers, reference: Numbers, suspect: Numbers, bad: Numbers) -> Codes:
    """Suspect or bad by distance from what the neighbours let expect (QARTOD test 6)."""
    codes = np.full(len(values), GOOD_QUALITY, np.int16)
    distance = np.abs(values - reference)
    codes[distance > suspect] = SPIKE_SUSPECT
    codes[distance > bad] = SPIKE_BAD
    return codes


def rate_of_change(values: Numbers, before: Numbers, minutes: Numbers, limit: Numbers) -> Codes:
    """Suspect when changing faster than believable, unit per minute (QARTOD test 7)."""
    codes = np.full(len(values), GOOD_QUALITY, np.int16)
    codes[np.abs(values - before) > limit * minutes] = RATE_SUSPECT
    return codes


def flat_line(unchanged_ms: Moments, limit_ms: Numbers) -> Codes:
    """Suspect when unchanged for too long (QARTOD test 8)."""
    codes = np.full(len(unchanged_ms), GOOD_QUALITY, np.int16)
    codes[unchanged_ms >= limit_ms] = FLAT_SUSPECT
    return codes


def first_found(*tests: Codes) -> Codes:
    """Of several tests' codes the first that is not good; the graver tests stand first."""
    codes = tests[-1]
    for earlier in reversed(tests[:-1]):
        codes = np.where(earlier == GOOD_QUALITY, codes, earlier)
    return codes
