"""What a filter means, worked out in plain Python, one entity at a time: an opinion of its own.

Where a path leads to many, the filter holds for an entity when it holds for one choice of them.
"""

from __future__ import annotations

import math
from typing import Any

from console.sensorthings.entities import Entities
from console.sensorthings.model import SETS
from console.sensorthings.syntax import Binary, Call, Literal, Node, Path, Unary, paths

Choice = dict[tuple[str, ...], str]  # which entity stands behind a way of relations


def holds(entities: Entities, name: str, key: str, node: Node) -> bool:
    ways = sorted({way for path in paths(node) for way in _ways(name, path)})
    return any(
        bool(_value(entities, name, choice, node)) for choice in _choices(entities, name, key, ways)
    )


def _ways(name: str, path: Path) -> list[tuple[str, ...]]:
    found, way = SETS[name], []
    for length, segment in enumerate(path.segments, 1):
        if segment not in found.relations:
            break
        found = SETS[found.relations[segment]]
        way.append(path.segments[:length])
    return way


def _choices(entities: Entities, name: str, key: str, ways: list[tuple[str, ...]]) -> list[Choice]:
    choices: list[Choice] = [{(): key}]
    for way in sorted(ways, key=len):
        further = []
        for choice in choices:
            at = choice.get(way[:-1], "")
            leads = entities.related(_set_of(name, way[:-1]), way[-1], at) if at else []
            further += [{**choice, way: each} for each in leads or [""]]
        choices = further
    return choices


def _set_of(name: str, way: tuple[str, ...]) -> str:
    for segment in way:
        name = SETS[name].relations[segment]
    return name


def _property(entities: Entities, name: str, choice: Choice, path: Path) -> Any:
    way = (_ways(name, path) or [()])[-1]
    key, rest = choice[way], path.segments[len(way) :]
    if rest == ("@iot.id",):
        return key or None
    value: Any = entities.sets[_set_of(name, way)].get(key)
    for segment in rest:
        value = value.get(segment) if isinstance(value, dict) else None
    return value


def _value(entities: Entities, name: str, choice: Choice, node: Node) -> Any:
    def value(inner: Node) -> Any:
        return _value(entities, name, choice, inner)

    match node:
        case Literal(given):
            return given
        case Path():
            return _property(entities, name, choice, node)
        case Unary("not", operand):
            return not value(operand)
        case Unary(_, operand):
            return None if value(operand) is None else -value(operand)
        case Binary("and", left, right):
            return bool(value(left)) and bool(value(right))
        case Binary("or", left, right):
            return bool(value(left)) or bool(value(right))
        case Binary(operator, left, right):
            return _binary(operator, value(left), value(right))
        case Call(function, arguments):
            given = [value(each) for each in arguments]
            return None if None in given else CALLS[function](*given)
    raise AssertionError(node)


def _binary(operator: str, left: Any, right: Any) -> Any:
    if operator == "eq":
        return left == right
    if operator == "ne":
        return left != right
    if left is None or right is None:
        return None
    return BINARY[operator](left, right)


def _divided(left: float, right: float) -> float | None:
    return left / right if right else None


def _rest(left: float, right: float) -> float | None:
    return left - right * math.trunc(left / right) if right else None


BINARY = {
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": _divided,
    "mod": _rest,
}


def _substring(text: str, start: float, length: float | None = None) -> str:
    first = max(0, int(start))
    return text[first:] if length is None else text[first : first + max(0, int(length))]


CALLS: dict[str, Any] = {
    "substringof": lambda part, text: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
    "length": lambda text: float(len(text)),
    "indexof": lambda text, part: float(text.find(part)),
    "substring": _substring,
    "tolower": lambda text: text.lower(),
    "toupper": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
    "concat": lambda one, other: one + other,
    "round": lambda n: math.copysign(math.floor(abs(n) + 0.5), n),
    "floor": lambda n: float(math.floor(n)),
    "ceiling": lambda n: float(math.ceil(n)),
}
