"""What enterprises measure themselves beside what the government measures around them 政企比对.

Hour by hour over the last days, in the smallest area in which both measure a parameter: how far one
lies from the other, and whether they move together. An outfall beside its river or a building site
beside its quarter is no check of the instrument, so a difference is no fault. What speaks against
an instrument is an hourly mean that does not change at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import resources
from math import isfinite

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field

from network.assessments import INCOMPLETE, NO_DATA
from network.rollup import areas_around, compare_owners, of_enterprise
from registry import Registry
from schemas import Interval, Level, Period, catalogue
from schemas.registry import Station
from standards.rounding import exact, revise
from storage import Store

# The smallest first.
SMALLEST = (Level.SUBDISTRICT, Level.BASIN, Level.BAY, Level.DISTRICT)


class OwnersRules(BaseModel):
    """The table of `owners.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window_days: int = Field(ge=1)
    least_share: float = Field(gt=0, le=1)
    constant_hours: int = Field(ge=2)
    not_compared: tuple[str, ...]


@cache
def owners_rules() -> OwnersRules:
    text = resources.files("network.views").joinpath("owners.yaml").read_text("utf-8")
    return OwnersRules.model_validate(yaml.safe_load(text))


@dataclass(frozen=True, slots=True)
class OwnersPair:
    """Both owners' values of one parameter in one area, in its unit.

    hours: in which both are valid, of those expected. Means and difference (enterprise less
    government) are of these hours, in dB of sound. correlation: -1 to 1, two decimals; None where
    one of them does not change, or of directions. reason: why not valid.
    """

    level: str
    subject: str
    parameter: str
    government: tuple[str, ...]
    enterprise: tuple[str, ...]
    hours: int
    expected: int
    government_mean: Decimal | None
    enterprise_mean: Decimal | None
    difference: Decimal | None
    correlation: Decimal | None
    valid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Constancy:
    """One channel of an enterprise. unchanged: the longest row of hours with one value.

    values: different hourly means, to the parameter's resolution, of hours valid ones. suspicious:
    None when there is too little to tell.
    """

    station: str
    parameter: str
    hours: int
    expected: int
    values: int
    unchanged: int
    since: datetime | None
    suspicious: bool | None


@dataclass(frozen=True, slots=True)
class OwnersView:
    """window: whole hours. pairs: those that stand furthest apart by area and parameter."""

    window: Interval
    rules: OwnersRules
    pairs: tuple[OwnersPair, ...]
    constancy: tuple[Constancy, ...]


def owners_view(*, store: Store, registry: Registry, now: datetime) -> OwnersView:
    """All enterprises of the city against the government's stations around them."""
    rules = owners_rules()
    end = Interval.hour(now).start
    window = Interval(end - timedelta(days=rules.window_days), end)
    stations = list(registry.stations().values())
    around = areas_around(stations)
    owners = {str(s.id): of_enterprise(s) for s in stations}
    concerned = around["member"].unique().to_list()
    rows = store.read_aggregates(
        window,
        period=Period.HOUR,
        level=Level.STATION,
        subjects=concerned,
        parameters=[str(p.key) for p in catalogue() if p.key not in rules.not_compared],
    )
    expected = window.length // timedelta(hours=1)
    measured = rows.select(member="subject", parameter="parameter").unique()
    placed = around.join(measured, on="member")
    compared = compare_owners(rows, stations)
    pairs = [
        _pair(area, compared, placed, owners, expected, rules) for area in _smallest(placed, owners)
    ]
    return OwnersView(
        window=window,
        rules=rules,
        pairs=tuple(sorted(pairs, key=lambda p: (p.level, p.subject, p.parameter))),
        constancy=tuple(_constancy(rows, stations, expected, rules)),
    )


_Area = tuple[str, str, str]  # level, subject, parameter


def _smallest(placed: pl.DataFrame, owners: dict[str, bool]) -> list[_Area]:
    """For each channel of an enterprise the smallest area where the government measures it too."""
    key = ["level", "subject", "parameter"]
    of = pl.DataFrame(
        {"member": list(owners), "enterprise": list(owners.values())},
        schema={"member": pl.String, "enterprise": pl.Boolean},
    )
    owned = placed.join(of, on="member")
    both = (
        owned.group_by(key)
        .agg(pl.col("enterprise").any().alias("own"), (~pl.col("enterprise")).any().alias("gov"))
        .filter("own", "gov")
    )
    order = pl.DataFrame(
        {"level": [str(level) for level in SMALLEST], "size": list(range(len(SMALLEST)))}
    )
    best = (
        owned.filter("enterprise")
        .join(both.select(key), on=key)
        .join(order, on="level")
        .sort("size")
        .group_by("member", "parameter", maintain_order=True)
        .first()
    )
    return [(str(a), str(b), str(c)) for a, b, c in best.select(key).unique().sort(key).rows()]


def _pair(
    area: _Area,
    compared: pl.DataFrame,
    placed: pl.DataFrame,
    owners: dict[str, bool],
    expected: int,
    rules: OwnersRules,
) -> OwnersPair:
    level, subject, parameter = area
    here = (
        pl.col("level") == level,
        pl.col("subject") == subject,
        pl.col("parameter") == parameter,
    )
    members = sorted(placed.filter(*here)["member"].unique().to_list())
    hours = compared.filter(*here).drop_nulls(["government", "enterprise"])
    enough = hours.height >= rules.least_share * expected
    directions = catalogue()[parameter].averaging == "vector"
    return OwnersPair(
        level=level,
        subject=subject,
        parameter=parameter,
        government=tuple(name for name in members if not owners[name]),
        enterprise=tuple(name for name in members if owners[name]),
        hours=hours.height,
        expected=expected,
        government_mean=None if directions else _mean(hours["government"], parameter),
        enterprise_mean=None if directions else _mean(hours["enterprise"], parameter),
        difference=_mean(hours["difference"], parameter),
        correlation=None if directions else _correlation(hours),
        valid=enough,
        reason="" if enough else INCOMPLETE if hours.height else NO_DATA,
    )


def _mean(values: pl.Series, parameter: str) -> Decimal | None:
    found = values.mean()
    return (
        revise(exact(found), catalogue()[parameter].decimals) if isinstance(found, float) else None
    )


def _correlation(hours: pl.DataFrame) -> Decimal | None:
    if hours.height < 3 or hours["government"].n_unique() < 2 or hours["enterprise"].n_unique() < 2:
        return None
    found = hours.select(pl.corr("government", "enterprise")).item()
    return revise(exact(found), 2) if found is not None and isfinite(found) else None


def _constancy(
    rows: pl.DataFrame, stations: Iterable[Station], expected: int, rules: OwnersRules
) -> list[Constancy]:
    found = []
    own = {str(s.id) for s in stations if of_enterprise(s)}
    valid = rows.filter("valid", pl.col("subject").is_in(sorted(own)))
    for (station, parameter), part in sorted(
        valid.partition_by("subject", "parameter", as_dict=True).items()
    ):
        hours = [
            (start, round(value, catalogue()[str(parameter)].decimals))
            for start, value in part.sort("start").select("start", "value").iter_rows()
        ]
        unchanged, since = _longest(hours)
        told = len(hours) >= rules.constant_hours
        found.append(
            Constancy(
                station=str(station),
                parameter=str(parameter),
                hours=len(hours),
                expected=expected,
                values=len({value for _, value in hours}),
                unchanged=unchanged,
                since=since,
                suspicious=unchanged >= rules.constant_hours if told else None,
            )
        )
    return found


def _longest(hours: list[tuple[datetime, float]]) -> tuple[int, datetime | None]:
    """The longest row of one value, and when it began; a missing hour ends a row."""
    best, since, begun = 0, None, 0
    for at, (start, value) in enumerate(hours):
        before = hours[at - 1] if at else None
        if before is None or before[1] != value or start - before[0] > timedelta(hours=1):
            begun = at
        if at - begun + 1 > best:
            best, since = at - begun + 1, hours[begun][0]
    return best, since
