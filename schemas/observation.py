"""What flows through the middle: flagged readings, write outcomes, columns of frames.

Made by ingest, kept by storage, read by network. Frames are polars frames of the columns named
here; every store returns exactly these, whatever lies behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from schemas.ids import ParameterKey, SensorId

GOVERNMENT = "government"


@dataclass(frozen=True, slots=True)
class SeriesTags:
    """What a store may group a sensor's readings by; bounded, nothing here is per message.

    owner: the enterprise whose own sensor it is, else `government`.
    """

    medium: str = ""
    station: str = ""
    district: str = ""
    subdistrict: str = ""
    owner: str = GOVERNMENT


UNPLACED = SeriesTags()


@dataclass(slots=True)
class FlaggedReading:
    """One reading of one sensor, validated and flagged.

    ts_ms: device time, ms since the epoch, UTC. values: canonical units; None = missing.
    quality: quality code (see `schemas.flags`) of each value that is not plainly good.
    arrived_ms: when it reached us; decides the hour of the account.
    tags: where the sensor stands; no part of the reading's identity.
    """

    sensor: SensorId
    ts_ms: int
    values: dict[ParameterKey, float | None]
    quality: dict[ParameterKey, int] = field(default_factory=dict)
    arrived_ms: int = 0
    tags: SeriesTags = UNPLACED


class Outcome(StrEnum):
    """What the store did with one reading."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # same sensor, time and values: nothing changed
    REVISED = "revised"  # same sensor and time, other values: the earlier kept as a revision
    REFUSED = "refused"  # the store will never take it: it belongs in a dead letter


# (sensor, start of the hour of arrival in ms): the key of the account.
AccountKey = tuple[SensorId, int]


class Period(StrEnum):
    HOUR = "hour"
    DAY = "day"  # calendar day in the city's time
    DAYTIME = "daytime"  # 06:00-22:00 city time (GB 3096-2008, 3.4)
    NIGHT = "night"  # 22:00-06:00 of the next day
    MONTH = "month"  # of the days of a calendar month; for sound also of its daytimes and nights
    MONTH_DAYTIME = "month_daytime"
    MONTH_NIGHT = "month_night"
    YEAR = "year"
    YEAR_DAYTIME = "year_daytime"
    YEAR_NIGHT = "year_night"
    YEAR_TO_DATE = "year_to_date"  # 1 January up to and with the city day that begins at `start`
    YEAR_TO_DATE_DAYTIME = "year_to_date_daytime"
    YEAR_TO_DATE_NIGHT = "year_to_date_night"


class Level(StrEnum):
    SENSOR = "sensor"
    STATION = "station"
    SUBDISTRICT = "subdistrict"
    DISTRICT = "district"
    BASIN = "basin"
    BAY = "bay"
    CITY = "city"


UTC_MS = pl.Datetime("ms", "UTC")

OBSERVATIONS: dict[str, pl.DataType] = {
    "sensor": pl.String(),
    "ts": UTC_MS,
    "parameter": pl.String(),
    "value": pl.Float64(),  # null = missing
    "quality": pl.Int16(),
}

OBSERVATION_COUNTS: dict[str, pl.DataType] = {
    "sensor": pl.String(),
    "parameter": pl.String(),
    "count": pl.Int64(),
}

AGGREGATES: dict[str, pl.DataType] = {
    "level": pl.String(),
    "subject": pl.String(),  # id of the sensor, station, district ...; "city" for the city
    "parameter": pl.String(),
    "period": pl.String(),
    "start": UTC_MS,
    "value": pl.Float64(),  # null where nothing usable was measured
    "minimum": pl.Float64(),
    "maximum": pl.Float64(),
    "count": pl.Int32(),  # usable observations (sensor) or members (roll-ups)
    "expected": pl.Int32(),
    "completeness": pl.Float64(),  # count / expected, 0..1
    "valid": pl.Boolean(),
    "reason": pl.String(),  # why not valid; "" where valid
    "method": pl.String(),  # mean, energy, vector, sum; of an index its kind (see `indices`)
    "edition": pl.String(),  # of the standard whose minimum data it was held to; "" = not recorded
}
AGGREGATE_KEY = ["level", "subject", "parameter", "period", "start"]

ACCOUNT: dict[str, pl.DataType] = {
    "sensor": pl.String(),
    "hour": UTC_MS,
    "received": pl.Int64(),
    "stored": pl.Int64(),  # first arrivals and revisions
    "duplicate": pl.Int64(),
    "dead_lettered": pl.Int64(),
}
ACCOUNT_SUMS = {name: dtype for name, dtype in ACCOUNT.items() if name != "hour"}
