"""Verdicts on sound: which share of the stations kept the limit of their zone. Pure.

By day and by night, of each station (100 or 0), subdistrict, district and the city; of districts
and the city also zone by zone. As of any area, half of the stations must have been judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from network.assessments_noise import (
    LEVEL,
    PARTS,
    NoiseVerdict,
    attainment,
    noise_day,
    zones_of,
)
from network.assessments_rows import INCOMPLETE, NO_DATA, city_date
from network.days import part_of_day
from network.rollup import MEMBER_COMPLETENESS
from network.verdict_rows import Row, ruled, verdict
from schemas import Interval, Level, indices
from schemas.registry import Station
from standards.noise import Part
from standards.station_limits import in_zone_network

ATTAINED = "noise_attained"
BY_ZONE = (Level.DISTRICT, Level.CITY)


def noise_verdicts(
    parts: pl.DataFrame, stations: Iterable[Station], days: Iterable[Interval]
) -> Iterator[Row]:
    """Of every area in which a station has been heard. parts: daytime and night rows of those."""
    own = [station for station in stations if in_zone_network(station)]
    heard = set(
        parts.filter(pl.col("parameter") == LEVEL).select("subject", "period", "start").iter_rows()
    )
    for day in days:
        if not ruled(city_date(day.start), "noise_quality"):
            continue
        verdicts = {(v.station, v.part): v for v in noise_day(parts, own, day)}
        for part, period in PARTS.items():
            start = part_of_day(day, period).start
            for (level, subject), members in _areas(own).items():
                if any((name, str(period), start) in heard for name in members):
                    judged = [verdicts[name, part] for name in members]
                    yield from _rates(level, subject, part, judged, day)


def _areas(stations: Iterable[Station]) -> dict[tuple[Level, str], list[str]]:
    found: dict[tuple[Level, str], list[str]] = {}
    for station in stations:
        places = {
            Level.STATION: station.id,
            Level.SUBDISTRICT: station.subdistrict,
            Level.DISTRICT: station.district,
            Level.CITY: "city",
        }
        for level, place in places.items():
            if place is not None:
                found.setdefault((level, place), []).append(station.id)
    return found


def _rates(
    level: Level, subject: str, part: Part, verdicts: list[NoiseVerdict], day: Interval
) -> Iterator[Row]:
    zones = zones_of(verdicts) if level in BY_ZONE else ()
    for zone in (None, *zones):
        index = ATTAINED if zone is None else f"{ATTAINED}_{zone}"
        if index not in indices():
            continue  # another edition's name of a zone
        rate = attainment(verdicts, part, zone)
        expected = rate.judged + rate.without_data
        reason = NO_DATA if rate.rate is None else ""
        if rate.judged < MEMBER_COMPLETENESS * expected:
            reason = INCOMPLETE if any(v.hours for v in verdicts) else NO_DATA
        yield verdict(
            level,
            subject,
            index,
            PARTS[part],
            part_of_day(day, PARTS[part]).start,
            value=rate.rate,
            count=rate.judged,
            expected=expected,
            reason=reason,
            edition=verdicts[0].edition,
        )
