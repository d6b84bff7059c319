"""What a `$filter` says, as a tree; and the tree as text again.

Pure data. `filters.py` reads text into it, `compiling.py` makes an expression of polars of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

from console.sensorthings.model import Kind

Value: TypeAlias = float | str | bool | datetime | date | time | timedelta | None


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value
    kind: Kind


@dataclass(frozen=True, slots=True)
class Path:
    """`Datastream/Thing/name`."""

    segments: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.segments)


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """operator: `not` or `-`."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Node
    right: Node


Node: TypeAlias = Literal | Path | Call | Unary | Binary

LOGICAL = ("or", "and")
COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
SUMS = ("add", "sub")
PRODUCTS = ("mul", "div", "mod")


def conjuncts(node: Node | None) -> list[Node]:
    """The parts that must all hold."""
    if node is None:
        return []
    if isinstance(node, Binary) and node.operator == "and":
        return [*conjuncts(node.left), *conjuncts(node.right)]
    return [node]


def paths(node: Node) -> set[Path]:
    """Every path that a tree names."""
    match node:
        case Path():
            return {node}
        case Call(_, arguments):
            return {path for each in arguments for path in paths(each)}
        case Unary(_, operand):
            return paths(operand)
        case Binary(_, left, right):
            return paths(left) | paths(right)
        case Literal():
            return set()


def to_text(node: Node) -> str:
    """The tree as a `$filter` that reads into the same tree."""
    match node:
        case Path():
            return str(node)
        case Literal(value):
            return _literal(value)
        case Call(name, arguments):
            return f"{name}({','.join(to_text(each) for each in arguments)})"
        case Unary("not", operand):
            return f"not {_inside(operand)}"
        case Unary(_, operand):
            return f"-{_inside(operand)}"
        case Binary(operator, left, right):
            return f"{_inside(left)} {operator} {_inside(right)}"


def _inside(node: Node) -> str:
    text = to_text(node)
    return f"({text})" if isinstance(node, Binary | Unary) else text


def _literal(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return f"duration'PT{value.total_seconds():f}S'"
    return repr(value)
