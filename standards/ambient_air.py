"""Ambient air quality after GB 3095: which limit holds, and whether a value meets it.

Limits are data (`tables/gb3095-*.yaml`), by parameter, averaging period, area class (1 nature
reserves and the like, 2 all else) and date: the edition of 2026 comes into force in two phases.
A limit that could not be established is not in the tables, and nothing is judged by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from standards.editions import Edition, edition, editions
from standards.rounding import Number, exact, revise

FAMILY = "ambient_air"
RULES = "air_assessment"

Kind = Literal["measured", "statistics"]


class NoLimit(LookupError):
    """No limit is known for that parameter, period and class in that edition."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: at most `value`, in `unit` (ug/m3, CO mg/m3), as `clause` of `edition` says."""

    edition: str
    clause: str
    parameter: str
    period: str
    area: int
    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Attainment:
    """Whether a value meets its limit.

    value: as it was compared. attains: None when that cannot be said; note: why. times_over: by how
    many times the limit it exceeds it (超标倍数), two decimals; None when it does not.
    """

    value: Decimal
    limit: Limit
    attains: bool | None
    times_over: Decimal | None = None
    note: str = ""


def limit(
    parameter: str, period: str, *, area: int = 2, on: date, named: str | None = None
) -> Limit:
    """The limit that holds on a date. Raises NoLimit, UnknownEdition.

    period: 1h, 24h, 8h_max, quarter or year. named: an edition other than that of the date; of its
    phases the one of the date is taken, or the first, if it was not yet in force.
    """
    found = edition(FAMILY, on=on, named=named)
    phase = _phase(found, on)
    pair = phase["limits"].get(parameter, {}).get(period)
    if pair is None or area not in (1, 2):
        reason = found.tables["left_out"].get(parameter)
        raise NoLimit(
            f"no limit known in {found.id} for {parameter} {period}, class {area}"
            + (f" ({reason})" if reason else "")
        )
    units = found.tables["units"]
    return Limit(
        edition=found.id,
        clause=phase["clause"],
        parameter=parameter,
        period=period,
        area=area,
        value=exact(pair[area - 1]),
        unit=units.get(parameter, units["other"]),
    )


def attainment(value: Number, against: Limit, *, kind: Kind = "measured") -> Attainment:
    """Compare a value with a limit, revised to the places that HJ 663 names (GB/T 8170).

    kind: `measured` for hourly and daily means, `statistics` for annual means and percentiles.
    Where the places are not known, a verdict that depends on them is left open.
    """
    rules = companion(editions()[against.edition])
    places = rules.tables["places"]
    number = exact(value)
    if places[kind] is not None:
        number = _revised(number, places[kind].get(against.parameter))
    elif number > against.value:
        coarsest = places[f"{kind}_at_least"].get(against.parameter)
        if _revised(number, coarsest) <= against.value:
            note = f"depends on the decimals of {rules.id}, which are not established"
            return Attainment(number, against, None, note=note)
    if number <= against.value:
        return Attainment(number, against, True)
    over = revise((number - against.value) / against.value, 2)
    return Attainment(number, against, False, times_over=over)


def companion(of: Edition) -> Edition:
    """The edition of HJ 663 by which an edition of GB 3095 is assessed."""
    return edition(RULES, named=of.tables["companion"])


def in_force(year: int) -> tuple[Edition, ...]:
    """The editions of GB 3095 that hold on some day of a year, the earlier first.

    Two for 2026: a report of that year judges by both and says so.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    found = [
        e
        for e in editions().values()
        if e.family == FAMILY
        and (e.effective_from is None or e.effective_from <= last)
        and (e.effective_until is None or first <= e.effective_until)
    ]
    return tuple(sorted(found, key=lambda e: e.effective_from or date.min))


def _phase(of: Edition, on: date) -> Mapping[str, Any]:
    phases: list[Mapping[str, Any]] = of.tables["phases"]
    for phase in reversed(phases):
        if phase["from"] is None or phase["from"] <= on:
            return phase
    return phases[0]


def _revised(value: Decimal, places: int | None) -> Decimal:
    return value if places is None else revise(value, places)
