"""Observations as a table: what the store gives, with what belongs to each row.

Columns: sensor, ts, parameter, value, quality as the store has them; `Datastream/@iot.id` and
`FeatureOfInterest/@iot.id`, by which paths go on; cadence_s. One row is one Observation, and its id
is that of its Datastream with the time in ms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

import polars as pl

from console.sensorthings.columns import id_column
from console.sensorthings.compiling import Operand
from console.sensorthings.entities import Entities
from console.sensorthings.functions import TIME_TYPE
from console.sensorthings.model import ID, Kind
from console.sensorthings.windows import Extents, ExtentsKept
from schemas import Interval, from_ms
from schemas.flags import Cause, Flag, quality
from storage import Store

DATASTREAM, FEATURE = id_column(("Datastream",)), id_column(("FeatureOfInterest",))
FEW_PARAMETERS = 10  # beyond it InfluxDB is quicker to give all than to look for each by name
SCHEME = "QARTOD (IOC 54:V3)"
QUALITIES: dict[int, dict[str, Any]] = {
    quality(flag, cause): {
        "scheme": SCHEME,
        "flag": int(flag),
        "meaning": flag.name.lower(),
        "test": cause.name.lower(),
    }
    for flag in Flag
    for cause in Cause
}
_MS = pl.col("ts").dt.epoch("ms")
OWN_ID = pl.concat_str("sensor", pl.lit(":"), "parameter", pl.lit(":"), _MS)


def _told_by_code(what: str) -> pl.Expr:
    by_code = {code: told[what] for code, told in QUALITIES.items()}
    return pl.col("quality").replace_strict(by_code, default=None, return_dtype=pl.String)


# What an expression may name of an Observation itself.
OWN: Mapping[str, Operand] = {
    ID: Operand(OWN_ID, Kind.TEXT),
    "phenomenonTime": Operand(pl.col("ts").cast(TIME_TYPE), Kind.TIME),
    "resultTime": Operand(pl.col("ts").cast(TIME_TYPE), Kind.TIME),
    "result": Operand(pl.col("value"), Kind.NUMBER),
    "resultQuality": Operand(pl.lit(None), Kind.JSON),
    "resultQuality/flag": Operand((pl.col("quality") % 10).cast(pl.Float64), Kind.NUMBER),
    "resultQuality/meaning": Operand(_told_by_code("meaning"), Kind.TEXT),
    "resultQuality/test": Operand(_told_by_code("test"), Kind.TEXT),
    "resultQuality/scheme": Operand(_told_by_code("scheme"), Kind.TEXT),
    "parameters": Operand(pl.lit(None), Kind.JSON),
    "parameters/cadence_s": Operand(pl.col("cadence_s"), Kind.NUMBER),
}


class Observed:
    """The store's observations of the channels that the registry knows."""

    def __init__(self, store: Store, entities: Entities, kept: ExtentsKept) -> None:
        self.store = store
        self.entities = entities
        self._kept = kept

    @cached_property
    def channels(self) -> pl.DataFrame:
        """Every channel, under the names of this module."""
        return self.entities.channels.rename({"Datastream": DATASTREAM, "station": FEATURE})

    def dressed(self, rows: pl.DataFrame, channels: pl.DataFrame) -> pl.DataFrame:
        """Rows of the store that belong to some channels, with what belongs to each."""
        found = rows.join(channels, on=["sensor", "parameter"], how="inner")
        if self.entities.stays.is_empty() or found.is_empty():
            return found
        stood = found.sort("ts").join_asof(
            self.entities.stays, on="ts", by="sensor", check_sortedness=False
        )
        return stood.with_columns(pl.coalesce("stood_at", FEATURE).alias(FEATURE)).drop("stood_at")

    def read(self, start: int, end: int, channels: pl.DataFrame) -> pl.DataFrame:
        """The observations of some channels in a window of ms, half-open."""
        parameters = channels["parameter"].unique().to_list()
        rows = self.store.read(
            Interval(from_ms(start), from_ms(end)),
            sensors=channels["sensor"].unique().to_list(),
            parameters=parameters if len(parameters) <= FEW_PARAMETERS else None,
        )
        return self.dressed(rows, channels)

    def latest(self, channels: pl.DataFrame) -> pl.DataFrame:
        """The newest observation of each of some channels."""
        rows = self.store.latest(sensors=channels["sensor"].unique().to_list())
        return self.dressed(rows, channels)

    def only(self, datastreams: Collection[str]) -> pl.DataFrame:
        return self.channels.filter(pl.col(DATASTREAM).is_in(list(datastreams)))

    def one(self, observation: str) -> pl.DataFrame:
        """The observation of an id, or an empty table."""
        datastream, _, ms = observation.rpartition(":")
        channels = self.only([datastream])
        if channels.is_empty() or not (ms.isascii() and ms.isdecimal() and len(ms) < 14):
            return self.dressed(self.store.read(_NEVER, sensors=[]), channels)
        return self.read(int(ms), int(ms) + 1, channels)

    def extents(self, channels: pl.DataFrame) -> Extents:
        """From when to when each of some channels has observations, with its columns."""
        found = self._kept.of(channels["sensor"].unique().to_list())
        table = channels.join(found.table, on=["sensor", "parameter"])
        return Extents(table, found.fresh)

    def times(self, datastreams: Collection[str] | None = None) -> pl.DataFrame:
        """From when to when Datastreams have observations: columns id, start, end."""
        channels = self.channels if datastreams is None else self.only(datastreams)
        return self.extents(channels).table.select(
            pl.col(DATASTREAM).alias("id"),
            start=pl.from_epoch("first", "ms").dt.replace_time_zone("UTC"),
            end=pl.from_epoch("last", "ms").dt.replace_time_zone("UTC"),
        )


_NEVER = Interval(from_ms(0), from_ms(1))


def told(rows: pl.DataFrame) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    """Each row as an id, an Observation's properties, and where its relations lead."""
    plain = rows.select(
        OWN_ID.alias(ID), "ts", "value", "quality", "cadence_s", DATASTREAM, FEATURE
    )
    return [
        (
            key,
            {
                "phenomenonTime": ts,
                "resultTime": ts,
                "result": value,
                "resultQuality": QUALITIES.get(code, {"scheme": SCHEME, "flag": code % 10}),
                "parameters": {"cadence_s": int(cadence_s)},
            },
            {"Datastream": datastream, "FeatureOfInterest": feature},
        )
        for key, ts, value, code, cadence_s, datastream, feature in plain.iter_rows()
    ]


def iso(moment: datetime) -> str:
    """A time as it stands in answers: UTC, with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
