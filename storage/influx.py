"""The production store: InfluxDB 2, written as line protocol, read as annotated CSV.

Here is the port; how it is done stands beside it: `influx_write` (the order of a write),
`influx_lines` (what is written), `influx_flux` (what is asked), `influx_csv` (what is answered),
`influx_http` (how it travels), `buckets` (where it is kept). No type of InfluxDB's leaves here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
from polars.dataframe.group_by import GroupBy

from schemas import FlaggedReading, Interval, Level, Outcome, Period, to_ms
from schemas.clock import HOUR_MS
from schemas.observation import ACCOUNT, AGGREGATES, OBSERVATION_COUNTS, OBSERVATIONS, AccountKey
from storage import influx_csv as answers
from storage import influx_flux as flux
from storage import influx_lines as lines
from storage.buckets import (
    ACCOUNTS,
    OBSERVATIONS_S,
    InfluxAddress,
    aggregates_bucket,
)
from storage.buckets import OBSERVATIONS as OBSERVATIONS_BUCKET
from storage.influx_books import (
    SETTLER,
    account_rows,
    account_sums,
    books_question,
    pending_hours,
)
from storage.influx_http import InfluxHttp
from storage.influx_write import Writer
from storage.port import PendingHour
from storage.rows import counted

_NO_BOOKKEEPING = f'r._field != "{lines.CHANNELS}"'
_KEPT_COLUMNS = ("sensor", "_time", "_field", "_value")
_FLOATS = ("value", "minimum", "maximum")
NANOSECONDS = pl.Datetime("ns", "UTC")


class InfluxStore:
    """A store in InfluxDB. Its buckets are made by `prepare`. Threads may share it."""

    def __init__(self, address: InfluxAddress, *, token: str) -> None:
        self._address = address
        self._http = InfluxHttp(address.http, org=address.org, token=token)
        self._writer = Writer(self._http, address)
        self._observations = address.bucket(OBSERVATIONS_BUCKET)
        self._accounts = address.bucket(ACCOUNTS)

    def close(self) -> None:
        self._http.close()

    # Writing

    def write(
        self,
        readings: Sequence[FlaggedReading],
        *,
        received: Mapping[AccountKey, int] | None = None,
        dead_lettered: Mapping[AccountKey, int] | None = None,
    ) -> list[Outcome]:
        if not (readings or received or dead_lettered):
            return []
        return self._writer.write(readings, received, dead_lettered or {})

    def reflag(self, sensor: str, window: Interval, code: int) -> int:
        return self._writer.reflag(sensor, (to_ms(window.start), to_ms(window.end)), code)

    # Reading

    def read(
        self,
        window: Interval,
        *,
        sensors: Collection[str] | None = None,
        parameters: Collection[str] | None = None,
    ) -> pl.DataFrame:
        if _nobody(sensors, parameters):
            return pl.DataFrame(schema=OBSERVATIONS)
        fields = [name for key in parameters or () for name in (key, key + lines.QUALITY_SUFFIX)]
        asked = flux.pipeline(
            self._observations,
            _span(window),
            [
                _NO_BOOKKEEPING,
                flux.one_of("sensor", sensors),
                flux.one_of("_field", None if parameters is None else fields),
            ],
            flux.keep(*_KEPT_COLUMNS),
        )
        found = answers.observations(self._http.query(asked))
        return _only(_only(found, "sensor", sensors), "parameter", parameters)

    def latest(self, *, sensors: Collection[str] | None = None) -> pl.DataFrame:
        # The newest code tells the newest time; an older value is no value of that time.
        return self._outermost("last", sensors).agg(pl.all().last()).pipe(_in_order)

    def earliest(self, *, sensors: Collection[str] | None = None) -> pl.DataFrame:
        return self._outermost("first", sensors).agg(pl.all().first()).pipe(_in_order)

    def _outermost(self, which: str, sensors: Collection[str] | None) -> GroupBy:
        """The first or last field of each series, as observations of each channel."""
        if _nobody(sensors):
            self._http.ping()
            return pl.DataFrame(schema=OBSERVATIONS).group_by("sensor", "parameter")
        asked = flux.pipeline(
            self._observations,
            flux.ALWAYS,
            [_NO_BOOKKEEPING, flux.one_of("sensor", sensors)],
            f"{which}()",
            flux.keep(*_KEPT_COLUMNS),
        )
        found = _only(answers.observations(self._http.query(asked)), "sensor", sensors)
        return found.group_by("sensor", "parameter")

    def count_observations(
        self, window: Interval | None = None, *, sensors: Collection[str] | None = None
    ) -> pl.DataFrame:
        if _nobody(sensors):
            return pl.DataFrame(schema=OBSERVATION_COUNTS)
        asked = flux.pipeline(
            self._observations,
            flux.ALWAYS if window is None else _span(window),
            [f"r._field =~ /{lines.QUALITY_SUFFIX}$/", flux.one_of("sensor", sensors)],
            "count()",
            flux.keep("sensor", "_field", "_value"),
        )
        key = {"sensor": pl.String(), "_field": pl.String()}
        found = answers.of_type(self._http.query(asked), pl.Int64(), key)
        counts = found.select(
            "sensor",
            pl.col("_field").str.strip_suffix(lines.QUALITY_SUFFIX).alias("parameter"),
            pl.col("_value").alias("count"),
        )
        return counted(_only(counts, "sensor", sensors))

    def count_readings(self, window: Interval | None = None) -> dict[str, int]:
        asked = flux.pipeline(
            self._observations,
            flux.ALWAYS if window is None else _span(window),
            [f'r._field == "{lines.CHANNELS}"'],
            "count()",
            flux.keep("sensor", "_value"),
        )
        found = answers.of_type(self._http.query(asked), pl.Int64(), {"sensor": pl.String()})
        return dict(found.group_by("sensor").agg(pl.col("_value").sum()).rows())

    def revisions(self, window: Interval) -> pl.DataFrame:
        asked = flux.pipeline(
            self._accounts,
            _span(window),
            ['r._measurement == "revision"', _NO_BOOKKEEPING],
            flux.keep(*_KEPT_COLUMNS),
        )
        frames = self._http.query(asked)
        earlier = answers.observations(frames, time=NANOSECONDS)
        key = {"sensor": pl.String(), "_time": NANOSECONDS}
        replaced = answers.of_type(frames, pl.Int64(), {**key, "_field": pl.String()}).filter(
            _field="replaced"
        )
        return (
            earlier.join(
                replaced.select(
                    "sensor", ts="_time", replaced=pl.col("_value").cast(OBSERVATIONS["ts"])
                ),
                on=["sensor", "ts"],
            )
            .with_columns(pl.col("ts").cast(OBSERVATIONS["ts"]))
            .sort("sensor", "ts", "parameter", "replaced")
        )

    # Aggregates

    def write_aggregates(self, aggregates: pl.DataFrame) -> None:
        for (period,), rows in aggregates.group_by("period"):
            kind = Period(str(period))
            self._remove_what_lost_its_value(rows, kind)
            bucket = self._address.bucket(aggregates_bucket(kind))
            self._http.write_all(bucket, list(lines.aggregates(rows)))

    def _remove_what_lost_its_value(self, rows: pl.DataFrame, period: Period) -> None:
        """Take out stored aggregates whose value is no more; writing alone would leave it there.

        Deleting is slow, so it is first asked which rows have anything to lose: mostly none.
        """
        bare = rows.filter(pl.any_horizontal(pl.col(_FLOATS).is_null()))
        if bare.is_empty():
            return
        starts = bare["start"].dt.epoch("ms")
        key = ["level", "subject", "parameter", "start"]
        asked = self._aggregates_question(
            period,
            (int(starts.min()), int(starts.max()) + 1),  # type: ignore[arg-type]
            [
                flux.one_of("_field", _FLOATS),
                flux.one_of("subject", bare["subject"].unique().to_list()),
            ],
        )
        stored = answers.aggregates(self._http.query(asked)).select(
            *key, *(pl.col(name).is_not_null().alias(f"{name}_stored") for name in _FLOATS)
        )
        losing = bare.join(stored, on=key).filter(
            pl.any_horizontal(pl.col(f"{n}_stored") & pl.col(n).is_null() for n in _FLOATS)
        )
        for level, subject, parameter, start in losing.select(key).iter_rows():
            moment = flux.moment(to_ms(start))
            tags = {"level": level, "subject": subject, "parameter": parameter}
            self._http.delete(
                self._address.bucket(aggregates_bucket(period)),
                moment,
                moment,
                " AND ".join(
                    [f'_measurement="{period}"']
                    + [f'{name}="{lines.stored_tag(tag)}"' for name, tag in tags.items()]
                ),
            )

    def _aggregates_question(
        self, period: Period, span: flux.Span, conditions: Iterable[str]
    ) -> str:
        return flux.pipeline(
            self._address.bucket(aggregates_bucket(period)),
            span,
            [f"r._measurement == {flux.text(period)}", *conditions],
            flux.keep("_measurement", "level", "subject", "parameter", "_time", "_field", "_value"),
        )

    def read_aggregates(
        self,
        window: Interval,
        *,
        period: Period,
        level: Level | None = None,
        subjects: Collection[str] | None = None,
        parameters: Collection[str] | None = None,
    ) -> pl.DataFrame:
        if _nobody(subjects, parameters):
            return pl.DataFrame(schema=AGGREGATES)
        asked = self._aggregates_question(
            period,
            _span(window),
            [
                flux.one_of("level", None if level is None else [level]),
                flux.one_of("subject", subjects),
                flux.one_of("parameter", parameters),
            ],
        )
        found = answers.aggregates(self._http.query(asked))
        return _only(_only(found, "subject", subjects), "parameter", parameters)

    # The account and the pending hours

    def account(self, window: Interval) -> pl.DataFrame:
        frames = self._http.query(books_question(self._accounts, "account", _span(window)))
        numbers = list(ACCOUNT)[2:]
        return (
            account_rows(frames)
            .group_by("sensor", "hour")
            .agg(pl.col(numbers).sum())
            .select(pl.col(name).cast(dtype) for name, dtype in ACCOUNT.items())
            .sort("sensor", "hour")
        )

    def account_sums(self, window: Interval) -> pl.DataFrame:
        asked = flux.pipeline(
            self._accounts,
            _span(window),
            ['r._measurement == "account"'],
            "sum()",
            flux.keep("sensor", "_field", "_value"),
        )
        return account_sums(self._http.query(asked))

    def pending_hours(self, before: datetime) -> list[PendingHour]:
        """As the port says; hours whose observations are past their retention are left alone."""
        end = to_ms(before) - HOUR_MS + 1
        span = (max(0, end - OBSERVATIONS_S * 1000), end)
        return pending_hours(self._http.query(books_question(self._accounts, "pending", span)))

    def settle_hours(self, hours: Sequence[PendingHour]) -> None:
        settled = [
            lines.pending(SETTLER, to_ms(each.hour.start), settled=each.version) for each in hours
        ]
        self._http.write_all(self._accounts, settled, precision="ns")


def _in_order(found: pl.DataFrame) -> pl.DataFrame:
    return found.select(list(OBSERVATIONS)).sort("sensor", "ts", "parameter")


def _span(window: Interval) -> flux.Span:
    return to_ms(window.start), to_ms(window.end)


def _nobody(*wishes: Collection[Any] | None) -> bool:
    """Whether a wish names nothing at all, so that nothing can be found."""
    return any(wish is not None and len(wish) == 0 for wish in wishes)


def _only(frame: pl.DataFrame, column: str, wanted: Collection[str] | None) -> pl.DataFrame:
    """What a filter of the question left over, where the names were too many for it."""
    return frame if wanted is None else frame.filter(pl.col(column).is_in(list(wanted)))
