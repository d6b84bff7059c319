"""Tables in and out as CSV and XLSX: texts only, nothing computed, nothing that computes.

Read by content, not by name. A cell that a spreadsheet would compute comes out as text.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils.exceptions import IllegalCharacterError, InvalidFileException

from drawing.cells import safe_text
from registry.problems import Problem, Refused

MOST_BYTES = 8 * 2**20
MOST_UNPACKED = 128 * 2**20
ZIP = b"PK\x03\x04"

Row = tuple[int, Mapping[str, str]]


def read_sheet(content: bytes) -> tuple[list[str], list[Row]]:
    """Columns of the first row, and the rows that are not empty with their numbers in the file.

    Raises Refused for what is neither CSV in UTF-8 nor XLSX.
    """
    lines = _xlsx(content) if content.startswith(ZIP) else _csv(content)
    if not lines:
        raise Refused([Problem("file_unknown", "file", "")])
    head = [name.strip().lower() for name in lines[0]]
    rows: list[Row] = [
        (number, dict(zip(head, map(_as_typed, cells), strict=False)))
        for number, cells in enumerate(lines[1:], 2)
        if any(cell.strip() for cell in cells)
    ]
    return head, rows


def as_xlsx(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A workbook of one sheet; every text a text, whatever it begins with."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("sensors")
    sheet.append(list(head))
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _cell(sheet: object, value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        cell = WriteOnlyCell(sheet, value=safe_text(value))
    except IllegalCharacterError:
        cell = WriteOnlyCell(sheet, value=safe_text(value).encode("ascii", "replace").decode())
    cell.data_type = "s"
    return cell


def _as_typed(text: str) -> str:
    """What was typed, without the apostrophe that our own export put before it."""
    return text[1:] if text.startswith("'") and safe_text(text[1:]) != text[1:] else text


def _csv(content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
        if "\0" in text:
            raise ValueError("binary")
        return list(csv.reader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, ValueError, csv.Error):
        raise Refused([Problem("file_unknown", "file", "")]) from None


def _xlsx(content: bytes) -> list[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
                raise ValueError("unpacks to too much")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        return [[_shown(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    except (ValueError, KeyError, IndexError, zipfile.BadZipFile, InvalidFileException):
        raise Refused([Problem("file_unknown", "file", "")]) from None


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
