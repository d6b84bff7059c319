"""The weather that all emulated sensors share, and the noise that makes each of them its own.

Everything is a pure function of seed, name and time: any moment can be asked for, in any order, and
gives the same answer on every machine. Smooth noise runs between values hashed at fixed knots.
"""

from __future__ import annotations

import math
import zlib
from datetime import datetime
from functools import lru_cache

from schemas import CITY_TIME

HOUR_S, DAY_S = 3600.0, 86_400.0
TIDE_M2_S, TIDE_S2_S = 12.4206 * HOUR_S, 12.0 * HOUR_S  # principal lunar and solar tides
RAIN_BLOCK_S = 6 * HOUR_S
RAIN_CHANCE = 0.14


@lru_cache(maxsize=200_000)
def hashed(name: str, number: int) -> float:
    """A uniform value in [-1, 1) that belongs to a name and a number."""
    return zlib.crc32(f"{name}/{number}".encode()) / 2**31 - 1.0


def jitter(name: str, t: float) -> float:
    """Noise of one moment, in [-1, 1); independent from one second to the next."""
    return zlib.crc32(f"{name}#{int(t)}".encode()) / 2**31 - 1.0


def smooth(name: str, t: float, period_s: float) -> float:
    """Noise in [-1, 1) that changes over about `period_s` seconds."""
    knot, part = divmod(t, period_s)
    rise = (1 - math.cos(math.pi * part / period_s)) / 2
    before, after = hashed(name, int(knot)), hashed(name, int(knot) + 1)
    return before + (after - before) * rise


def city_hour(t: float) -> float:
    """Hour of the day in the city, 0 <= h < 24 (Shanghai keeps no summer time)."""
    return (t / HOUR_S + 8) % 24


def city_weekday(t: float) -> int:
    """0 = Monday."""
    return datetime.fromtimestamp(t, CITY_TIME).weekday()


def daily(t: float, peak_hour: float) -> float:
    """A daily wave in [-1, 1], highest at `peak_hour`."""
    return math.cos((city_hour(t) - peak_hour) / 24 * 2 * math.pi)


class Weather:
    """The city's weather by time; `seed` makes another city's."""

    def __init__(self, seed: int) -> None:
        self._name = f"weather{seed}"

    def rain(self, t: float) -> float:
        """Rain in mm/h; showers of up to six hours."""
        block, part = divmod(t, RAIN_BLOCK_S)
        chance = (hashed(self._name + "rain", int(block)) + 1) / 2
        if chance > RAIN_CHANCE:
            return 0.0
        return (RAIN_CHANCE - chance) / RAIN_CHANCE * 24 * math.sin(math.pi * part / RAIN_BLOCK_S)

    def wetness(self, t: float) -> float:
        """How much recent rain still runs off, 0 dry to about 1; fades within two days."""
        total = 0.0
        for blocks_ago in range(8):
            then = t - blocks_ago * RAIN_BLOCK_S
            middle = (then // RAIN_BLOCK_S + 0.5) * RAIN_BLOCK_S
            if middle <= t:
                total += self.rain(middle) / 24 * math.exp(-(t - middle) / (14 * HOUR_S))
            else:
                total += self.rain(t) / 24 * 0.5
        return min(total, 1.2)

    def temperature(self, t: float) -> float:
        """Air temperature in degC: season, day, passing fronts, cooler in rain."""
        season = math.cos((t / DAY_S % 365.25 - 200) / 365.25 * 2 * math.pi)
        front = 3.0 * smooth(self._name + "front", t, 3 * DAY_S)
        return 22.5 + 6.5 * season + 3.2 * daily(t, 14.5) + front - 0.12 * self.rain(t)

    def humidity(self, t: float) -> float:
        """Relative humidity in %."""
        wave = 70 - 10 * daily(t, 14.5) + 9 * smooth(self._name + "humid", t, DAY_S)
        return min(99.0, max(20.0, wave + 0.8 * self.rain(t)))

    def pressure(self, t: float) -> float:
        """Air pressure in hPa."""
        return (
            1012 + 5 * smooth(self._name + "front", t + DAY_S, 3 * DAY_S) + 1.2 * daily(t, 10) / 2
        )

    def wind_speed(self, t: float) -> float:
        """Wind in m/s, stronger by day and in fronts."""
        gusts = 1.2 * smooth(self._name + "wind", t, 5 * HOUR_S)
        return max(0.2, 2.4 + 1.1 * daily(t, 15) + gusts)

    def wind_direction(self, t: float) -> float:
        """Where the wind comes from in deg: sea breeze by day, land breeze by night."""
        return (110 + 55 * daily(t, 15) + 70 * smooth(self._name + "turn", t, 9 * HOUR_S)) % 360

    def stagnation(self, t: float) -> float:
        """How little the air moves and mixes: about 0.5 clean to 2 hazy."""
        return (
            1.1 + 0.55 * smooth(self._name + "haze", t, 2 * DAY_S) - 0.12 * self.wind_speed(t) / 2
        )


def tide(t: float, shift_h: float = 0.0) -> float:
    """Height of the tide in m about its mean, from its two largest parts."""
    moved = t - shift_h * HOUR_S
    return 0.95 * math.cos(2 * math.pi * moved / TIDE_M2_S) + 0.38 * math.cos(
        2 * math.pi * moved / TIDE_S2_S
    )
