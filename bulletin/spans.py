"""The span that somebody asked for in words: `2026-10` or `2026`."""

from __future__ import annotations

import re
from datetime import date, datetime

from network.views import Reported, month_reported, year_reported

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_YEAR = re.compile(r"\d{4}")
FIRST_YEAR = 2000


def span_of(name: str, now: datetime) -> Reported:
    """A month `2026-10` or a year `2026`. Raises ValueError for anything else, or not yet over."""
    month, year = _MONTH.fullmatch(name), _YEAR.fullmatch(name)
    found = int(month[1]) if month else int(name) if year else 0
    if found < FIRST_YEAR or (month and not 1 <= int(month[2]) <= 12):
        raise ValueError(
            f"{name!r} is no month and no year; write 2026-10 or 2026, from {FIRST_YEAR} on"
        )
    return (
        month_reported(date(found, int(month[2]), 1), now) if month else year_reported(found, now)
    )


def name_of(span: Reported) -> str:
    """`2026-10`, `2026`, or of a year that is running `2026-to-11-23`."""
    if span.kind == "month":
        return f"{span.first:%Y-%m}"
    return f"{span.first:%Y}" if span.kind == "year" else f"{span.first:%Y}-to-{span.last:%m-%d}"
