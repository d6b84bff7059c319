"""A place where samples are taken: its samples with verdicts, and each determinand over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from network.assessments_rows import city_date
from network.assessments_samples import Assessment, WaterSample, assess_sample
from network.views.soil import Plot, plot_of
from registry import Registry
from registry.samples import find_samples, revisions_of
from schemas.land_use import LandUse, land_use_of
from schemas.registry import Station
from schemas.samples import Result, Sample, SampleMedium, sampled_medium
from standards import edition
from standards.water_classes import class_table

LimitKind = Literal["screening", "intervention", "class"]


@dataclass(frozen=True, slots=True)
class JudgedSample:
    """A sample as it stands, with its verdict. earlier: revisions before it, the newest first."""

    sample: Sample
    verdict: Assessment
    earlier: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class LimitStep:
    """A limit over the time for which it holds: from a sample to the next one, or until now.

    of: of kind class, the class whose upper bound it is.
    """

    start: datetime
    end: datetime
    value: Decimal
    kind: LimitKind
    of: str = ""


@dataclass(frozen=True, slots=True)
class DeterminandHistory:
    """One determinand over time. points: in order, each with the sample it was found in."""

    determinand: str
    unit: str
    points: tuple[tuple[Sample, Result], ...]
    limits: tuple[LimitStep, ...]


@dataclass(frozen=True, slots=True)
class PlotView:
    """A place of sampling. plot: of soil, its standing. samples: the newest first.

    history: what has a limit first, in the order of the newest sample.
    """

    station: Station
    medium: SampleMedium
    land_use: LandUse | None
    plot: Plot | None
    samples: tuple[JudgedSample, ...]
    history: tuple[DeterminandHistory, ...]


def plot_view(station_id: str, *, registry: Registry, now: datetime) -> PlotView | None:
    """One place; None when there is none of that name, or no samples are taken there."""
    station = next((s for s in registry.stations().values() if s.id == station_id), None)
    medium = sampled_medium(station) if station else None
    if station is None or medium is None:
        return None
    on, soil = city_date(now), medium == SampleMedium.SOIL
    samples = find_samples(registry, stations=[station_id], until=on)
    judged = judged_samples(samples, {station.id: station}, registry=registry)
    newest = [sample for sample in samples if sample.day == samples[0].day]
    return PlotView(
        station=station,
        medium=medium,
        land_use=land_use_of(station) if soil else None,
        plot=plot_of(station, newest, on) if soil else None,
        samples=judged,
        history=_histories(judged, now),
    )


def judged_samples(
    samples: Iterable[Sample], stations: Mapping[str, Station], *, registry: Registry
) -> tuple[JudgedSample, ...]:
    """Samples with their verdicts, in their order."""
    return tuple(
        JudgedSample(
            sample,
            assess_sample(sample, stations[sample.station]),
            tuple(revisions_of(registry, sample.station, sample.number)[1:])
            if sample.revision > 1
            else (),
        )
        for sample in samples
    )


def _histories(
    newest_first: Sequence[JudgedSample], now: datetime
) -> tuple[DeterminandHistory, ...]:
    names = dict.fromkeys(r.determinand for one in newest_first for r in one.sample.results)
    in_order = sorted(newest_first, key=lambda one: one.sample.taken)  # depths stay in their order
    found = [_history(name, in_order, now) for name in names]
    return tuple(sorted(found, key=lambda history: not history.limits))


def _history(name: str, judged: Sequence[JudgedSample], now: datetime) -> DeterminandHistory:
    own = [(one, r) for one in judged if (r := one.sample.result(name)) is not None]
    moments = [one.sample.taken for one, _ in own]
    ends = [next((later for later in moments if later > moment), now) for moment in moments]
    steps: list[LimitStep] = []
    for (one, _), end in zip(own, ends, strict=True):
        for value, kind, of in _limits(name, one):
            step = LimitStep(one.sample.taken, end, value, kind, of)
            if step not in steps:  # two depths of one moment
                steps.append(step)
    points = tuple((one.sample, result) for one, result in own)
    return DeterminandHistory(name, own[0][1].unit, points, tuple(steps))


def _limits(name: str, one: JudgedSample) -> list[tuple[Decimal, LimitKind, str]]:
    verdict = one.verdict
    if isinstance(verdict, WaterSample):
        return _class_limit(name, verdict)
    held = verdict.limits.get(name)
    if held is None:
        return []
    screening: tuple[Decimal, LimitKind, str] = (held.screening, "screening", "")
    if held.intervention is None:
        return [screening]
    return [screening, (held.intervention, "intervention", "")]


def _class_limit(name: str, verdict: WaterSample) -> list[tuple[Decimal, LimitKind, str]]:
    """The upper bound of the target class, where there is one."""
    if verdict.target is None:
        return []
    table = class_table(edition(str(verdict.medium), named=verdict.edition))
    limits = table.limits.get(name)
    bound = None if limits is None else limits.bound(table.classes.index(verdict.target))
    return [(bound, "class", verdict.target)] if isinstance(bound, Decimal) else []
