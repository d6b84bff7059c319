"""Which entities of a set an answer has: filter, order, page. All but Observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from console.sensorthings import keyset
from console.sensorthings.columns import Columns, Times
from console.sensorthings.compiling import predicate
from console.sensorthings.entities import Entities
from console.sensorthings.model import ID
from console.sensorthings.options import Options
from console.sensorthings.refusals import bad


@dataclass(frozen=True, slots=True)
class Chosen:
    """Ids of a page in order; count: of all pages, when asked for; token: of the next page."""

    ids: list[str]
    count: int | None
    token: str = ""


def choose(
    entities: Entities, name: str, among: Sequence[str], options: Options, times: Times
) -> Chosen:
    """The page of entities that the options ask for, among some in order of id. Raises Refusal."""
    if options.filter is None and not options.order and not options.token:
        return _sliced(among, options)
    columns = Columns(entities, name, times)
    condition = None if options.filter is None else predicate(options.filter, columns)
    exprs, by = keyset.sortings(options.order, columns)
    by = [*by, keyset.Sorting(ID)]
    table = columns.table(pl.DataFrame({ID: list(among)}, schema={ID: pl.String}))
    table = matching(table, condition).with_columns(exprs)
    found = keyset.sort(table.unique(ID, maintain_order=True), by)
    count = found.height if options.count else None
    if options.token:
        last = keyset.fitting(keyset.read_token(options.token), found, by)
        found = keyset.after(found, by, last)
    page = found.slice(options.skip, options.page)
    more = found.height > options.skip + options.page and not page.is_empty()
    return Chosen(page[ID].to_list(), count, keyset.token_of(page, by) if more else "")


def matching(table: pl.DataFrame, condition: pl.Expr | None) -> pl.DataFrame:
    """The rows for which a condition holds. Raises Refusal where it cannot be worked out."""
    if condition is None:
        return table
    try:
        return table.filter(condition)
    except pl.exceptions.PolarsError as error:
        raise bad(f"$filter: cannot be worked out: {error}") from error


def _sliced(among: Sequence[str], options: Options) -> Chosen:
    page = list(among[options.skip : options.skip + options.page])
    more = len(among) > options.skip + len(page) and bool(page)
    count = len(among) if options.count else None
    return Chosen(page, count, keyset.token([page[-1]]) if more else "")
