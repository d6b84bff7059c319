"""Assessment as the DAGs call it: reads aggregates, judges, writes verdicts. Idempotent, any range.

`assess_hours` follows `aggregate_hours` over the same hours, `assess_days` follows
`aggregate_days`; each writes exactly the verdicts in which those hours or days take part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import polars as pl

from network.assessments_air import OZONE
from network.assessments_noise import LEVEL
from network.assessments_water import expected_of
from network.batches import together
from network.verdict_rows import Row, as_aggregates, averaged
from network.verdicts_air import POLLUTANTS, REACH, day_verdicts, hour_verdicts, touched_by
from network.verdicts_noise import noise_verdicts
from network.verdicts_water import at_sea, is_section, water_verdicts
from registry import Registry
from schemas import Interval, Level, Medium, Period
from schemas.clock import DAY, HOUR
from standards.legal_limits import area_of
from storage import Store

ROWS = 300_000  # hourly rows of the air in memory at once
PLACES_A_STATION = 4  # its sensor, itself, and a share in the areas


def assess_hours(hours: Sequence[Interval], *, store: Store, registry: Registry) -> int:
    """Write the hourly verdicts that some hours take part in; returns the number of rows.

    They may be of hours after these: ozone's mean of eight hours has seven more ahead of it.
    """
    written = 0
    for group in together(hours, _hours_at_once(registry)):
        touched = touched_by(hour.start for hour in group)
        if not touched.every:
            continue
        reach = Interval(min(touched.every) - REACH, max(touched.every) + HOUR)
        rows = store.read_aggregates(reach, period=Period.HOUR, parameters=POLLUTANTS)
        written += _write(hour_verdicts(rows, touched), store)
    return written


def assess_days(days: Sequence[Interval], *, store: Store, registry: Registry) -> int:
    """Write the daily verdicts: air, sound by day and night, water; returns the number of rows."""
    stations = list(registry.stations().values())
    areas = {str(s.id): area_of(s) for s in stations if s.medium == Medium.AIR}
    waters = [s for s in stations if is_section(s) or at_sea(s)]
    expected = expected_of(waters, registry.sensors().values())
    written = 0
    for group in together(days, max(1, _hours_at_once(registry) // DAY) * DAY):
        reach = Interval(group[0].start, group[-1].end)
        air = store.read_aggregates(reach, period=Period.DAY, parameters=POLLUTANTS)
        ozone = store.read_aggregates(reach, period=Period.HOUR, parameters=[OZONE])
        written += _write(day_verdicts(air, ozone, group, areas), store)
        parts = [
            store.read_aggregates(reach, period=part, level=Level.STATION, parameters=[LEVEL])
            for part in (Period.DAYTIME, Period.NIGHT)
        ]
        written += _write(noise_verdicts(pl.concat(parts), stations, group), store)
        if waters:
            names = [station.id for station in waters]
            daily = store.read_aggregates(
                reach, period=Period.DAY, level=Level.STATION, subjects=names
            )
            written += _write(water_verdicts(averaged(daily), waters, expected, group), store)
    return written


def _write(verdicts: Iterator[Row], store: Store) -> int:
    rows = as_aggregates(verdicts)
    if not rows.is_empty():
        store.write_aggregates(rows)
    return rows.height


def _hours_at_once(registry: Registry) -> timedelta:
    """How much time of the city's air fits into memory."""
    channels = sum(_pollutants(sensor.parameters) for sensor in registry.sensors().values())
    return max(1, ROWS // max(1, PLACES_A_STATION * channels)) * HOUR


def _pollutants(parameters: Iterable[str]) -> int:
    return len(set(parameters) & set(POLLUTANTS))
