"""Black and odorous urban water by the guideline 建城[2015]130号: a sample, a point, a water body.

Transparency in cm, dissolved oxygen and ammonia nitrogen in mg/L, redox potential in mV. The
guideline grades water that people have found to be black or odorous; water whose items all lie on
the good side of its limits is here called `none`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from standards.editions import Edition
from standards.rounding import Number, exact
from standards.water_classes import ClassTable, Verdict, class_table, classify
from standards.water_limits import Found

NONE, LIGHT, HEAVY = "none", "light", "heavy"


@dataclass(frozen=True, slots=True)
class WaterBody:
    """degree of the whole; stretches: first and last index of points with heavy water between."""

    degree: str
    stretches: tuple[tuple[int, int], ...]


def judge(found: Found, edition: Edition, *, depth_cm: Number | None = None) -> Verdict:
    """The degree of one sample by its worst item: none, light or heavy.

    depth_cm: of the water; where it is shallower than 25 cm, transparency is not judged.
    Raises ValueError when nothing can be judged.
    """
    shallow = depth_cm is not None and exact(depth_cm) < edition.tables["shallow_cm"]
    kept = {item: its for item, its in found.items() if not (shallow and item == "transparency_cm")}
    return classify(class_table(edition), kept)


def point(samples: Sequence[Found], edition: Edition) -> str:
    """The degree of a point by its samples, of which the guideline asks for at least three.

    Heavy when one item is heavy in 60 % of its data, or two items in 30 % of theirs; else light
    when any value is not good. Shallow water: leave transparency out. Raises ValueError when
    nothing can be judged.
    """
    table = class_table(edition)
    degrees = {item: _degrees(table, item, samples) for item in table.limits}
    measured = {item: them for item, them in degrees.items() if them}
    if not measured:
        raise ValueError("no item of the table was measured")
    rule = edition.tables["point"]

    def heavy_in(percent: int) -> int:
        return sum(
            100 * them.count(HEAVY) >= percent * len(them) and HEAVY in them
            for them in measured.values()
        )

    if heavy_in(rule["one_item_percent"]) >= 1 or heavy_in(rule["two_items_percent"]) >= 2:
        return HEAVY
    return NONE if all(set(them) == {NONE} for them in measured.values()) else LIGHT


def _degrees(table: ClassTable, item: str, samples: Sequence[Found]) -> list[str]:
    return [table.item_class(item, sample) for sample in samples if item in sample]


def water_body(points: Sequence[str], edition: Edition) -> WaterBody:
    """A water body by the degrees of its points, in the order in which they lie along it.

    Heavy when 60 % of the points are; heavy between points where three or more in a row are.
    Raises ValueError without points.
    """
    if not points:
        raise ValueError("a water body is graded by its points; there are none")
    rule = edition.tables["body"]
    if 100 * points.count(HEAVY) >= rule["points_percent"] * len(points):
        return WaterBody(HEAVY, _stretches(points, rule["points_in_a_row"]))
    degree = NONE if set(points) == {NONE} else LIGHT
    return WaterBody(degree, _stretches(points, rule["points_in_a_row"]))


def _stretches(points: Sequence[str], needed: int) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    start: int | None = None
    for index, degree in enumerate([*points, NONE]):
        if degree == HEAVY:
            start = index if start is None else start
        elif start is not None:
            if index - start >= needed:
                found.append((start, index - 1))
            start = None
    return tuple(found)
