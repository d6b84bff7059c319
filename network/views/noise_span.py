"""Sound over a month or a year: attainment by zone, and which stations were above their limit.

The rate counts a station's day and its night each once (点次): of those judged, how many kept the
limit of the zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from network.assessments import (
    NO_DATA,
    Attainment,
    NoiseVerdict,
    attainment,
    noise_day,
)
from network.views.noise import ZoneNoise, by_zone
from network.views.spans import Reported
from schemas import Interval, Level, Period
from schemas.clock import DAY
from schemas.registry import Station
from standards import edition
from standards.noise import Part
from standards.rounding import exact, revise
from storage import Store

PARTS: dict[Part, Period] = {"day": Period.DAYTIME, "night": Period.NIGHT}


@dataclass(frozen=True, slots=True)
class StationSound:
    """One station and part of the day over a span, dB(A).

    level: Ld or Ln of the span, one decimal, also when it is not valid. judged, over: days, and of
    them those above the limit. worst: the highest level of a day that was judged, an integer.
    """

    station: Station
    part: Part
    zone: str | None
    limit: Decimal | None
    level: Decimal | None
    judged: int
    over: int
    worst: Decimal | None
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class NoiseSpan:
    """Rates over all days and nights. before, year_before: of day and night in those spans."""

    editions: tuple[str, ...]
    day: Attainment
    night: Attainment
    zones: tuple[ZoneNoise, ...]
    before: tuple[Attainment, Attainment] | None
    year_before: tuple[Attainment, Attainment]
    stations: tuple[StationSound, ...]

    @property
    def over(self) -> tuple[StationSound, ...]:
        """Those above the limit on any day, most days first."""
        found = [each for each in self.stations if each.over]
        return tuple(sorted(found, key=lambda s: (-s.over, s.station.id, s.part)))


def noise_span(stations: Iterable[Station], span: Reported, *, store: Store) -> NoiseSpan:
    """Sound of those of the stations that stand for a functional zone."""
    stations = list(stations)
    verdicts = _verdicts(stations, span, store)
    before = span.before
    return NoiseSpan(
        editions=tuple(dict.fromkeys(verdict.edition for verdict in verdicts)),
        day=attainment(verdicts, "day"),
        night=attainment(verdicts, "night"),
        zones=by_zone(verdicts, edition("noise_quality", on=span.last)),
        before=None if before is None else _rates(stations, before, store),
        year_before=_rates(stations, span.year_before, store),
        stations=_stations(stations, verdicts, span, store),
    )


def _rates(
    stations: Iterable[Station], span: Reported, store: Store
) -> tuple[Attainment, Attainment]:
    verdicts = _verdicts(stations, span, store)
    return attainment(verdicts, "day"), attainment(verdicts, "night")


def _verdicts(
    stations: Iterable[Station], span: Reported, store: Store
) -> tuple[NoiseVerdict, ...]:
    stations = list(stations)
    names = [str(station.id) for station in stations if station.medium == "noise"]
    if not names:
        return ()
    rows = pl.concat(
        store.read_aggregates(
            span.reach, period=period, level=Level.STATION, subjects=names, parameters=["laeq"]
        )
        for period in PARTS.values()
    )
    return tuple(v for day in span.days for v in noise_day(_of(rows, day), stations, day))


def _of(rows: pl.DataFrame, day: Interval) -> pl.DataFrame:
    return rows.filter(pl.col("start").is_between(day.start, day.start + DAY, closed="left"))


def _stations(
    stations: Iterable[Station],
    verdicts: Iterable[NoiseVerdict],
    span: Reported,
    store: Store,
) -> tuple[StationSound, ...]:
    own: dict[tuple[str, Part], list[NoiseVerdict]] = {}
    for verdict in verdicts:
        own.setdefault((verdict.station, verdict.part), []).append(verdict)
    if not own:
        return ()
    levels = {
        (row["subject"], part): row
        for part, period in PARTS.items()
        for row in span.rows(
            store=store,
            level=Level.STATION,
            subjects={name for name, _ in own},
            parameters=["laeq"],
            part=period,
        ).iter_rows(named=True)
    }
    by_id = {str(station.id): station for station in stations}
    found = []
    for (name, part), its in own.items():
        row = levels.get((name, part))
        judged = [v for v in its if v.level is not None]
        value = None if row is None or row["value"] is None else exact(row["value"])
        found.append(
            StationSound(
                station=by_id[name],
                part=part,
                zone=its[-1].zone,
                limit=its[-1].limit,
                level=None if value is None else revise(value, 1),
                judged=len(judged),
                over=sum(v.ok is False for v in judged),
                worst=max((v.level for v in judged if v.level is not None), default=None),
                valid=row is not None and bool(row["valid"]),
                reason=NO_DATA if row is None else str(row["reason"]),
            )
        )
    return tuple(found)
