"""Rows of aggregates as the evaluators of the standards want them. Pure.

Only rows that are valid give a value; what is not there is missing, never zero. Values become exact
decimals here, once, and a row's day is that of the city's calendar.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from schemas import CITY_TIME
from schemas.samples import Sample
from standards.rounding import exact
from standards.rows import Measured

# parameter -> start of the hour or day -> valid value, in the parameter's unit
Series = Mapping[str, Mapping[datetime, Decimal]]
Place = tuple[str, str]  # level, subject

NO_DATA = "no_data"
INCOMPLETE = "incomplete"
ITEMS_MISSING = "items_missing"


def series(rows: pl.DataFrame) -> dict[str, dict[datetime, Decimal]]:
    """The valid values of one place and period, columns `AGGREGATES`."""
    found: dict[str, dict[datetime, Decimal]] = {}
    valid = rows.filter("valid", pl.col("value").is_not_null())
    for parameter, start, value in valid.select("parameter", "start", "value").iter_rows():
        found.setdefault(parameter, {})[start] = exact(value)
    return found


def by_place(rows: pl.DataFrame) -> dict[Place, pl.DataFrame]:
    """Rows apart by what they are of: (level, subject)."""
    parts = rows.partition_by("level", "subject", as_dict=True)
    return {(str(level), str(subject)): part for (level, subject), part in parts.items()}


def found_in(sample: Sample) -> dict[str, Measured]:
    """What a laboratory found, by determinand; below detection by the limit."""
    found = {}
    for one in sample.results:
        value = one.limit if one.value is None else one.value
        if value is not None:
            found[one.determinand] = Measured(value, one.below)
    return found


def city_date(moment: datetime) -> date:
    """The day in the city that holds a moment: by it the edition of a standard is chosen."""
    return moment.astimezone(CITY_TIME).date()
