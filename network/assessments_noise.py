"""Sound by functional zone: Ld and Ln of a day against the limits of GB 3096. Pure.

A part of the day is judged only with as many hours as the edition asks for. The rate of attainment
(功能区达标率) is of the stations that were judged; those without enough data are counted beside
them. Building sites and enterprises have limits of their own and are no part of a zone's rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from network.assessments_rows import INCOMPLETE, NO_DATA, city_date
from schemas import Interval, Period
from schemas.registry import Station
from standards import edition
from standards.noise import Part, judge, limit, zones
from standards.rounding import exact, revise
from standards.station_limits import in_zone_network

PARTS: dict[Part, Period] = {"day": Period.DAYTIME, "night": Period.NIGHT}
NO_ZONE = "no_zone"
LEVEL = "laeq"


@dataclass(frozen=True, slots=True)
class NoiseVerdict:
    """Ld or Ln of one station and day, dB(A).

    level: as it is compared, an integer; shown: with one decimal; limit: of the zone; each None
    where it cannot be said. hours: with a valid level, of those that are required. zone: None when
    the edition does not know the station's.
    """

    station: str
    zone: str | None
    part: Part
    day: date
    edition: str
    shown: Decimal | None
    level: Decimal | None
    limit: Decimal | None
    ok: bool | None
    hours: int
    required: int
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Attainment:
    """How many of the stations judged kept the limit. rate: percent, one decimal; None of none."""

    part: Part
    zone: str | None
    attaining: int
    judged: int
    without_data: int
    rate: Decimal | None


def noise_day(
    rows: pl.DataFrame, stations: Iterable[Station], day: Interval
) -> tuple[NoiseVerdict, ...]:
    """The verdicts of a city day, two for each station of the zone network.

    rows: daytime and night rows of stations, columns `AGGREGATES`; those of other days are left
    out.
    """
    levels = rows.filter(
        pl.col("start").is_between(day.start, day.end, closed="left"), pl.col("parameter") == LEVEL
    )
    found = {(row["subject"], row["period"]): row for row in levels.iter_rows(named=True)}
    return tuple(
        _verdict(found.get((station.id, str(period))), station, part, city_date(day.start))
        for station in stations
        if in_zone_network(station)
        for part, period in PARTS.items()
    )


def _verdict(
    row: Mapping[str, Any] | None, station: Station, part: Part, day: date
) -> NoiseVerdict:
    standard = edition("noise_quality", on=day)
    required: int = standard.tables["required_hours"][part]
    zone = station.zone if station.zone in zones(standard) else None
    hours = 0 if row is None else int(row["count"])
    found = None
    if row is not None and row["valid"] and hours >= required:
        found = exact(row["value"])
    verdict = None if found is None or zone is None else judge(standard, part, found, zone)
    return NoiseVerdict(
        station=station.id,
        zone=zone,
        part=part,
        day=day,
        edition=standard.id,
        shown=None if found is None else revise(found, 1),
        level=verdict.level if verdict else None,
        limit=None if zone is None else limit(standard, part, zone),
        ok=verdict.ok if verdict else None,
        hours=hours,
        required=required,
        valid=verdict is not None,
        reason=_reason(hours, found is not None, zone),
    )


def _reason(hours: int, enough: bool, zone: str | None) -> str:
    if not enough:
        return NO_DATA if hours == 0 else INCOMPLETE
    return "" if zone else NO_ZONE


def attainment(verdicts: Iterable[NoiseVerdict], part: Part, zone: str | None = None) -> Attainment:
    """The rate of one part of the day, of one zone or of all."""
    own = [v for v in verdicts if v.part == part and zone in (None, v.zone)]
    judged = [v for v in own if v.ok is not None]
    kept = sum(v.ok is True for v in judged)
    return Attainment(
        part=part,
        zone=zone,
        attaining=kept,
        judged=len(judged),
        without_data=len(own) - len(judged),
        rate=revise(Decimal(100 * kept) / len(judged), 1) if judged else None,
    )


def zones_of(verdicts: Iterable[NoiseVerdict]) -> tuple[str, ...]:
    """The zones that occur, in the order of the standard."""
    verdicts = tuple(verdicts)
    if not verdicts:
        return ()
    order = zones(edition("noise_quality", on=verdicts[0].day))
    there = {v.zone for v in verdicts}
    return tuple(zone for zone in order if zone in there)
