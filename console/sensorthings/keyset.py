"""Pages that stay where they are while data arrive: sorting by keys, and what comes after a row.

A page's token holds the keys of its last row; the next page is what is greater than those keys. So
nothing is skipped or told twice when rows are added before or behind. What is nothing sorts last.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from console.sensorthings.columns import Columns
from console.sensorthings.compiling import Operand
from console.sensorthings.model import Kind
from console.sensorthings.options import Key
from console.sensorthings.refusals import Refusal, bad

Plain = str | float | int | None
_SORTABLE = {Kind.NUMBER, Kind.TEXT, Kind.BOOLEAN, Kind.TIME, Kind.SPAN, Kind.NOTHING}


@dataclass(frozen=True, slots=True)
class Sorting:
    """A column that is sorted by: numbers or texts only, so that a token can hold it."""

    column: str
    descending: bool = False


def sortings(order: Sequence[Key], columns: Columns) -> tuple[list[pl.Expr], list[Sorting]]:
    """The columns that an `$orderby` needs, and the sorting by them. Raises Refusal."""
    exprs, found = [], []
    for number, key in enumerate(order):
        if columns.leads_to_many(key.path):
            raise bad(f"$orderby: {key.path} has many values for one entity")
        operand = columns(key.path)
        if operand.kind not in _SORTABLE:
            raise bad(f"$orderby: {key.path} is {operand.kind}, which has no order")
        exprs.append(_plain(operand).alias(f"sort {number}"))
        found.append(Sorting(f"sort {number}", key.descending))
    return exprs, found


def _plain(operand: Operand) -> pl.Expr:
    if operand.kind in (Kind.TIME, Kind.SPAN):
        return operand.expr.dt.epoch("us")
    if operand.kind == Kind.TEXT:
        return operand.expr
    return operand.expr.cast(pl.Float64)


def sort(table: pl.DataFrame, by: Sequence[Sorting]) -> pl.DataFrame:
    return table.sort(
        [each.column for each in by],
        descending=[each.descending for each in by],
        nulls_last=True,
    )


def after(table: pl.DataFrame, by: Sequence[Sorting], last: Sequence[Plain]) -> pl.DataFrame:
    """The rows that come after a row with these keys."""
    beyond, same = pl.lit(value=False), pl.lit(value=True)
    for each, value in zip(by, last, strict=True):
        column = pl.col(each.column)
        if value is not None:
            further = column < value if each.descending else column > value
            beyond = beyond | (same & (further.fill_null(value=False) | column.is_null()))
        same = same & column.eq_missing(pl.lit(value, dtype=table.schema[each.column]))
    return table.filter(beyond)


def token_of(table: pl.DataFrame, by: Sequence[Sorting]) -> str:
    """The token of a page that ends with the table's last row."""
    return token(table.select([each.column for each in by]).row(-1))


def token(values: Sequence[Plain]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode().rstrip("=")


def read_token(text: str) -> list[Plain]:
    """The values of a token. Raises Refusal for one that was not made here."""
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise _foreign() from None
    if not isinstance(values, list) or not all(_is_plain(value) for value in values):
        raise _foreign()
    return values


def fitting(values: Sequence[Plain], table: pl.DataFrame, by: Sequence[Sorting]) -> list[Plain]:
    """The values, when they are keys of this table. Raises Refusal."""
    if len(values) != len(by):
        raise _foreign()
    for each, value in zip(by, values, strict=True):
        text = table.schema[each.column] == pl.String
        if value is not None and isinstance(value, str) != text:
            raise _foreign()
    return list(values)


def _is_plain(value: object) -> bool:
    return value is None or (
        isinstance(value, str | float | int)
        and not isinstance(value, bool)
        and (isinstance(value, str) or abs(value) < 2**62)
    )


def _foreign() -> Refusal:
    return bad("$skiptoken: not one of these pages'; begin again without it")
