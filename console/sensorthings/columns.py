"""What a path stands for, as a column of a table of entities: `Datastreams/ObservedProperty/name`.

Each relation on the way is a join of ids, each property at its end a join of values. Where a
relation leads to many, an entity gets a row for each: a filter holds for it when it holds for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

from console.sensorthings.compiling import Operand
from console.sensorthings.entities import Entities
from console.sensorthings.functions import TIME_TYPE
from console.sensorthings.model import (
    ID,
    ID_NAMES,
    OBSERVATIONS,
    SETS,
    EntitySet,
    Kind,
    entity_set,
)
from console.sensorthings.refusals import bad, not_offered
from console.sensorthings.syntax import Path

Prefix = tuple[str, ...]
# From when to when each of some Datastreams has observations: columns id, start, end.
Times = Callable[[], pl.DataFrame]


def id_column(prefix: Prefix = ()) -> str:
    return "/".join((*prefix, ID))


class Columns:
    """Collects what expressions name, then makes the columns. Call it with a path.

    own: the expressions of an Observation's own properties, whose table comes from the store.
    """

    def __init__(
        self,
        entities: Entities,
        name: str,
        times: Times,
        own: Mapping[str, Operand] | None = None,
    ) -> None:
        self._entities = entities
        self._set = entity_set(name)
        self._times = times
        self._own = own or {}
        self._prefixes: set[Prefix] = set()
        self._joined: dict[str, tuple[Prefix, pl.DataFrame]] = {}

    def __call__(self, path: Path) -> Operand:
        prefix, found, rest = _walk(self._set, path)
        self._prefixes.update(prefix[:length] for length in range(1, len(prefix) + 1))
        if rest[0] in ID_NAMES and len(rest) == 1:
            own = self._own.get(ID) if not prefix else None
            return own or Operand(pl.col(id_column(prefix)), Kind.TEXT)
        if found.name == OBSERVATIONS:
            return self._own_property(path)
        if rest[0] not in found.properties:
            raise _unknown(path, rest[0], found)
        return self._property(prefix, found, rest)

    def leads_to_many(self, path: Path) -> bool:
        """Whether the path has several values for one entity."""
        found = self._set
        for segment in path.segments[:-1]:
            if segment in found.many:
                return True
            if segment not in found.one:
                return False
            found = SETS[found.one[segment]]
        return False

    def _own_property(self, path: Path) -> Operand:
        found = self._own.get(str(path))
        if found is None:
            raise _unknown(path, str(path), self._set)
        return found

    def _property(self, prefix: Prefix, found: EntitySet, rest: Prefix) -> Operand:
        name = "/".join((*prefix, *rest))
        if found.properties[rest[0]] == Kind.SPAN:
            spans = self._times().select(
                pl.col("id").alias(id_column(prefix)),
                pl.col("start").cast(TIME_TYPE).alias(name),
                pl.col("end").cast(TIME_TYPE).alias(f"{name} end"),
            )
            self._joined[name] = (prefix, spans)
            return Operand(pl.col(name), Kind.SPAN, pl.col(f"{name} end"))
        values = {key: _at(each, rest) for key, each in self._entities.sets[found.name].items()}
        kind, column = _column(list(values.values()))
        frame = pl.DataFrame({id_column(prefix): list(values), name: column})
        self._joined[name] = (prefix, frame.with_columns(pl.col(id_column(prefix)).cast(pl.String)))
        return Operand(pl.col(name), kind)

    def table(self, start: pl.DataFrame) -> pl.DataFrame:
        """The table with all columns that were asked for. start: at least the column of ids."""
        table = start
        for prefix in sorted(self._prefixes, key=lambda each: (len(each), each)):
            if id_column(prefix) not in table.columns:
                table = self._follow(table, prefix)
        for name, (prefix, values) in self._joined.items():
            if name not in table.columns:
                table = table.join(values, on=id_column(prefix), how="left", maintain_order="left")
        return table

    def _follow(self, table: pl.DataFrame, prefix: Prefix) -> pl.DataFrame:
        before, _, _ = _walk(self._set, Path((*prefix[:-1], ID)))
        name = _set_at(self._set, before).name
        pairs = self._entities.pairs(name, prefix[-1]).rename({"to": id_column(prefix)})
        return table.join(
            pairs, left_on=id_column(before), right_on="from", how="left", maintain_order="left"
        )


def _walk(start: EntitySet, path: Path) -> tuple[Prefix, EntitySet, Prefix]:
    """The relations at the beginning of a path, the set they lead to, and what remains."""
    found, segments = start, path.segments
    place = 0
    while place < len(segments) - 1 and segments[place] in found.relations:
        found = SETS[found.relations[segments[place]]]
        place += 1
        if found.name == OBSERVATIONS:
            raise not_offered(
                f"{path}: Observations are not looked through from other entities; ask for"
                " /Observations with a filter on Datastream/…"
            )
    if place == len(segments) - 1 and segments[place] in found.relations:
        raise bad(f"{path}: ends at entities; go on to a property, as {path}/{ID}")
    return segments[:place], found, segments[place:]


def _set_at(start: EntitySet, prefix: Prefix) -> EntitySet:
    found = start
    for segment in prefix:
        found = SETS[found.relations[segment]]
    return found


def _unknown(path: Path, name: str, found: EntitySet) -> Exception:
    known = ", ".join((ID, *found.properties, *found.relations))
    return bad(f"{path}: {found.name} have no {name!r}; they have {known}")


def _at(entity: dict[str, Any], way: Prefix) -> Any:
    value: Any = entity
    for key in way:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _column(values: list[Any]) -> tuple[Kind, pl.Series]:
    """Values of one kind as a column; what is of several kinds or none cannot be compared."""
    there = [value for value in values if value is not None]
    if not there:
        return Kind.NOTHING, pl.Series([None] * len(values), dtype=pl.Null)
    if all(isinstance(value, bool) for value in there):
        return Kind.BOOLEAN, pl.Series(values, dtype=pl.Boolean)
    if all(isinstance(value, int | float) for value in there):
        numbers = [None if value is None else float(value) for value in values]
        return Kind.NUMBER, pl.Series(numbers, dtype=pl.Float64)
    if all(isinstance(value, str) for value in there):
        return Kind.TEXT, pl.Series(values, dtype=pl.String)
    if all(isinstance(value, datetime) for value in there):
        return Kind.TIME, pl.Series(values, dtype=TIME_TYPE)
    return Kind.JSON, pl.Series([None] * len(values), dtype=pl.Null)
