"""Flux for what the store asks: pure text, every value from outside as an escaped literal.

Each question is one whole pipeline from bucket to filter. That is not style: InfluxDB pushes range,
filter and `last` down to its storage engine only then. A pipeline shared by two yields is read
whole, which makes a question of milliseconds one of a minute.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from storage.influx_lines import stored_tag

Span = tuple[int, int]  # half-open, in ms
ALWAYS: Span = (0, 7_258_118_400_000)  # until the year 2200
MANY = 200  # names beyond which it is cheaper to read all and drop the rest here

_ESCAPES = str.maketrans(
    {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t", "$": r"\x24"}
)


def text(value: str) -> str:
    """A string literal; the dollar is escaped because `${` would begin an interpolation."""
    return f'"{value.translate(_ESCAPES)}"'


def moment(ms: int) -> str:
    """A time literal."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def one_of(column: str, values: Collection[str] | None) -> str:
    """The condition that a tag is one of some values; none where there is no such wish, or where
    the values are too many for a filter: who asks drops the rest.
    """
    if values is None or len(values) > MANY:
        return ""
    return " or ".join(f"r.{column} == {text(stored_tag(value))}" for value in sorted(values))


def pipeline(bucket: str, span: Span, conditions: Iterable[str], *steps: str) -> str:
    """From a bucket, a span of time, all conditions; then the steps."""
    wanted = " and ".join(f"({condition})" for condition in conditions if condition)
    filters = [f"filter(fn: (r) => {wanted})"] if wanted else []
    span_text = f"range(start: {moment(span[0])}, stop: {moment(span[1])})"
    return " |> ".join([f"from(bucket: {text(bucket)})", span_text, *filters, *steps])


def keep(*columns: str) -> str:
    return f"keep(columns: [{', '.join(text(column) for column in columns)}])"


def together(pipelines: Iterable[str]) -> str:
    """Several pipelines as one question."""
    return "\n".join(f'{each} |> yield(name: "{n}")' for n, each in enumerate(pipelines))
