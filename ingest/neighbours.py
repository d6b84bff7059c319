"""Who stands beside a value in its channel, in order of device time: what quality tests compare.

`Neighbourhood` remembers the last few values of every channel. It takes values in order of arrival,
any number at once, and tells of each what stands beside it. How a stream is cut into batches makes
no difference to one that comes in order: a value is compared with earlier device times, and with a
later one only if that had arrived before, which is to say if the value itself is late. A value that
comes twice is remembered once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.qartod import Channels, Moments, Numbers

REMEMBERED = 6  # values kept per channel: three are compared, the others wait for late ones
_NEVER = -1
_MEMORY = np.dtype([("ts", np.int64), ("value", np.float64), ("since", np.int64)])

# Channel and time in one number, so that one sort brings values into line.
_TIME_BITS = 42  # ms until the year 2109
_TIME = (1 << _TIME_BITS) - 1
# Of no channel: they save every look to the left and right the question whether there is anybody.
_LEFT, _RIGHT = np.array([-3, -2, -1]), np.array([np.iinfo(np.int64).max])


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What stands beside each of n values; NaN where there is nothing within reach.

    before: the value next earlier; minutes: how long ago that was. reference: what the neighbours
    let expect: the median of up to three before or, for a late value, the mean of both sides.
    unchanged_ms: for how long the channel has not moved, this value included.
    """

    before: Numbers
    minutes: Numbers
    reference: Numbers
    unchanged_ms: Moments


@dataclass(frozen=True, slots=True)
class _Line:
    """Remembered and new values, one a channel and time, sorted by both.

    since: from when on the channel has not moved. arrival: in which order they came, the remembered
    first. place: where each of the new values, or the one that it doubles, stands.
    """

    channel: Channels
    ts: Moments
    value: Numbers
    since: Moments
    arrival: NDArray[np.int64]
    place: NDArray[np.int64]


class Neighbourhood:
    """The last few values of each channel, the newest at the right; channels count from 0."""

    def __init__(self) -> None:
        self._kept = np.empty((0, REMEMBERED), _MEMORY)

    def grow(self, channels: int) -> None:
        """Make room for so many channels in all."""
        fresh = np.empty((channels - len(self._kept), REMEMBERED), _MEMORY)
        fresh["ts"] = _NEVER
        self._kept = np.concatenate((self._kept, fresh))

    def meet(
        self, channel: Channels, ts: Moments, value: Numbers, reach_ms: Numbers, tolerance: Numbers
    ) -> Neighbours:
        """The neighbours of values, given in order of arrival; then these are remembered.

        All of shape (n,). reach_ms: how far off a neighbour may be; tolerance: how much a value may
        differ and still be unchanged.
        """
        line = self._line_up(channel, ts, value, tolerance)
        self._remember(line)
        return _look_around(line, channel, ts, value, reach_ms, tolerance)

    def _line_up(self, channel: Channels, ts: Moments, value: Numbers, tolerance: Numbers) -> _Line:
        met = np.zeros(len(self._kept), bool)
        met[channel] = True
        numbers = np.flatnonzero(met)
        kept = self._kept[numbers]
        known = kept["ts"] != _NEVER
        old = kept[known]
        old_key = numbers.repeat(known.sum(axis=1)) << _TIME_BITS | old["ts"]

        key = np.concatenate((_LEFT, old_key, channel << _TIME_BITS | ts, _RIGHT))
        order = np.argsort(key, kind="stable")  # of doubles, the first to come stays in front
        key = key[order]
        first = np.append(True, key[1:] != key[:-1])
        place = np.empty_like(order)
        place[order] = np.cumsum(first) - 1
        key, arrival = key[first], order[first]

        def in_line(olds: NDArray[Any], news: NDArray[Any]) -> NDArray[Any]:
            return np.concatenate((_LEFT, olds, news, _RIGHT))[arrival]

        line = _Line(
            channel=key >> _TIME_BITS,
            ts=key & _TIME,
            value=in_line(old["value"], value),
            since=in_line(old["since"], ts),
            arrival=arrival,
            place=place[len(_LEFT) + len(old) : -len(_RIGHT)],
        )
        # What is remembered knows since when; of the new each goes on where its forerunner stands.
        line.since[:] = line.since[_begin(line, in_line(np.full(len(old), np.nan), tolerance))]
        return line

    def _remember(self, line: _Line) -> None:
        own = slice(len(_LEFT), -len(_RIGHT))
        channel = line.channel[own]
        last = np.append(channel[1:] != channel[:-1], True)
        behind = np.flatnonzero(last)[np.cumsum(last) - last] - np.arange(len(channel))
        newest = behind < REMEMBERED
        spot = channel[newest], REMEMBERED - 1 - behind[newest]
        for name, values in (("ts", line.ts), ("value", line.value), ("since", line.since)):
            self._kept[name][spot] = values[own][newest]


def _begin(line: _Line, tolerance: Numbers) -> NDArray[np.int64]:
    """For each of a line, where the stretch of unchanged values begins that it belongs to."""
    goes_on = np.abs(np.diff(line.value)) <= tolerance[1:]
    goes_on &= line.channel[1:] == line.channel[:-1]
    begins = np.arange(len(line.value))
    begins[1:][goes_on] = 0
    return np.maximum.accumulate(begins)


def _look_around(
    line: _Line,
    channel: Channels,
    ts: Moments,
    value: Numbers,
    reach_ms: Numbers,
    tolerance: Numbers,
) -> Neighbours:
    at = line.place
    before_ts = line.ts[at - 1]

    def beside(places: NDArray[np.int64], here: Moments, otherwise: Numbers | float) -> Numbers:
        """The values there, or otherwise where that is another channel or out of reach of here."""
        there = line.channel[places] == channel
        there &= np.abs(line.ts[places] - here) <= reach_ms
        return np.where(there, line.value[places], otherwise)

    before = beside(at - 1, ts, np.nan)
    second = beside(at - 2, before_ts, before)
    third = beside(at - 3, before_ts, (before + second) / 2)
    expected = np.maximum(np.minimum(before, second), np.minimum(np.maximum(before, second), third))
    after = beside(at + 1, ts, np.nan)
    late = (line.arrival[at + 1] < line.arrival[at]) & ~np.isnan(after)
    known = line.channel[at - 1] == channel
    same = known & (np.abs(value - line.value[at - 1]) <= tolerance)
    return Neighbours(
        before=before,
        minutes=np.where(np.isnan(before), np.nan, (ts - before_ts) / 60_000),
        reference=np.where(late, (before + after) / 2, expected),
        unchanged_ms=np.where(same, ts - line.since[at - 1], 0),
    )
