"""`onenet assess noise`: one row is one calendar day of hourly levels in a functional zone.

Columns: `zone` (0, 1, 2, 3, 4a, 4b), `h00` .. `h23` hourly equivalent levels in dB(A), `h00` from
00:00 to 01:00. The night of a calendar day is h22, h23 and h00 to h05.

Missing hours: a part of the day that lacks an hour has neither a level nor a verdict, and Ldn is
empty; the other part is still assessed. `error` then names the missing hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from schemas import ParameterKey, catalogue
from standards.editions import Edition
from standards.noise import DayLevels, Part, day_levels, judge, zones
from standards.rounding import exact, plain, revise
from standards.rows import ERROR, Assessor, BadCell, Row, chosen, measured, names

HOURS = tuple(f"h{hour:02d}" for hour in range(24))


def assess_noise(row: Row, quality: Edition) -> Mapping[str, str]:
    """ld, ln, ldn with one decimal and the verdicts of GB 3096. Raises BadCell."""
    zone = chosen(row, "zone", zones(quality))
    found = {hour: _level(row, field) for hour, field in enumerate(HOURS)}
    hourly = {hour: level for hour, level in found.items() if level is not None}
    levels = day_levels(quality, hourly)
    return {
        "ld": _shown(levels.ld),
        "ln": _shown(levels.ln),
        "ldn": _shown(levels.ldn),
        "day_ok": _verdict(quality, "day", levels.ld, zone),
        "night_ok": _verdict(quality, "night", levels.ln, zone),
        ERROR: _missing(levels, [HOURS[hour] for hour in found if hour not in hourly]),
    }


NOISE = Assessor("noise_quality", ("ld", "ln", "ldn", "day_ok", "night_ok"), assess_noise)


def _level(row: Row, field: str) -> Decimal | None:
    found = measured(row, field)
    if found is None:
        return None
    highest = exact(catalogue()[ParameterKey("laeq")].range[1])
    if found.below or found.value > highest:
        rule = f"a sound level from 0 to {plain(highest)} dB(A)"
        raise BadCell(field, row[field], rule, "correct the cell, or leave it empty")
    return found.value


def _shown(level: Decimal | None) -> str:
    return "" if level is None else plain(revise(level, 1))


def _verdict(quality: Edition, part: Part, level: Decimal | None, zone: str) -> str:
    return "" if level is None else str(judge(quality, part, level, zone).ok).lower()


def _missing(levels: DayLevels, hours: list[str]) -> str:
    if levels.ldn is not None:
        return ""
    parts = [name for name, level in (("day", levels.ld), ("night", levels.ln)) if level is None]
    rule = f"not enough hours for the {' and the '.join(parts)}"
    return str(BadCell(names(hours), "", rule, "send the missing hours"))
