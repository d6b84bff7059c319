"""What of a filter on Observations can be told to the store, and what is left to look at here.

Only parts that must all hold are looked at. A bound of phenomenonTime becomes the store's window; a
part that speaks of the Datastream alone chooses channels; the rest is worked out on what is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from console.sensorthings.compiling import Operand, compiled
from console.sensorthings.model import Kind
from console.sensorthings.refusals import bad
from console.sensorthings.syntax import Binary, Node, Path, conjuncts, paths

TIMES = frozenset({Path(("phenomenonTime",)), Path(("resultTime",))})
BEGIN_MS, END_MS = 0, 7_258_118_400_000  # until the year 2200, as far as stores look
_MIRRORED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq"}
_EPOCH, _US = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(slots=True)
class Narrowed:
    """start, end: the window in ms, half-open. channels, rest: parts of the filter."""

    start: int
    end: int
    channels: list[Node]
    rest: list[Node]


def narrow(node: Node | None, *, features_move: bool) -> Narrowed:
    """Take a filter apart. features_move: whether a FeatureOfInterest may depend on the time."""
    found = Narrowed(BEGIN_MS, END_MS, [], [])
    fixed = {"Datastream"} if features_move else {"Datastream", "FeatureOfInterest"}
    for part in conjuncts(node):
        named = paths(part)
        if bound := _bound(part):
            _tighten(found, *bound)
        elif named and all(len(p.segments) > 1 and p.segments[0] in fixed for p in named):
            found.channels.append(part)
        else:
            found.rest.append(part)
    return found


def _bound(part: Node) -> tuple[str, datetime] | None:
    """The operator and the time that a part compares an Observation's time with."""
    if not isinstance(part, Binary) or part.operator not in _MIRRORED:
        return None
    if part.left in TIMES:
        moment = _constant_time(part.right)
        return None if moment is None else (part.operator, moment)
    if part.right in TIMES:
        moment = _constant_time(part.left)
        return None if moment is None else (_MIRRORED[part.operator], moment)
    return None


def _constant_time(node: Node) -> datetime | None:
    if paths(node):
        return None
    found = compiled(node, _no_column)
    if found.kind != Kind.TIME:
        return None
    try:
        value = pl.select(found.expr).item()
    except (ValueError, OverflowError, pl.exceptions.PolarsError):
        return None  # no time that a clock shows; comparing with it is left to the table
    return value if isinstance(value, datetime) else None


def _no_column(path: Path) -> Operand:
    raise bad(f"$filter: {path} is no constant")


def _tighten(found: Narrowed, operator: str, moment: datetime) -> None:
    us = (moment - _EPOCH) // _US
    from_here, past_here = -(-us // 1000), us // 1000 + 1
    if operator in ("ge", "eq"):
        found.start = max(found.start, from_here)
    if operator == "gt":
        found.start = max(found.start, past_here)
    if operator == "lt":
        found.end = min(found.end, from_here)
    if operator in ("le", "eq"):
        found.end = min(found.end, past_here)
