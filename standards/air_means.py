"""Means of air pollutants and their validity: HJ 663 and the minimum data of GB 3095.

Hourly values of a day are a sequence: index 0 is the hour that ends at 01:00. None is a value that
is missing. A mean without its required data is None, never filled. Means come exact; they are
revised (GB/T 8170) once, where they are compared or shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from standards.editions import Edition

Values = Sequence[Decimal | None]

HOURS = 24


def running_mean(values: Values, hours: int, minimum: int) -> list[Decimal | None]:
    """Mean of the last `hours` values at each place, None where fewer than `minimum` are there.

    What lies before the first value is missing. Ozone: 8 hours, at least 6 (GB 3095, table 4); the
    health index: 3, and as many as the network asks for. Raises ValueError for an absurd minimum.
    """
    if not 1 <= minimum <= hours:
        raise ValueError(f"a minimum of 1 to {hours} values, not {minimum}")
    return [_mean(values[max(0, end - hours) : end], minimum) for end in range(1, len(values) + 1)]


def daily_mean(hourly: Values, rules: Edition) -> Decimal | None:
    """Mean of a day's 24 hourly values; None with fewer than 20 (GB 3095, table 4)."""
    return _mean(_whole_day(hourly), rules.tables["minimum"]["hours_a_day"])


def daily_max_8h(hourly: Values, rules: Edition, limit: Decimal | None = None) -> Decimal | None:
    """Largest 8 h mean of ozone of a day, of those that end from 08:00 to 24:00 (HJ 663).

    None with fewer than 14 such means; but a day whose largest mean exceeds `limit` counts all the
    same: more data could not lower it. limit: of the daily maximum, in the values' unit.
    """
    minimum, windows = rules.tables["minimum"], rules.tables["windows"]
    means = running_mean(_whole_day(hourly), 8, minimum["hours_of_8"])
    found = [m for m in means[windows["first_end"] - 1 : windows["last_end"]] if m is not None]
    largest = max(found, default=None)
    if largest is None or len(found) >= minimum["windows_a_day"]:
        return largest
    exceeds = limit is not None and largest > limit
    return largest if exceeds and rules.tables["short_day_above_limit"] else None


def percentile(values: Sequence[Decimal], percent: int) -> Decimal:
    """Percentile by linear interpolation (HJ 663-2013, appendix A): place k = 1 + (n - 1) p.

    Raises ValueError without values, or with a percent that is not of 0 to 100.
    """
    if not values or not 0 <= percent <= 100:
        raise ValueError("a percentile needs values and a percent of 0 to 100")
    ordered = sorted(values)
    place = Decimal((len(ordered) - 1) * percent) / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _whole_day(hourly: Values) -> Values:
    if len(hourly) != HOURS:
        raise ValueError(
            f"a day has {HOURS} hourly values, missing ones as None; not {len(hourly)}"
        )
    return hourly


def _mean(values: Values, minimum: int) -> Decimal | None:
    found = [value for value in values if value is not None]
    return sum(found, Decimal(0)) / len(found) if len(found) >= minimum else None
