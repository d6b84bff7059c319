"""The time-series port: the one face that both stores show to the rest.

Two adapters stand behind it: `embedded.py` (SQLite) and `influx.py` (InfluxDB 2). They pass the
same contract tests, and nothing of either leaks through: polars frames and our own types only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import polars as pl

from schemas import FlaggedReading, Interval, Level, Outcome, Period
from schemas.observation import AccountKey


class StoreUnavailable(Exception):
    """The store cannot be reached or is too busy: wait and try again; nothing was lost.

    retry_after_s: how long the store itself asks to be left alone; 0 where it does not say.
    """

    def __init__(self, message: str = "", *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class PendingHour:
    """An hour whose observations changed since it was last aggregated."""

    hour: Interval
    version: int


class Store(Protocol):
    def write(
        self,
        readings: Sequence[FlaggedReading],
        *,
        received: Mapping[AccountKey, int] | None = None,
        dead_lettered: Mapping[AccountKey, int] | None = None,
    ) -> list[Outcome]:
        """Keep readings durably; return one outcome per reading, in order.

        Idempotent by (sensor, ts_ms): same values are a DUPLICATE, other values a REVISION whose
        earlier version stays readable. Quality codes are not compared: a reading that comes again
        after a restart may be flagged otherwise, and stays as it was. A repeat inside the same
        batch counts the same way. The account of the hour of arrival is brought up to date together
        with the readings (`received`: by default, the readings given), and every hour whose
        observations changed becomes pending. A reading that the store will never take is REFUSED
        and accounted as dead-lettered; the caller keeps its dead letter. Raises StoreUnavailable;
        the same call again then ends as if the first had not been cut off.
        """

    def reflag(self, sensor: str, window: Interval, code: int) -> int:
        """Give a quality code to a sensor's good values of a window; how many readings that were.

        Other codes stay. The earlier version of each reading stays readable as that of a revision,
        and the hours become pending; the account counts arrivals and does not change. Doing it
        again changes nothing. Raises StoreUnavailable.
        """

    def read(
        self,
        window: Interval,
        *,
        sensors: Collection[str] | None = None,
        parameters: Collection[str] | None = None,
    ) -> pl.DataFrame:
        """Observations in a window, columns `OBSERVATIONS`, sorted by sensor, ts, parameter."""

    def latest(self, *, sensors: Collection[str] | None = None) -> pl.DataFrame:
        """The newest observation of each channel, columns `OBSERVATIONS`."""

    def earliest(self, *, sensors: Collection[str] | None = None) -> pl.DataFrame:
        """The oldest observation of each channel, columns `OBSERVATIONS`."""

    def count_observations(
        self, window: Interval | None = None, *, sensors: Collection[str] | None = None
    ) -> pl.DataFrame:
        """Number of observations of each channel, in a window of device time or in all.

        Columns sensor, parameter, count; sorted by channel, without those that have none.
        """

    def count_readings(self, window: Interval | None = None) -> dict[str, int]:
        """Number of distinct readings by sensor, in a window of device time or in all."""

    def revisions(self, window: Interval) -> pl.DataFrame:
        """Replaced observations, columns `OBSERVATIONS` and `replaced` (arrival of the newer)."""

    def write_aggregates(self, aggregates: pl.DataFrame) -> None:
        """Insert or replace rows of columns `AGGREGATES` by their key. Raises StoreUnavailable."""

    def read_aggregates(
        self,
        window: Interval,
        *,
        period: Period,
        level: Level | None = None,
        subjects: Collection[str] | None = None,
        parameters: Collection[str] | None = None,
    ) -> pl.DataFrame:
        """Aggregates starting in a window, columns `AGGREGATES`, sorted by their key."""

    def account(self, window: Interval) -> pl.DataFrame:
        """received, stored, duplicate, dead_lettered by sensor and arrival hour (`ACCOUNT`)."""

    def account_sums(self, window: Interval) -> pl.DataFrame:
        """The account of all hours of a window together, by sensor (`ACCOUNT_SUMS`), sorted by it.

        Summed where the data are: of many sensors and weeks, `account` is much to read.
        """

    def pending_hours(self, before: datetime) -> list[PendingHour]:
        """Hours that end at or before a moment and changed since they were settled, in order."""

    def settle_hours(self, hours: Sequence[PendingHour]) -> None:
        """Take hours off the pending list, unless they changed again meanwhile."""

    def close(self) -> None:
        """Release connections. Calling it twice is allowed."""
