"""Observations to hourly aggregates of sensors. Pure.

An hour is valid with the minutes of data that GB 3095 asks for, by the edition of its day. Only
values of flag good or not evaluated count; what is missing or failed its tests shows in the
completeness, and is never filled. An expected channel without any data has a row too.

`finish` is the last step of every period and level: completeness, validity, reason and edition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

import polars as pl

from network.averaging import DECIMALS, average_by
from schemas import CITY_TIME, Catalogue, Level, Period
from schemas.flags import USABLE
from schemas.observation import AGGREGATES
from schemas.registry import Sensor
from standards import Edition, UnknownEdition, edition, editions

HOUR_S = 3600
_CHANNEL_HOUR = ["sensor", "parameter", "start"]
MINIMUM_DATA = "air_assessment"  # HJ 663: the family whose minimum data decide validity

_LAST_BITS = 1e-9  # 20 / 24 * 24 may be a little more than 20

# Which share of the expected data an edition asks for.
Least = Callable[[Edition], float]

CHANNELS = {
    "sensor": pl.String(),
    "parameter": pl.String(),
    "method": pl.String(),
    "weight_by": pl.String(),
    "expected": pl.Int32(),  # observations an hour
    "always": pl.Boolean(),  # has a row every hour, data or not
    "since": AGGREGATES["start"],  # that hour, for it was not there before; null = for ever
}


def channels(sensors: Iterable[Sensor], catalogue: Catalogue) -> pl.DataFrame:
    """One row a channel of the network, columns `CHANNELS`.

    A sensor slower than hourly, or retired, is expected only in the hours in which it spoke; so is
    any before the hour after it was installed.
    """
    rows = [
        (
            sensor.id,
            key,
            catalogue[key].averaging,
            catalogue[key].weight,
            max(1, HOUR_S // sensor.cadence_s),
            sensor.cadence_s <= HOUR_S and sensor.state != "retired",
            sensor.installed,
        )
        for sensor in sensors
        for key in sensor.parameters
        if key in catalogue
    ]
    return pl.DataFrame(rows, schema=CHANNELS, orient="row")


def sensor_hours(
    observations: pl.DataFrame, known: pl.DataFrame, hours: Sequence[datetime]
) -> pl.DataFrame:
    """Hourly aggregates of sensors, columns `AGGREGATES`.

    observations: columns `OBSERVATIONS`. known: `CHANNELS`. hours: starts of the hours wanted;
    observations of other hours are left out.
    """
    wanted = pl.DataFrame({"start": pl.Series(hours, dtype=AGGREGATES["start"])})
    usable = (
        observations.lazy()
        .filter(
            (pl.col("quality") % 10).is_in([int(flag) for flag in USABLE]),
            pl.col("value").is_not_null(),
        )
        .with_columns(start=pl.col("ts").dt.truncate("1h"), low="value", high="value")
        .filter(pl.col("start").is_in(wanted["start"].implode()))
    )
    # A parameter is averaged alike wherever it is measured: the many observations are parted by the
    # few parameters, and only their averages meet the table of all channels.
    ways = known.select("method", "parameter", "weight_by").unique()
    found = pl.concat(
        average_by(method, _weighted(usable, ways.filter(method=method)), _CHANNEL_HOUR)
        for method in ways["method"].unique().sort().to_list() or ["mean"]
    )
    averages = found.drop("method").collect()
    there = pl.col("since").is_null() | (pl.col("start") >= pl.col("since"))
    due = pl.col("always") & there
    expected = known.filter("always").join(wanted, how="cross").filter(there)
    seen = known.join(averages.select(_CHANNEL_HOUR), on=["sensor", "parameter"]).filter(~due)
    rows = pl.concat([expected, seen]).join(averages, on=_CHANNEL_HOUR, how="left")
    return finish(
        rows.with_columns(level=pl.lit(str(Level.SENSOR)), subject=pl.col("sensor")),
        period=Period.HOUR,
        least=_least_of_an_hour,
    )


def _least_of_an_hour(rules: Edition) -> float:
    return float(rules.tables["minimum"]["minutes_an_hour"]) / 60


def _weighted(usable: pl.LazyFrame, ways: pl.DataFrame) -> pl.LazyFrame:
    """Those of some parameters; a direction weighs by the speed that its sensor measured then."""
    part = usable.filter(pl.col("parameter").is_in(ways["parameter"].to_list()))
    weighing = ways["weight_by"].drop_nulls().unique().to_list()
    if not weighing:
        return part.with_columns(weight=pl.lit(1.0))
    speeds = usable.filter(pl.col("parameter").is_in(weighing)).select(
        "sensor", "ts", weight_by="parameter", weight="value"
    )
    return (
        part.join(ways.lazy().select("parameter", "weight_by"), on="parameter")
        .join(speeds, on=["sensor", "ts", "weight_by"], how="left")
        .with_columns(pl.col("weight").fill_null(1.0))
    )


def minimum_data(day: date) -> Edition:
    """The edition whose minimum data hold on a city day; before the first edition, the first."""
    try:
        return edition(MINIMUM_DATA, on=day)
    except UnknownEdition:
        every = [one for one in editions().values() if one.family == MINIMUM_DATA]
        return min(every, key=lambda one: one.effective_from or date.min)


def finish(frame: pl.DataFrame, *, period: Period, least: Least | None) -> pl.DataFrame:
    """Statistics to whole rows of `AGGREGATES`, each by the edition of its day.

    frame: level, subject, parameter, start, what `average` gives (null without data), `expected`.
    least: which share of what is expected makes a row valid; None = each row's own, `needed`.
    """
    starts = frame["start"].unique().to_list()
    rules = [minimum_data(start.astimezone(CITY_TIME).date()) for start in starts]
    by_start = pl.DataFrame(
        {
            "start": pl.Series(starts, dtype=AGGREGATES["start"]),
            "edition": pl.Series([one.id for one in rules], dtype=pl.String),
            "least": pl.Series([least(one) if least else None for one in rules], dtype=pl.Float64),
        }
    )
    share = pl.col("least") if least else pl.col("needed")
    needed = share * pl.col("expected") - _LAST_BITS
    judged = frame.join(by_start, on="start").with_columns(enough=pl.col("count") >= needed)
    return whole_rows(judged, period=period)


def whole_rows(frame: pl.DataFrame, *, period: Period) -> pl.DataFrame:
    """Rows of `AGGREGATES` from statistics of which is known whether they are of `enough` data.

    reason: `no_data`, `incomplete`, or empty where valid.
    """
    valid = pl.col("enough") & pl.col("value").is_not_null()
    share = pl.col("count") * (1.0 / pl.col("expected"))  # why no division: see `averaging`
    return (
        frame.lazy()
        .with_columns(pl.col("count").fill_null(0))
        .with_columns(
            period=pl.lit(str(period)),
            completeness=pl.min_horizontal(share.round(DECIMALS), 1.0),
            valid=valid,
            reason=pl.when(valid)
            .then(pl.lit(""))
            .when(pl.col("count") == 0)
            .then(pl.lit("no_data"))
            .otherwise(pl.lit("incomplete")),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in AGGREGATES.items())
        .collect()
    )
