"""CSV and Parquet of frames that come one after the other; neither holds more than a few of them.

CSV goes out as it is made. A Parquet file has its index at the end of everything, so it is written
to a file without a name first and then sent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

import polars as pl
from polars.io.plugins import register_io_source

from drawing.cells import BOM, safe_column

TIME_FORM = "%Y-%m-%dT%H:%M:%S%.3f%:z"
SENT_AT_ONCE = 256 * 1024
ROW_GROUP = 100_000


def csv_parts(frames: Iterable[pl.DataFrame], schema: Mapping[str, pl.DataType]) -> Iterator[bytes]:
    """The file, part by part: for spreadsheets, with texts that are no formulas."""
    head = pl.DataFrame(schema=schema).write_csv(line_terminator="\r\n")
    yield (BOM + head).encode()
    shown = [_shown(name, dtype) for name, dtype in schema.items()]
    for frame in frames:
        if not frame.is_empty():
            text = frame.select(shown).write_csv(include_header=False, line_terminator="\r\n")
            yield text.encode()


def _shown(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        return column.dt.to_string(TIME_FORM)
    return safe_column(column) if dtype == pl.String else column


def parquet_parts(
    frames: Iterable[pl.DataFrame], schema: Mapping[str, pl.DataType], about: Mapping[str, str]
) -> Iterator[bytes]:
    """The file, part by part. about: is kept in its metadata."""
    with tempfile.TemporaryFile() as file:
        _write_parquet(file, frames, schema, about)
        file.seek(0)
        while part := file.read(SENT_AT_ONCE):
            yield part


def _write_parquet(
    file: IO[bytes],
    frames: Iterable[pl.DataFrame],
    schema: Mapping[str, pl.DataType],
    about: Mapping[str, str],
) -> None:
    def source(
        _columns: list[str] | None,
        _predicate: pl.Expr | None,
        _rows: int | None,
        _batch: int | None,
    ) -> Iterator[pl.DataFrame]:
        yield from frames

    rows = register_io_source(source, schema=pl.Schema(schema))
    rows.sink_parquet(file, row_group_size=ROW_GROUP, metadata=dict(about), engine="streaming")
