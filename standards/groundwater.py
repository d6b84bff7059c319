"""Groundwater by GB/T 14848-2017: classes I to V by the worst single index. mg/L."""

from __future__ import annotations

from collections.abc import Mapping

from standards.editions import Edition
from standards.rows import Assessor, Row
from standards.water_classes import RESULTS, Verdict, class_table, classify, results, target_in
from standards.water_limits import Found, found_in, some


def judge(found: Found, edition: Edition, *, target: str | None = None) -> Verdict:
    """The class of one well (table 1; 6.2: equal limits give the better class).

    Raises ValueError when nothing can be judged.
    """
    return classify(class_table(edition), found, target)


def _assess(row: Row, edition: Edition) -> Mapping[str, str]:
    table = class_table(edition)
    found = some(found_in(row, table.limits), table.limits)
    return results(classify(table, found, target_in(row, table)))


GROUNDWATER = Assessor("groundwater", RESULTS, _assess)
