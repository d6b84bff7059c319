"""Files through the evaluators: which kinds of assessment there are, and how spreadsheets are read.

A spreadsheet program in Chinese saves CSV in GB 18030, with a byte order mark, or in UTF-16; all
are read, and then the output has the mark, so that the same program shows it rightly.
"""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

from standards.aqhi import AQHI
from standards.aqi import AQI
from standards.assess import assess_csv
from standards.drinking_water import DRINKING
from standards.effluent import EFFLUENT
from standards.groundwater import GROUNDWATER
from standards.noise_rows import NOISE
from standards.rows import Assessor
from standards.sea_water import SEA
from standards.soil_rows import SOIL, SOIL_RISK
from standards.surface_water import WATER

ASSESSORS: dict[str, Assessor] = {
    "aqi": AQI,
    "aqhi": AQHI,
    "noise": NOISE,
    "water": WATER,
    "sea": SEA,
    "soil": SOIL,
    "soil-risk": SOIL_RISK,
    "groundwater": GROUNDWATER,
    "drinking": DRINKING,
    "effluent": EFFLUENT,
}


def assess_file(
    kind: str, source: Path, target: Path, *, named: str | None, on: date
) -> tuple[int, int]:
    """Assess a CSV file; returns the number of rows and of rows with an error.

    Raises ValueError for an unknown kind or a table that cannot be read, OSError for a file that
    cannot. The output appears whole or not at all.
    """
    assessor = ASSESSORS.get(kind)
    if assessor is None:
        raise ValueError(f"{kind!r} is not assessed; there are: {', '.join(ASSESSORS)}")
    text, plain = read_table(source)
    judged = io.StringIO()
    counts = assess_csv(io.StringIO(text, newline=""), judged, assessor, named=named, on=on)
    target.write_text(judged.getvalue(), "utf-8" if plain else "utf-8-sig")
    return counts


_NO_TEXT = {b"PK\x03\x04": "an .xlsx or .ods file", b"\xd0\xcf\x11\xe0": "an .xls file"}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_table(source: Path) -> tuple[str, bool]:
    """A spreadsheet's text, and whether it was plain UTF-8. Raises ValueError, OSError."""
    raw = source.read_bytes()
    for begin, kind in _NO_TEXT.items():
        if raw.startswith(begin):
            raise ValueError(f"{source} is {kind}: save it as CSV in UTF-8")
    for encoding in ("utf-16",) if raw.startswith(_UTF_16) else ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text, encoding == "utf-8-sig" and not raw.startswith(b"\xef\xbb\xbf")
    raise ValueError(f"{source} is neither UTF-8 nor GB 18030: save it as CSV in UTF-8")
