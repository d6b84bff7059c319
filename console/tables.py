"""Tables for spreadsheets: CSV that opens as what it says and never as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from drawing import item_names, words
from network.views import Ranking
from schemas.registry import Place

BOM = "\ufeff"  # without it, spreadsheets take UTF-8 for something else
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # some spreadsheets take the wide ones, too


def safe_text(text: str) -> str:
    """A cell of text that a spreadsheet will not compute."""
    return f"'{text}" if text.startswith(_FORMULA) or (text[:1] < " " and text) else text


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV; texts made safe, numbers as they are, None empty."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(head)
    for row in rows:
        writer.writerow(safe_text(cell) if isinstance(cell, str) else cell for cell in row)
    return BOM + target.getvalue()


def ranking_csv(table: Ranking, places: Mapping[str, Place], language: str) -> str:
    """Districts and subdistricts below each other; a bound or a gap is named in `note`."""
    t = words("console").translator(language)
    names = ("level", "district", "rank", "date", "aqi", "aqi_change", "pm25_day", "pm25_change")
    more = ("month", "pm25_month", "on_month", "on_year", "date_noise", "rate_day", "rate_night")
    rows = []
    for level, lines in (("district", table.districts), ("subdistrict", table.subdistricts)):
        for line in lines:
            month = line.month
            note = "" if line.air.valid else t(f"reason_{line.air.reason}")
            if line.air.aqi is not None and line.air.missing:
                note += f": {item_names(line.air.missing, language)}"
            rows.append(
                (
                    t(level),
                    places[line.place].name(language),
                    line.rank,
                    table.air_on.isoformat(),
                    line.air.aqi if line.air.valid else None,
                    line.aqi_change,
                    line.pm25,
                    line.pm25_change,
                    month.month.strftime("%Y-%m") if month else "",
                    month.mean if month else None,
                    month.on_month if month else None,
                    month.on_year if month else None,
                    table.noise_on.isoformat(),
                    line.noise_day.rate,
                    line.noise_night.rate,
                    note,
                )
            )
    return as_csv([t(f"column_{name}") for name in (*names, *more, "note")], rows)
