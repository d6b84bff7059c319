"""The books that one worker keeps in InfluxDB: the account, and the versions of changed hours.

Both are absolute numbers under the worker's own name, read once and counted on from there: they
hold only if one process at a time writes under a name. Reading sums over all workers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from schemas.clock import HOUR_MS, Interval, from_ms
from schemas.observation import ACCOUNT, AccountKey
from storage import influx_flux as flux
from storage import influx_lines as lines
from storage.influx_csv import of_type
from storage.influx_http import InfluxHttp
from storage.port import PendingHour

SETTLER = "all"  # under this name stands what was settled: the sum of all workers' versions
HOURS_IN_MEMORY = 48
Numbers = dict[str, int]


class Books:
    def __init__(self, http: InfluxHttp, bucket: str, worker: str) -> None:
        if worker in ("", SETTLER):
            raise ValueError(f"a worker cannot be called {worker!r}")
        self._http, self._bucket, self._worker = http, bucket, worker
        self._known = False
        self._versions: dict[int, int] = {}
        self._owed: set[int] = set()
        self._accounts: dict[int, dict[str, Numbers]] = {}

    def open(self) -> None:
        """Read the versions of this worker, once; hours whose write was cut off stay owed."""
        if self._known:
            return
        found = pending_rows(self._ask("pending", flux.ALWAYS)).filter(worker=self._worker)
        self._versions = dict(found.select("hour", "version").rows())
        self._owed = set(found.filter(pl.col("intent") > pl.col("version"))["hour"])
        self._accounts.clear()
        self._known = True

    def forget(self) -> None:
        """What was last written may have arrived or not: the next `open` reads it again."""
        self._known = False

    def intend(self, hours: Collection[int]) -> list[str]:
        """Lines that announce a change of these hours."""
        self._owed.update(hours)
        return [lines.pending(self._worker, hour, intent=self._next(hour)) for hour in hours]

    def _next(self, hour: int) -> int:
        return self._versions.get(hour, 0) + 1

    def closing(self, counted: Mapping[AccountKey, Numbers]) -> list[str]:
        """Lines that end a write: every owed hour's new version, and the account."""
        self._recall({hour for _, hour in counted})
        changed = [
            lines.pending(self._worker, hour, intent=self._next(hour), version=self._next(hour))
            for hour in self._owed
        ]
        return changed + [
            lines.account(sensor, self._worker, hour, self._sum(sensor, hour, numbers))
            for (sensor, hour), numbers in counted.items()
        ]

    def close_write(self, counted: Mapping[AccountKey, Numbers]) -> None:
        """Those lines are durable: count on from there."""
        for hour in self._owed:
            self._versions[hour] = self._next(hour)
        self._owed.clear()
        for (sensor, hour), numbers in counted.items():
            self._accounts[hour][sensor] = self._sum(sensor, hour, numbers)
        for hour in sorted(self._accounts)[:-HOURS_IN_MEMORY]:
            del self._accounts[hour]

    def _sum(self, sensor: str, hour: int, numbers: Numbers) -> Numbers:
        before = self._accounts[hour].get(sensor, {})
        return {name: before.get(name, 0) + number for name, number in numbers.items()}

    def _recall(self, hours: Collection[int]) -> None:
        """Read this worker's account of hours not yet in memory."""
        for hour in hours:
            if hour in self._accounts:
                continue
            mine = account_rows(self._ask("account", (hour, hour + HOUR_MS))).filter(
                worker=self._worker
            )
            self._accounts[hour] = {
                sensor: dict(zip(list(ACCOUNT)[2:], numbers, strict=True))
                for sensor, *numbers in mine.select("sensor", *list(ACCOUNT)[2:]).iter_rows()
            }

    def _ask(self, measurement: str, span: flux.Span) -> list[pl.DataFrame]:
        condition = flux.one_of("worker", [self._worker])
        return self._http.query(books_question(self._bucket, measurement, span, condition))


def books_question(bucket: str, measurement: str, span: flux.Span, *conditions: str) -> str:
    return flux.pipeline(
        bucket,
        span,
        [f"r._measurement == {flux.text(measurement)}", *conditions],
        flux.keep("sensor", "worker", "_time", "_field", "_value"),
    )


def account_rows(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The account by worker, columns of `ACCOUNT` and `worker`."""
    return _wide(frames, list(ACCOUNT)[2:])


def account_sums(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """What InfluxDB has summed for each worker's account of a sensor, columns `ACCOUNT_SUMS`."""
    sums = of_type(frames, pl.Int64(), {"sensor": pl.String(), "_field": pl.String()})
    return _fields_side_by_side(sums, list(ACCOUNT)[2:], pl.col("sensor")).sort("sensor")


def pending_rows(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """intent, version, settled by worker and hour; 0 where there is none."""
    return _wide(frames, ["intent", "version", "settled"])


def _wide(frames: Sequence[pl.DataFrame], fields: Sequence[str]) -> pl.DataFrame:
    key = {"sensor": pl.String(), "worker": pl.String(), "_time": pl.Datetime("ns", "UTC")}
    found = of_type(frames, pl.Int64(), {**key, "_field": pl.String()})
    hour = pl.col("_time").dt.epoch("ms").alias("hour")
    return _fields_side_by_side(found, fields, pl.col("sensor"), pl.col("worker"), hour)


def _fields_side_by_side(rows: pl.DataFrame, fields: Sequence[str], *key: pl.Expr) -> pl.DataFrame:
    return rows.group_by(key).agg(
        pl.col("_value").filter(pl.col("_field") == name).sum().alias(name) for name in fields
    )


def pending_hours(frames: Sequence[pl.DataFrame]) -> list[PendingHour]:
    """Hours that changed since they were settled, or whose change was cut off; in order.

    An hour's version is the sum of all workers' versions, and so is what was settled.
    """
    hours = (
        pending_rows(frames)
        .with_columns(cut_off=pl.col("intent") != pl.col("version"))
        .group_by("hour")
        .agg(pl.col("version", "settled").sum(), pl.col("cut_off").any())
        .filter((pl.col("version") != pl.col("settled")) | pl.col("cut_off"))
        .sort("hour")
    )
    return [
        PendingHour(Interval.hour(from_ms(hour)), version)
        for hour, version in hours.select("hour", "version").iter_rows()
    ]
