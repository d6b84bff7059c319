"""Results of a laboratory: a cell of value, unit and limit becomes a `Result`, or tells its error.

What was not detected keeps its limit and is never zero. A value is converted only between units
that nobody can misread (`columns.yaml`); then the result keeps what was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from ingest.lab.columns import Content, folded, words
from schemas.determinands import Determinand, determinand_named
from schemas.samples import Result, SampleMedium
from standards.rows import BadCell, Measured, Row, measured

_PURE = Decimal(1_000_000)  # mg/kg: there is nothing else in the sample
_HIGHEST_PH = Decimal(14)
_SIGNED = ("orp_mv", "water_temperature")  # may lie below zero
_AS_NITROGEN = (" as n", "(以n计)", "（以n计）")


@dataclass(frozen=True, slots=True)
class Written:
    """What a cell is of. field, unit_field: how the table calls the columns."""

    determinand: Determinand
    medium: SampleMedium
    field: str
    unit: str
    unit_field: str

    @property
    def own_unit(self) -> str:
        return self.determinand.unit_in(soil=self.medium == SampleMedium.SOIL)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number in the determinand's own unit. reported: as written, where that was another."""

    value: Decimal
    unit: str
    reported: str


def long_result(cells: Row, headers: Mapping[str, str], medium: SampleMedium) -> Result:
    """The result of a row of a long table. cells, headers: by our names. Raises BadCell."""
    determinand = determinand_named(cells["determinand"])
    if determinand is None:
        rule = "a determinand of schemas/determinands.yaml"
        remedy = "correct the name, or add it there"
        raise BadCell(headers["determinand"], cells["determinand"], rule, remedy)
    field, unit_field = headers["value"], headers.get("unit", "unit")
    written = Written(determinand, medium, field, cells.get("unit", ""), unit_field)
    not_found = _says_below(cells, headers)
    text = "" if _is_word(cells["value"]) else cells["value"]
    found, limit = _number(written, text), _limit(written, cells, headers)
    if found is not None and not_found and not found.below:
        raise BadCell(
            field, text, f"no value beside {cells['condition']!r}", "take out one of both"
        )
    if found is None and not not_found:
        rule = "a value, or a limit of detection such as <0.05"
        raise BadCell(field, text, rule, "fill it in, or take the row out")
    if found is None:
        if limit is None:
            raise _without_limit(written, cells["value"] or cells.get("condition", ""))
        return _result(written, None, limit, cells)
    return _of(written, found, limit, cells)


def wide_result(row: Row, column: Content, medium: SampleMedium, cells: Row) -> Result | None:
    """The result of a cell of a wide table; None when it was not measured. Raises BadCell."""
    header, determinand = column.header, column.determinand
    own = Written(determinand, medium, header, "", header).own_unit
    written = Written(
        determinand, medium, header, own if column.unit is None else column.unit, header
    )
    found = _number(written, row[header])
    return None if found is None else _of(written, found, None, {"method": cells.get("method", "")})


def _says_below(cells: Row, headers: Mapping[str, str]) -> bool:
    condition = cells.get("condition", "")
    if condition and not _is_word(condition):
        rule = "one of " + ", ".join(words()["below"]) + ", or empty"
        raise BadCell(headers["condition"], condition, rule, "correct the cell")
    return bool(condition) or _is_word(cells["value"])


def _is_word(text: str) -> bool:
    return folded(text) in {folded(word) for word in words()["below"]}


def _number(written: Written, text: str) -> Measured | None:
    minimum = None if written.determinand.key in _SIGNED else Decimal(0)
    return measured({written.field: text}, written.field, minimum=minimum)


def _limit(written: Written, cells: Row, headers: Mapping[str, str]) -> Amount | None:
    """The limit that stands in a column of its own."""
    if not cells.get("limit"):
        return None
    field = headers["limit"]
    found = measured({field: cells["limit"]}, field)
    if found is None:
        return None
    if not found.value:
        raise BadCell(field, cells["limit"], "above zero", "give the method's limit")
    unit, unit_field = cells.get("limit_unit"), headers.get("limit_unit", written.unit_field)
    of = Written(written.determinand, written.medium, field, unit or written.unit, unit_field)
    return _amount(of, found.value)


def _of(written: Written, found: Measured, limit: Amount | None, cells: Row) -> Result:
    determinand = written.determinand
    if not found.value and (found.below or determinand.unit is None):
        raise _without_limit(written, f"{'<' if found.below else ''}{found.value}")
    amount = _amount(written, found.value)
    most = {"mg/kg": _PURE}.get(amount.unit, _HIGHEST_PH if determinand.key == "ph" else None)
    if most is not None and amount.value > most:
        rule = f"not above {most} {amount.unit}".removesuffix(" 1")
        raise BadCell(written.field, str(found.value), rule, "correct the value or its unit")
    return _result(
        written, None if found.below else amount, amount if found.below else limit, cells
    )


def _amount(written: Written, value: Decimal) -> Amount:
    spelled = folded(written.unit)
    if written.determinand.as_n:
        for ending in _AS_NITROGEN:
            spelled = spelled.removesuffix(ending)
    own = written.own_unit
    times = _units()[own].get(spelled)
    if times is None:
        known = " or ".join(_told(own))
        rule = f"{written.determinand.key} in {written.medium} is given in {known}"
        raise BadCell(written.unit_field, written.unit, rule, "correct the unit, or convert")
    return Amount(value * times, own, "" if times == 1 else f"{value:f} {written.unit}")


def _result(written: Written, value: Amount | None, limit: Amount | None, cells: Row) -> Result:
    reported = value.reported if value else limit.reported if limit else ""
    return Result(
        determinand=written.determinand.key,
        value=value.value if value else None,
        limit=limit.value if limit else None,
        unit=written.own_unit,
        reported=f"<{reported}" if reported and not value else reported,
        method=cells.get("method", ""),
        remark=cells.get("remark", ""),
    )


def _told(own: str) -> list[str]:
    """One spelling of every unit that is understood for this one."""
    by_factor: dict[Decimal, str] = {}
    for spelling, times in words()["units"][own].items():
        by_factor.setdefault(Decimal(times), spelling or "no unit")
    return list(by_factor.values())


def _without_limit(written: Written, text: str) -> BadCell:
    rule = "what was not detected has its limit of detection, and a content is never zero"
    return BadCell(written.field, text, rule, "give the limit, such as <0.05")


@cache
def _units() -> Mapping[str, Mapping[str, Decimal]]:
    return {
        own: {folded(spelling): Decimal(times) for spelling, times in spellings.items()}
        for own, spellings in words()["units"].items()
    }
