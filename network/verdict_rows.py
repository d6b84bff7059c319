"""What every verdict is stored as: a row of `AGGREGATES`, whose parameter is an index. Pure.

An index that cannot be said, or is a bound, is a row that is not valid and says why. A place has a
row of a time for which it has an aggregate of what the index is made of, valid or not; so the rows
follow from the aggregates alone, in whatever order these were made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from network.averaging import DECIMALS, METHODS
from schemas import Level, Period, indices
from schemas.observation import AGGREGATES
from standards import UnknownEdition, edition

Row = tuple[Any, ...]  # in the order of `AGGREGATES`
Present = Mapping[datetime, set[str]]  # start -> parameters that have a row, valid or not


def verdict(
    level: Level | str,
    subject: str,
    index: str,
    period: Period,
    start: datetime,
    *,
    value: Decimal | int | None,
    count: int,
    expected: int,
    reason: str,
    edition: str,
) -> Row:
    """One row. value: also of a bound; reason: why it is not valid, empty where it is.

    count: items, hours or members that the value is made of; expected: those that there should be.
    """
    return (
        str(level),
        subject,
        index,
        str(period),
        start,
        None if value is None else round(float(value), DECIMALS),
        None,
        None,
        count,
        expected,
        round(count / expected, DECIMALS) if expected else 0.0,
        not reason,
        reason,
        indices()[index].kind,
        edition,
    )


def as_aggregates(rows: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=AGGREGATES, orient="row")


def averaged(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that are aggregates of measurements: no verdict is ever averaged."""
    return rows.filter(pl.col("method").is_in(METHODS))


def present(rows: pl.DataFrame) -> Present:
    """Which parameters of one place have a row."""
    found: dict[datetime, set[str]] = defaultdict(set)
    for start, parameter in rows.select("start", "parameter").iter_rows():
        found[start].add(parameter)
    return found


def ruled(day: date, *families: str) -> bool:
    """Whether the standards know a day: before its first edition there is no verdict."""
    try:
        for family in families:
            edition(family, on=day)
    except UnknownEdition:
        return False
    return True
