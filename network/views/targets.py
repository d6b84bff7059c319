"""Progress towards the targets of the city's plan, on any day of the year. Targets are data.

The mean of the year so far is not the year's: beside it stands what the rest of the year may be at
most, if the year is to end on the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import yaml

from network.assessments import NO_DATA, city_date
from network.views.days import settled_day
from network.views.waterways import BayRiver, rivers_to_sea
from registry import Registry
from schemas import Level, Period
from standards.rounding import exact, revise
from storage import Store


@dataclass(frozen=True, slots=True)
class MeanTarget:
    """A yearly mean. mean: of the year so far, one decimal; days: valid ones, of those gone by.

    attains: None when it cannot be said: without a valid mean, or where it depends on decimals.
    rest: the mean that the remaining days may have at most, one decimal; negative = out of reach.
    """

    item: str
    by: int
    at_most: Decimal
    until: date
    mean: Decimal | None
    days: int
    gone_by: int
    rest: Decimal | None
    attains: bool | None
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class RiverTarget:
    """No river into the sea of the worst class.

    rivers: those with a place of ours; monitored: of them those whose class is known and whole, of
    all `of` rivers of the plan. attains: False when one fails, True only when all are monitored.
    """

    item: str
    by: int
    none_of: str
    on: date
    of: int
    monitored: int
    rivers: tuple[BayRiver, ...]
    failing: tuple[str, ...]
    attains: bool | None


@dataclass(frozen=True, slots=True)
class Targets:
    source: Mapping[str, str]
    pm25: MeanTarget
    rivers: RiverTarget


@cache
def plan() -> Mapping[str, Any]:
    """The plan's targets, from `plan.yaml`."""
    text = resources.files("network.views").joinpath("plan.yaml").read_text("utf-8")
    loaded: Mapping[str, Any] = yaml.safe_load(text)
    return loaded


def targets(
    *, store: Store, registry: Registry, now: datetime, goals: Mapping[str, Any] | None = None
) -> Targets:
    """Where the city stands. goals: as in `plan.yaml`, which they are by default."""
    goals = goals or plan()
    return Targets(
        source=goals["source"],
        pm25=_mean_target("pm25", goals["pm25"], store, now),
        rivers=_river_target(goals["rivers_to_sea"], store, registry, now),
    )


def _mean_target(
    parameter: str, goal: Mapping[str, Any], store: Store, now: datetime
) -> MeanTarget:
    day = settled_day(now)
    until, most = city_date(day.start), exact(goal["at_most"])
    rows = store.read_aggregates(
        day,
        period=Period.YEAR_TO_DATE,
        level=Level.CITY,
        subjects=["city"],
        parameters=[parameter],
    )
    row = rows.row(0, named=True) if rows.height else None
    mean = None if row is None or row["value"] is None else exact(row["value"])
    valid = row is not None and bool(row["valid"])
    gone_by = until.timetuple().tm_yday
    return MeanTarget(
        item=goal["item"],
        by=goal["by"],
        at_most=most,
        until=until,
        mean=None if mean is None else revise(mean, 1),
        days=0 if row is None else int(row["count"]),
        gone_by=gone_by,
        rest=_rest(mean, most, until, gone_by) if valid and mean is not None else None,
        attains=_attains(mean, most, goal["places"]) if valid and mean is not None else None,
        valid=valid,
        reason=NO_DATA if row is None else str(row["reason"]),
    )


def _attains(mean: Decimal, most: Decimal, places: int) -> bool | None:
    if mean <= most:
        return True
    return None if revise(mean, places) <= most else False


def _rest(mean: Decimal, most: Decimal, until: date, gone_by: int) -> Decimal | None:
    whole = until.replace(month=12, day=31).timetuple().tm_yday
    left = whole - gone_by
    return revise((most * whole - mean * gone_by) / left, 1) if left else None


def _river_target(
    goal: Mapping[str, Any], store: Store, registry: Registry, now: datetime
) -> RiverTarget:
    rivers = rivers_to_sea(store=store, registry=registry, now=now)
    mouths = [river.mouth.water if river.mouth else None for river in rivers]
    failing = tuple(
        river.basin.id
        for river, water in zip(rivers, mouths, strict=True)
        if water is not None and water.water_class == goal["none_of"]
    )
    known = sum(water is not None and water.valid for water in mouths)
    return RiverTarget(
        item=goal["item"],
        by=goal["by"],
        none_of=goal["none_of"],
        on=city_date(settled_day(now).start),
        of=goal["rivers"],
        monitored=known,
        rivers=rivers,
        failing=failing,
        attains=False if failing else True if known >= goal["rivers"] else None,
    )
