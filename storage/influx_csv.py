"""Annotated CSV, as InfluxDB answers a query, into polars frames; nothing here does I/O.

An answer is a run of tables, each headed by a line of datatypes and a line of names, with a blank
line between; an error that came too late for the status code stands in a table of its own. Tables
of the same columns are parsed together, so no value ever becomes a Python object.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import polars as pl

from schemas.observation import AGGREGATE_KEY, AGGREGATES, OBSERVATIONS, UTC_MS
from storage.influx_lines import NO_TEXT, QUALITY_SUFFIX
from storage.port import StoreUnavailable

_TYPES: dict[str, type[pl.DataType]] = {
    "string": pl.String,
    "long": pl.Int64,
    "unsignedLong": pl.UInt64,
    "double": pl.Float64,
    "boolean": pl.Boolean,
}
_TIME = "%Y-%m-%dT%H:%M:%S%.fZ"
_BOOKKEEPING = 3  # the leading columns: annotation, result, table


def tables(body: bytes) -> list[pl.DataFrame]:
    """The frames of an answer, one for each set of columns. Raises StoreUnavailable for an error.

    Times have nanoseconds; tags and names of fields are as they were before they were written.
    """
    rows_by_head: dict[tuple[bytes, bytes], list[bytes]] = defaultdict(list)
    for block in _blocks(body.replace(b"\r\n", b"\n")):
        types, names, rows = block.split(b"\n", 2)
        if names == b",error,reference":
            raise StoreUnavailable(f"InfluxDB broke off its answer: {_first_cell(rows)}")
        rows_by_head[types, names].append(rows)
    return [_frame(*head, b"".join(rows)) for head, rows in rows_by_head.items()]


def _blocks(text: bytes) -> Iterator[bytes]:
    """Tables, split at blank lines; a blank line inside a quoted text is no end of a table."""
    start = at = 0
    while (at := text.find(b"\n\n", at)) >= 0:
        if text.count(b'"', start, at) % 2 == 0:
            yield from _unless_empty(text[start : at + 1])
            start = at + 2
        at += 1
    yield from _unless_empty(text[start:])


def _unless_empty(block: bytes) -> Iterator[bytes]:
    stripped = block.lstrip(b"\n")
    if stripped:
        yield stripped


def _first_cell(rows: bytes) -> str:
    cells = next(csv.reader([rows.decode("utf-8", "replace").replace("\n", " ")]), ["", ""])
    return cells[1] if len(cells) > 1 else ""


def _frame(types: bytes, names: bytes, rows: bytes) -> pl.DataFrame:
    columns = next(csv.reader([names.decode()]))
    declared = dict(zip(columns, types.decode().split(","), strict=True))
    schema = {name: _TYPES.get(declared.get(name, ""), pl.String) for name in columns}
    whole = pl.read_csv(names + b"\n" + rows, schema=schema, raise_if_empty=False)
    frame = whole.select(columns[_BOOKKEEPING:])
    times = [name for name in frame.columns if declared[name].startswith("dateTime")]
    texts = [name for name in frame.columns if declared[name] == "string"]
    return frame.with_columns(
        *(
            pl.col(name).str.to_datetime(_TIME, time_unit="ns", time_zone="UTC", strict=True)
            for name in times
        ),
        *(
            (frame[name] if name == "_value" else _as_given(frame[name])).fill_null("")
            for name in texts
        ),
    )


def _as_given(column: pl.Series) -> pl.Series:
    """Tags without the percent-encoding that `influx_lines` put on them."""
    encoded = column.filter(column.str.contains("%", literal=True)).unique()
    if encoded.is_empty():
        return column
    return column.replace(encoded, pl.Series([unquote(text) for text in encoded], dtype=pl.String))


def of_type(frames: Sequence[pl.DataFrame], dtype: Any, columns: Mapping[str, Any]) -> pl.DataFrame:
    """All rows whose value has a type, with at least these columns."""
    found = [frame for frame in frames if frame.schema.get("_value") == dtype]
    empty = pl.DataFrame(schema={**columns, "_value": dtype})
    return pl.concat([empty, *found], how="diagonal")


_TAGS = ("sensor",)


def observations(
    frames: Sequence[pl.DataFrame], tags: Sequence[str] = _TAGS, time: Any = UTC_MS
) -> pl.DataFrame:
    """Tags, ts, parameter, value, quality of every field pair; a missing value is null."""
    key = {**dict.fromkeys(tags, pl.String()), "_time": pl.Datetime("ns", "UTC")}
    columns = {**key, "_field": pl.String()}
    codes = of_type(frames, pl.Int64(), columns).filter(
        pl.col("_field").str.ends_with(QUALITY_SUFFIX)
    )
    values = of_type(frames, pl.Float64(), columns)
    on = [*key, "_field"]
    return (
        codes.with_columns(pl.col("_field").str.strip_suffix(QUALITY_SUFFIX))
        .select(*on, quality=pl.col("_value").cast(OBSERVATIONS["quality"]))
        .join(values.select(*on, value="_value"), on=on, how="left", nulls_equal=True)
        .select(
            *tags,
            pl.col("_time").cast(time).alias("ts"),
            pl.col("_field").alias("parameter"),
            "value",
            "quality",
        )
        .sort("sensor", "ts", "parameter")
    )


def aggregates(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Columns `AGGREGATES`, sorted by their key."""
    key = {
        **dict.fromkeys(("_measurement", "level", "subject", "parameter"), pl.String()),
        "_time": pl.Datetime("ns", "UTC"),
    }
    columns = {**key, "_field": pl.String()}
    wide = pl.DataFrame(schema=key)
    for dtype in (pl.Int64(), pl.Float64(), pl.Boolean(), pl.String()):
        found = of_type(frames, dtype, columns)
        if found.is_empty():
            continue
        pivoted = found.pivot(on="_field", index=list(key), values="_value")
        wide = wide.join(pivoted, on=list(key), how="full", coalesce=True)
    absent = [name for name in AGGREGATES if name not in ("period", "start", *wide.columns)]
    return (
        wide.rename({"_measurement": "period", "_time": "start"})
        .with_columns(pl.lit(None).alias(name) for name in absent)
        .select(pl.col(name).cast(dtype) for name, dtype in AGGREGATES.items())
        .with_columns(pl.col("reason", "method").replace(NO_TEXT, ""))
        # What was written before aggregates carried their edition has no such field.
        .with_columns(pl.col("edition").replace(NO_TEXT, "").fill_null(""))
        .sort(AGGREGATE_KEY)
    )
