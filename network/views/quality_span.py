"""How whole the data of a month or a year are: hours by medium, and the account of messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from network.views.city import AccountTotals
from network.views.spans import Reported
from registry import Registry
from schemas import Level, Medium, Period, SensorId
from schemas.registry import Sensor, Station
from standards.rounding import revise
from storage import Store

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class MediumQuality:
    """hours: valid hours of all channels, of those expected of the sensors in use.

    rate: percent, one decimal; None where nothing is expected. silent: sensors without one hour.
    """

    medium: Medium
    sensors: int
    silent: tuple[SensorId, ...]
    hours: int
    expected: int
    rate: Decimal | None


@dataclass(frozen=True, slots=True)
class QualitySpan:
    media: tuple[MediumQuality, ...]
    account: AccountTotals


def quality_span(
    stations: Iterable[Station], span: Reported, *, store: Store, registry: Registry
) -> QualitySpan:
    """Of the sensors at these stations; retired ones count in the account only."""
    here = {str(station.id) for station in stations}
    every = [s for s in registry.sensors().values() if s.station in here]
    in_use = [sensor for sensor in every if sensor.state != "retired"]
    found: dict[tuple[str, str], int] = defaultdict(int)
    if in_use:
        rows = store.read_aggregates(
            span.reach,
            period=Period.DAY,
            level=Level.SENSOR,
            subjects=[s.id for s in in_use],
        )
        hours = rows.group_by("subject", "parameter").agg(pl.col("count").sum())
        found.update({(subject, key): count for subject, key, count in hours.iter_rows()})
    media = [_medium(medium, in_use, found, len(span.days)) for medium in Medium]
    account = store.account_sums(span.reach)
    own = account.filter(pl.col("sensor").is_in([str(sensor.id) for sensor in every]))
    return QualitySpan(
        media=tuple(each for each in media if each.sensors),
        account=AccountTotals(**{name: int(own[name].sum()) for name in own.columns[1:]}),
    )


def _medium(
    medium: Medium, sensors: Iterable[Sensor], hours: dict[tuple[str, str], int], days: int
) -> MediumQuality:
    own = [sensor for sensor in sensors if sensor.medium == medium]
    there = {s.id: sum(hours[s.id, key] for key in s.parameters) for s in own}
    expected = sum(days * _hours_a_day(sensor) * len(sensor.parameters) for sensor in own)
    total = min(sum(there.values()), expected)
    return MediumQuality(
        medium=medium,
        sensors=len(own),
        silent=tuple(name for name, count in there.items() if not count),
        hours=total,
        expected=expected,
        rate=revise(100 * Decimal(total) / expected, 1) if expected else None,
    )


def _hours_a_day(sensor: Sensor) -> int:
    """In how many hours of a day a sensor speaks; in each, unless it is slower than hourly."""
    return max(1, min(24, DAY_S // sensor.cadence_s))
