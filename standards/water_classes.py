"""Classes of water by table: the worst single item decides (单因子评价法).

Shared by surface water, sea water, groundwater and black and odorous water, which differ in their
tables and in what they do before and after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from standards.editions import Edition
from standards.rounding import revise
from standards.rows import Row, chosen, names
from standards.water_limits import Found, Limits, exceeding, read_limits

RESULTS = ("class", "deciding", "meets_target")
WORSE = "worse_than_"


@dataclass(frozen=True, slots=True)
class ClassTable:
    """A standard's classes, best first, and the limits of its items by class.

    without_multiple: items for which no exceedance multiple is computed.
    """

    classes: tuple[str, ...]
    limits: Mapping[str, Limits]
    without_multiple: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """The classes that can be aimed at."""
        return tuple(name for name in self.classes if not name.startswith(WORSE))

    def item_class(self, item: str, found: Found) -> str:
        return self.classes[self.limits[item].rank(found[item])]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The class of a sample, section or station.

    by_item: class of each item. deciding: the items of the worst class, alphabetical; empty in the
    best. exceeding: items over the target's limit, with their multiple. meets_target: None = there
    is no target.
    """

    water_class: str
    by_item: Mapping[str, str]
    deciding: tuple[str, ...]
    exceeding: Mapping[str, Decimal | None]
    meets_target: bool | None


def class_table(edition: Edition) -> ClassTable:
    """The table of an edition that has `classes` and `items`."""
    classes = tuple(edition.tables["classes"])
    return ClassTable(
        classes=classes,
        limits=read_limits(edition.tables["items"], len(classes) - 1),
        without_multiple=tuple(edition.tables.get("no_multiple", ())),
    )


def classify(table: ClassTable, found: Found, target: str | None = None) -> Verdict:
    """The class of what was found; items that the table does not know take no part.

    Raises ValueError when nothing can be judged or the target is no class.
    """
    by_item = {item: table.item_class(item, found) for item in found if item in table.limits}
    if not by_item:
        raise ValueError("no item of the table was measured")
    if target is not None and target not in table.targets:
        raise ValueError(f"target {target!r} is none of {', '.join(table.targets)}")
    worst = max(by_item.values(), key=table.classes.index)
    best = worst == table.classes[0]
    over: dict[str, Decimal | None] = {}
    if target is not None:
        rank = table.classes.index(target)
        over = exceeding(table.limits, found, rank, table.without_multiple)
    return Verdict(
        water_class=worst,
        by_item=by_item,
        deciding=()
        if best
        else tuple(sorted(item for item, its in by_item.items() if its == worst)),
        exceeding=over,
        meets_target=None if target is None else not over,
    )


def shares(classes: Iterable[str], among: Iterable[str]) -> dict[str, Decimal]:
    """Percent of sections in each class, one decimal. among: all classes, in order.

    Empty when there are no sections: nothing is no share.
    """
    counts = Counter(classes)
    total = sum(counts.values())
    return {name: revise(Decimal(100 * counts[name]) / total, 1) for name in among} if total else {}


def target_in(row: Row, table: ClassTable) -> str | None:
    """The row's target class; None where the cell is empty or there is none. Raises BadCell."""
    return chosen(row, "target", table.targets) if (row.get("target") or "").strip() else None


def results(verdict: Verdict) -> dict[str, str]:
    """The verdict as cells of an assessed table."""
    meets = {True: "true", False: "false", None: ""}[verdict.meets_target]
    cells = (verdict.water_class, names(verdict.deciding), meets)
    return dict(zip(RESULTS, cells, strict=True))
