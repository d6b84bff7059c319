"""The functions of a `$filter` (18-088, table 23), each a line of a table.

Geospatial functions are not among them. Texts are counted in signs, as people see them, and times
are looked at in UTC. A function of nothing is nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from console.sensorthings.model import Kind

TIME_TYPE = pl.Datetime("us", "UTC")
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Function:
    """takes: kinds of its arguments, of which the last `optional` may be left out."""

    takes: tuple[Kind, ...]
    gives: Kind
    make: Callable[..., pl.Expr]
    optional: int = 0


def _index_of(text: pl.Expr, part: pl.Expr) -> pl.Expr:
    before = text.str.splitn(part, 2).struct.field("field_0").str.len_chars()
    found = pl.when(part == "").then(0).when(text.str.contains(part, literal=True)).then(before)
    return pl.when(text.is_null() | part.is_null()).then(None).otherwise(found.otherwise(-1))


def _substring(text: pl.Expr, start: pl.Expr, length: pl.Expr | None = None) -> pl.Expr:
    first = start.clip(0).cast(pl.Int64, strict=False)
    if length is None:
        return text.str.slice(first)
    return text.str.slice(first, length.clip(0).cast(pl.UInt64, strict=False))


def _concat(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    return pl.concat_str(one, other)


def _fraction(moment: pl.Expr) -> pl.Expr:
    return moment.dt.microsecond() / 1_000_000


_TEXT, _NUMBER, _TIME = Kind.TEXT, Kind.NUMBER, Kind.TIME
_BOOLEAN = Kind.BOOLEAN


def _moment(make: Callable[[], datetime]) -> Function:
    return Function((), _TIME, lambda: pl.lit(make(), dtype=TIME_TYPE))


def _part(make: Callable[[pl.Expr], pl.Expr], gives: Kind = _NUMBER) -> Function:
    return Function((_TIME,), gives, make)


FUNCTIONS: dict[str, Function] = {
    "substringof": Function(
        (_TEXT, _TEXT), _BOOLEAN, lambda part, text: text.str.contains(part, literal=True)
    ),
    "endswith": Function((_TEXT, _TEXT), _BOOLEAN, lambda text, end: text.str.ends_with(end)),
    "startswith": Function((_TEXT, _TEXT), _BOOLEAN, lambda text, s: text.str.starts_with(s)),
    "length": Function((_TEXT,), _NUMBER, lambda text: text.str.len_chars()),
    "indexof": Function((_TEXT, _TEXT), _NUMBER, _index_of),
    "substring": Function((_TEXT, _NUMBER, _NUMBER), _TEXT, _substring, optional=1),
    "tolower": Function((_TEXT,), _TEXT, lambda text: text.str.to_lowercase()),
    "toupper": Function((_TEXT,), _TEXT, lambda text: text.str.to_uppercase()),
    "trim": Function((_TEXT,), _TEXT, lambda text: text.str.strip_chars()),
    "concat": Function((_TEXT, _TEXT), _TEXT, _concat),
    "year": _part(lambda moment: moment.dt.year()),
    "month": _part(lambda moment: moment.dt.month()),
    "day": _part(lambda moment: moment.dt.day()),
    "hour": _part(lambda moment: moment.dt.hour()),
    "minute": _part(lambda moment: moment.dt.minute()),
    "second": _part(lambda moment: moment.dt.second()),
    "fractionalseconds": _part(_fraction),
    "date": _part(lambda moment: moment.dt.date(), Kind.DATE),
    "time": _part(lambda moment: moment.dt.time(), Kind.CLOCK),
    "totaloffsetminutes": _part(lambda moment: moment.dt.minute() * 0),
    "now": _moment(lambda: datetime.now(UTC)),
    "mindatetime": _moment(lambda: EARLIEST),
    "maxdatetime": _moment(lambda: LATEST),
    "round": Function((_NUMBER,), _NUMBER, lambda n: n.round(0, mode="half_away_from_zero")),
    "floor": Function((_NUMBER,), _NUMBER, lambda number: number.floor()),
    "ceiling": Function((_NUMBER,), _NUMBER, lambda number: number.ceil()),
}
GEOSPATIAL = ("st_", "geo.")
