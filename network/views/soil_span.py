"""Soil over a month or a year, as its sensors measured it: means of stations, no risk.

Risk needs samples of a laboratory; they have a view of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from network.views.spans import Reported
from schemas import Level, Medium, catalogue
from schemas.registry import Station
from standards.rounding import exact, revise
from storage import Store


@dataclass(frozen=True, slots=True)
class SoilMean:
    """One parameter of one station over a span, in its unit; value also when it is not valid."""

    station: Station
    parameter: str
    value: Decimal | None
    lowest: Decimal | None
    highest: Decimal | None
    days: int
    valid: bool
    reason: str


def soil_span(stations: Iterable[Station], span: Reported, *, store: Store) -> tuple[SoilMean, ...]:
    """Every parameter that a soil station has a row of."""
    own = {str(s.id): s for s in stations if s.medium == Medium.SOIL}
    if not own:
        return ()
    keys = [str(p.key) for p in catalogue().of_medium(Medium.SOIL)]
    rows = span.rows(store=store, level=Level.STATION, subjects=list(own), parameters=keys)
    found = [
        SoilMean(
            station=own[row["subject"]],
            parameter=row["parameter"],
            value=_shown(row["value"], row["parameter"]),
            lowest=_shown(row["minimum"], row["parameter"]),
            highest=_shown(row["maximum"], row["parameter"]),
            days=int(row["count"]),
            valid=bool(row["valid"]),
            reason=str(row["reason"]),
        )
        for row in rows.iter_rows(named=True)
    ]
    order = list(own)
    return tuple(sorted(found, key=lambda s: (order.index(s.station.id), keys.index(s.parameter))))


def _shown(value: float | None, parameter: str) -> Decimal | None:
    return None if value is None else revise(exact(value), catalogue()[parameter].decimals)
