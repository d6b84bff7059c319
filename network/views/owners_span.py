"""Enterprises over a month or a year: what they measure beside what the government measures there,
and the hours in which building sites and enterprises lay above the limit of their boundary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from network.rollup import compare_owners, of_enterprise
from network.views.facilities import HoursOver, hours_over, is_facility
from network.views.spans import Reported
from schemas import Level, Period, catalogue
from schemas.registry import Station
from standards.rounding import exact, revise
from storage import Store

NOT_COMPARED = ("flow",)  # a pipe's beside its river's says nothing of either


@dataclass(frozen=True, slots=True)
class Compared:
    """Means over a span in one area, in the parameter's unit; stations: how many each is of.

    ratio: enterprises to government, two decimals; None for levels in dB.
    """

    level: str
    subject: str
    parameter: str
    government: Decimal | None
    government_stations: int
    enterprise: Decimal | None
    enterprise_stations: int
    difference: Decimal | None
    ratio: Decimal | None


@dataclass(frozen=True, slots=True)
class LoudSpan:
    """A building site or enterprise: hours above the boundary's limit, by day and by night."""

    station: Station
    day: HoursOver
    night: HoursOver

    @property
    def over(self) -> int:
        return self.day.over + self.night.over


def compared(
    stations: Iterable[Station], span: Reported, *, store: Store, areas: Collection[str] | None
) -> tuple[Compared, ...]:
    """Where both measure a parameter. stations: all of the city. areas: only these; None = all."""
    every = list(stations)
    kept = [str(s.id) for s in every]
    if not any(of_enterprise(s) for s in every):
        return ()
    rows = span.rows(store=store, level=Level.STATION, subjects=kept)
    measured = [str(p.key) for p in catalogue() if p.key not in NOT_COMPARED]
    rows = rows.filter(pl.col("parameter").is_in(measured))
    if rows.is_empty():
        return ()
    table = compare_owners(rows, every)
    if areas is not None:
        table = table.filter(pl.col("subject").is_in(list(areas)))
    return tuple(
        Compared(
            level=row["level"],
            subject=row["subject"],
            parameter=row["parameter"],
            government=_shown(row["government"], row["parameter"]),
            government_stations=row["government_stations"] or 0,
            enterprise=_shown(row["enterprise"], row["parameter"]),
            enterprise_stations=row["enterprise_stations"] or 0,
            difference=_shown(row["difference"], row["parameter"]),
            ratio=None if row["ratio"] is None else revise(exact(row["ratio"]), 2),
        )
        for row in table.iter_rows(named=True)
    )


def loud(stations: Iterable[Station], span: Reported, *, store: Store) -> tuple[LoudSpan, ...]:
    """All facilities among the stations, those with most hours above the limit first."""
    own = [s for s in stations if is_facility(s)]
    if not own:
        return ()
    rows = store.read_aggregates(
        span.reach,
        period=Period.HOUR,
        level=Level.STATION,
        subjects=[s.id for s in own],
        parameters=["laeq"],
    )
    found = []
    for station in own:
        hours = rows.filter(pl.col("subject") == station.id)
        found.append(
            LoudSpan(
                station, hours_over(hours, "day", station), hours_over(hours, "night", station)
            )
        )
    return tuple(sorted(found, key=lambda f: (-f.over, f.station.id)))


def _shown(value: float | None, parameter: str) -> Decimal | None:
    return None if value is None else revise(exact(value), catalogue()[parameter].decimals)
