"""A made-up past: what a station's hourly logger would have kept of years before. Pure.

The emulators know the hour, the weekday and the weather, but no season of the pollutants and no
change from year to year. Both are laid over them here, joined so that the past runs into what the
emulators show at its end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas import ParameterKey, catalogue
from simulators.emulators import measure
from simulators.weather import DAY_S, HOUR_S, Weather, hashed

YEAR_S = 365.25 * DAY_S
MISSED = 0.006  # share of hours that a logger lost


@dataclass(frozen=True, slots=True)
class Season:
    """swing: of the mean, up and down over a year; peak: day of the year; yearly: change a year."""

    swing: float
    peak: int
    yearly: float


# About as a coastal city of the south has them: dry, stagnant winters, ozone in autumn, and air and
# rivers that have become cleaner.
SEASONS: dict[str, Season] = {
    "pm25": Season(0.38, 5, -0.05),
    "pm10": Season(0.33, 5, -0.04),
    "no2": Season(0.25, 10, -0.04),
    "so2": Season(0.15, 5, -0.02),
    "co": Season(0.18, 10, -0.02),
    "o3": Season(0.16, 275, 0.01),
    "nh3n": Season(0.2, 30, -0.08),
    "tp": Season(0.15, 45, -0.05),
    "tn": Season(0.12, 45, -0.04),
    "codmn": Season(0.1, 200, -0.03),
}


def factor(key: str, t: float, joins: float) -> float:
    """By how much a parameter was more or less at `t` than the emulators say; 1 at `joins`."""
    season = SEASONS.get(key)
    if season is None:
        return 1.0
    change = (1 + season.yearly) ** ((t - joins) / YEAR_S)
    return change * _wave(season, t) / _wave(season, joins)


def _wave(season: Season, t: float) -> float:
    day = t / DAY_S % 365.25
    return 1 + season.swing * math.cos((day - season.peak) / 365.25 * 2 * math.pi)


def logged(
    kind: str,
    name: str,
    parameters: Sequence[ParameterKey],
    weather: Weather,
    hours: range,
    joins: float,
) -> Iterator[tuple[int, dict[str, float | None]]]:
    """One reading an hour: (s since the epoch, values); now and then an hour was lost.

    kind: of emulator; name: whose traits it has; hours: starts in s; joins: where the past ends.
    """
    for t in hours:
        if (hashed(name + "lost", t // 3600) + 1) / 2 < MISSED:
            continue
        values = measure(kind, name, parameters, weather, t + HOUR_S / 2)
        yield t, {key: _laid_over(key, value, t, joins) for key, value in values.items()}


def _laid_over(key: str, value: float | None, t: float, joins: float) -> float | None:
    if value is None or key not in SEASONS:
        return value
    parameter = catalogue()[key]
    low, high = parameter.range
    return round(min(high, max(low, value * factor(key, t, joins))), parameter.decimals)
