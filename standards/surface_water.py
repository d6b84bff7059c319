"""Surface water by GB 3838-2002 and the rules for sections and basins (环办[2011]22号).

Rivers and lakes differ in total phosphorus. Total nitrogen (lakes) and faecal coliforms are judged
by themselves and never decide the class. mg/L; water temperature in degC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from standards.editions import Edition
from standards.rounding import exact
from standards.rows import Assessor, Measured, Row, chosen, measured
from standards.water_classes import (
    RESULTS,
    ClassTable,
    Verdict,
    class_table,
    classify,
    results,
    target_in,
)
from standards.water_limits import (
    Found,
    counted,
    found_in,
    read_limits,
    some,
    water_temperature_in,
)

Body = Literal["river", "lake"]


@dataclass(frozen=True, slots=True)
class Basin:
    """The state of a river or basin. by: how it was found; water_class: only by means."""

    state: str
    by: Literal["shares", "means"]
    water_class: str | None = None


def surface_table(edition: Edition, body: Body = "river") -> ClassTable:
    """The class table of a river, or of a lake or reservoir."""
    table = class_table(edition)
    if body == "river":
        return table
    lake = read_limits(edition.tables["lake"], len(table.classes) - 1)
    return replace(table, limits={**table.limits, **lake})


def judge(
    found: Found,
    edition: Edition,
    *,
    body: Body = "river",
    target: str | None = None,
    temperature: Decimal | None = None,
    saturation: Decimal | None = None,
) -> Verdict:
    """The class of one section (table 1). Raises ValueError when nothing can be judged.

    saturation: of dissolved oxygen, percent; or, from the water temperature, by 468 / (31.6 + T).
    With either known, class I is 7.5 mg/L or 90 % of saturation, whichever is less.
    """
    table = surface_table(edition, body)
    if "do" in found:
        enough = _saturated(edition, counted(found["do"]), temperature, saturation)
        oxygen = table.limits["do"]
        first = oxygen.bounds[0]
        if enough is not None and isinstance(first, Decimal):
            relaxed = replace(oxygen, bounds=(min(first, enough), *oxygen.bounds[1:]))
            table = replace(table, limits={**table.limits, "do": relaxed})
    return classify(table, found, target)


def _saturated(
    edition: Edition, do: Decimal, temperature: Decimal | None, saturation: Decimal | None
) -> Decimal | None:
    """The dissolved oxygen, mg/L, at the saturation that class I asks for; None when unknown."""
    rule = edition.tables["oxygen"]
    wanted = exact(rule["saturation_percent"])
    if saturation is not None:
        return do * wanted / saturation if saturation else None
    if temperature is None:
        return None
    return exact(rule["numerator"]) / (exact(rule["offset"]) + temperature) * wanted / 100


def separate_classes(found: Found, edition: Edition) -> dict[str, str]:
    """Classes of the items that are judged by themselves: tn (lakes) and faecal_coliform (1/L)."""
    classes = tuple(edition.tables["classes"])
    limits = read_limits(edition.tables["separate"], len(classes) - 1)
    table = ClassTable(classes, limits)
    return {item: table.item_class(item, found) for item in limits if item in found}


def section_state(water_class: str, edition: Edition) -> str:
    """What a section of that class is called: excellent, good, light, moderate, heavy."""
    return str(edition.tables["section_states"][water_class])


def basin_of_classes(classes: Sequence[str], edition: Edition) -> Basin:
    """The state of a basin by the share of its sections in each class, compared unrounded.

    Raises ValueError for fewer sections than the rule needs (five).
    """
    rule = edition.tables["basin"]
    if len(classes) < rule["sections_needed"]:
        raise ValueError(f"a share needs at least {rule['sections_needed']} sections")
    passing = 100 * sum(one in rule["passing"] for one in classes)
    worst = 100 * sum(one == edition.tables["classes"][-1] for one in classes)

    def reaches(part: int, name: str) -> bool:
        return part >= rule[name] * len(classes)

    for name in ("excellent", "good"):
        if reaches(passing, name):
            return Basin(name, "shares")
    for name in ("heavy", "moderate"):
        if reaches(worst, name):
            return Basin(name, "shares")
    return Basin("light", "shares")


def basin(sections: Sequence[Found], edition: Edition, body: Body = "river") -> Basin:
    """The state of a basin: by shares, or of the mean of its sections where they are few."""
    if len(sections) >= edition.tables["basin"]["sections_needed"]:
        verdicts = [judge(section, edition, body=body) for section in sections]
        return basin_of_classes([verdict.water_class for verdict in verdicts], edition)
    found = judge(means(sections), edition, body=body).water_class
    return Basin(section_state(found, edition), "means", found)


def means(sections: Iterable[Found]) -> dict[str, Measured]:
    """The mean of each item over the sections that measured it; pH by its hydrogen ions."""
    values: dict[str, list[Decimal]] = {}
    for section in sections:
        for item, value in section.items():
            values.setdefault(item, []).append(counted(value))
    return {item: Measured(_mean(item, them)) for item, them in values.items()}


def _mean(item: str, values: Sequence[Decimal]) -> Decimal:
    if item != "ph":
        return sum(values, Decimal(0)) / len(values)
    ions = [Decimal(10) ** -value for value in values]
    return -(sum(ions, Decimal(0)) / len(ions)).log10()


def _assess(row: Row, edition: Edition) -> Mapping[str, str]:
    body: Body = "river"
    if (row.get("body") or "").strip():
        body = "lake" if chosen(row, "body", ("river", "lake")) == "lake" else "river"
    table = surface_table(edition, body)
    found = some(found_in(row, table.limits), table.limits)
    saturation = measured(row, "do_saturation")
    verdict = judge(
        found,
        edition,
        body=body,
        target=target_in(row, table),
        temperature=water_temperature_in(row),
        saturation=saturation.value if saturation else None,
    )
    return results(verdict)


WATER = Assessor("surface_water", RESULTS, _assess)
