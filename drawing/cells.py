"""Tables for spreadsheets: CSV that opens as what it says and never as a formula. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

import polars as pl

BOM = "\ufeff"  # without it, spreadsheets take UTF-8 for something else
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # some spreadsheets take the wide ones, too
_COMPUTED = "^([" + "".join(re.escape(sign) for sign in _FORMULA) + r"\x00-\x1f])"


def safe_text(text: str) -> str:
    """A cell of text that a spreadsheet will not compute."""
    return f"'{text}" if text.startswith(_FORMULA) or (text[:1] < " " and text) else text


def safe_column(texts: pl.Expr) -> pl.Expr:
    """A column of cells, each as `safe_text` makes it."""
    return texts.str.replace(_COMPUTED, "'${1}")


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV; texts made safe, numbers as they are, None empty."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(head)
    for row in rows:
        writer.writerow(safe_text(cell) if isinstance(cell, str) else cell for cell in row)
    return BOM + target.getvalue()
