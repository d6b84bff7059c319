"""What pages and papers share: shapes as SVG, words, numbers as people write them, and PDF.

Pure but for the reading of package data and for `pdf`. Nothing here knows a store, a standard or a
view: what is drawn is handed in.
"""

from drawing.numbers import (
    city_time,
    ink,
    item_name,
    item_names,
    number,
    paint,
    unit,
)
from drawing.painting import templates
from drawing.pdf import PdfUnavailable, pdf
from drawing.words import HTML_LANGUAGE, LANGUAGES, Words, words

__all__ = [
    "HTML_LANGUAGE",
    "LANGUAGES",
    "PdfUnavailable",
    "Words",
    "city_time",
    "ink",
    "item_name",
    "item_names",
    "number",
    "paint",
    "pdf",
    "templates",
    "unit",
    "words",
]
