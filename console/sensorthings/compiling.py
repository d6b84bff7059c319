"""A `$filter`'s tree as an expression of polars, with the kinds of its parts checked.

Comparisons follow OData: nothing equals nothing and is not comparable to anything else, so a filter
is true or false and never unknown. Numbers are doubles; what is divided by zero is nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from console.sensorthings.functions import FUNCTIONS, GEOSPATIAL, TIME_TYPE
from console.sensorthings.model import Kind
from console.sensorthings.refusals import bad, not_offered
from console.sensorthings.syntax import (
    COMPARISONS,
    LOGICAL,
    Binary,
    Call,
    Literal,
    Node,
    Path,
    Unary,
    Value,
    to_text,
)

OPTION = "$filter"
_TYPES = {
    Kind.NUMBER: pl.Float64(),
    Kind.TIME: TIME_TYPE,
    Kind.TEXT: pl.String(),
    Kind.BOOLEAN: pl.Boolean(),
    Kind.DATE: pl.Date(),
    Kind.CLOCK: pl.Time(),
    Kind.DURATION: pl.Duration("us"),
    Kind.NOTHING: pl.Null(),
}
_COMPARABLE = frozenset(_TYPES) - {Kind.NOTHING}


@dataclass(frozen=True, slots=True)
class Operand:
    """An expression of a known kind. end: of a span of time, whose start is `expr`."""

    expr: pl.Expr
    kind: Kind
    end: pl.Expr | None = None


Column = Callable[[Path], Operand]


def predicate(node: Node, column: Column) -> pl.Expr:
    """The condition that a tree sets. column: what a path stands for. Raises Refusal."""
    found = compiled(node, column)
    return _condition(node, found)


def compiled(node: Node, column: Column) -> Operand:
    """The expression of a tree. Raises Refusal where kinds do not fit."""
    match node:
        case Literal(value, kind):
            return literal(value, kind)
        case Path():
            return column(node)
        case Call(name, arguments):
            return _call(name, arguments, column)
        case Unary("not", operand):
            inner = _condition(operand, compiled(operand, column))
            return Operand(~inner, Kind.BOOLEAN)
        case Unary(_, operand):
            inner = _need(Kind.NUMBER, operand, compiled(operand, column))
            return Operand(-inner, Kind.NUMBER)
        case Binary(operator, left, right) if operator in LOGICAL:
            one = _condition(left, compiled(left, column))
            other = _condition(right, compiled(right, column))
            return Operand(one & other if operator == "and" else one | other, Kind.BOOLEAN)
        case Binary(operator, left, right) if operator in COMPARISONS:
            held = _comparison(node, operator, compiled(left, column), compiled(right, column))
            return Operand(held, Kind.BOOLEAN)
        case Binary(operator, left, right):
            return _arithmetic(node, operator, compiled(left, column), compiled(right, column))


def literal(value: Value, kind: Kind) -> Operand:
    return Operand(pl.lit(value, dtype=_TYPES[kind]), kind)


def _condition(node: Node, found: Operand) -> pl.Expr:
    if found.kind not in (Kind.BOOLEAN, Kind.NOTHING):
        raise bad(f"{OPTION}: {to_text(node)} is {found.kind} and no condition; compare it")
    return found.expr.cast(pl.Boolean).fill_null(False)


def _need(kind: Kind, node: Node, found: Operand) -> pl.Expr:
    if found.kind not in (kind, Kind.NOTHING):
        raise bad(f"{OPTION}: {to_text(node)} is {found.kind}; needed here is {kind}")
    return found.expr.cast(_TYPES[kind])


def _call(name: str, arguments: tuple[Node, ...], column: Column) -> Operand:
    function = FUNCTIONS.get(name)
    if function is None:
        if name.startswith(GEOSPATIAL):
            raise not_offered(f"{OPTION}: geospatial functions ({name}) are not offered here")
        raise bad(f"{OPTION}: no function {name!r}; there are {', '.join(FUNCTIONS)}")
    most = len(function.takes)
    if not most - function.optional <= len(arguments) <= most:
        raise bad(
            f"{OPTION}: {name} takes {most} arguments ({', '.join(function.takes)}),"
            f" not {len(arguments)}"
        )
    given = [
        _need(kind, node, compiled(node, column))
        for kind, node in zip(function.takes, arguments, strict=False)
    ]
    return Operand(function.make(*given).cast(_TYPES[function.gives]), function.gives)


def _comparison(node: Node, operator: str, one: Operand, other: Operand) -> pl.Expr:
    if Kind.NOTHING in (one.kind, other.kind):
        return _with_nothing(operator, one, other)
    if Kind.SPAN in (one.kind, other.kind):
        return _of_spans(node, operator, one, other)
    if one.kind != other.kind or one.kind not in _COMPARABLE:
        raise bad(f"{OPTION}: {to_text(node)} compares {one.kind} with {other.kind}")
    return _compare(operator, one.expr, other.expr)


def _with_nothing(operator: str, one: Operand, other: Operand) -> pl.Expr:
    same = one.expr.is_null() & other.expr.is_null()
    return {"eq": same, "ne": ~same}.get(operator, pl.lit(value=False))


def _compare(operator: str, one: pl.Expr, other: pl.Expr) -> pl.Expr:
    match operator:
        case "eq":
            return one.eq_missing(other)
        case "ne":
            return one.ne_missing(other)
        case "gt":
            return (one > other).fill_null(False)
        case "ge":
            return (one >= other).fill_null(False)
        case "lt":
            return (one < other).fill_null(False)
    return (one <= other).fill_null(False)


def _of_spans(node: Node, operator: str, one: Operand, other: Operand) -> pl.Expr:
    """Before and after: a span is less than what begins when it has ended."""
    if {one.kind, other.kind} - {Kind.SPAN, Kind.TIME}:
        raise bad(f"{OPTION}: {to_text(node)} compares {one.kind} with {other.kind}")
    (start, end), (begins, ends) = _ends(one), _ends(other)
    match operator:
        case "gt" | "ge":
            return _compare(operator, start, ends)
        case "lt" | "le":
            return _compare(operator, end, begins)
    same = start.eq_missing(begins) & end.eq_missing(ends)
    return same if operator == "eq" else ~same


def _ends(found: Operand) -> tuple[pl.Expr, pl.Expr]:
    return found.expr, found.expr if found.end is None else found.end


def _arithmetic(node: Node, operator: str, one: Operand, other: Operand) -> Operand:
    kinds = (one.kind, other.kind)
    if operator in ("add", "sub") and Kind.DURATION in kinds:
        return _shifted(node, operator, one, other)
    wrong = set(kinds) - {Kind.NUMBER, Kind.NOTHING}
    if wrong:
        raise bad(f"{OPTION}: {to_text(node)} calculates with {wrong.pop()}; numbers are needed")
    left, right = one.expr.cast(pl.Float64), other.expr.cast(pl.Float64)
    return Operand(_calculated(operator, left, right), Kind.NUMBER)


def _calculated(operator: str, left: pl.Expr, right: pl.Expr) -> pl.Expr:
    match operator:
        case "add":
            return left + right
        case "sub":
            return left - right
        case "mul":
            return left * right
    quotient = pl.when(right != 0).then(left / right)
    if operator == "div":
        return quotient
    return pl.when(right != 0).then(left - right * (left / right).truncate())


def _shifted(node: Node, operator: str, one: Operand, other: Operand) -> Operand:
    """A time earlier or later by a duration, which the standard's table has no line for."""
    if other.kind != Kind.DURATION or one.kind not in (Kind.TIME, Kind.DURATION):
        raise bad(f"{OPTION}: {to_text(node)}: a duration is added to a time or a duration")
    expr = one.expr + other.expr if operator == "add" else one.expr - other.expr
    return Operand(expr, one.kind)
