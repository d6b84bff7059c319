"""Soil risk of the city or a district, and its groundwater: by the newest sample of each place.

Judged when looked at, never stored: a city has some thousand samples, and a corrected result, a
changed use of land or another edition then holds at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from network.assessments_rows import city_date
from network.assessments_samples import WaterSample, water_sample
from network.assessments_soil import RISKS, SoilAssessment, soil_sample, worst
from registry import Registry
from registry.samples import newest_samples
from schemas import Medium
from schemas.land_use import LandUse, land_use_of, land_uses
from schemas.registry import Station
from schemas.samples import Sample, SampleMedium, sampled_medium
from standards import edition

NO_SAMPLES = "no_samples"
UNSAID = "none"  # the standing of a plot whose risk cannot be said
STANDINGS = (*reversed(RISKS), UNSAID)
WORST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot by its newest day of sampling.

    verdict: of the sample that decides; None without samples. standing: high, between, low, or none
    where it cannot be said; reason: why.
    """

    station: Station
    land_use: LandUse | None
    day: date | None
    age_days: int | None
    verdict: SoilAssessment | None
    standing: str
    reason: str


@dataclass(frozen=True, slots=True)
class RiskCount:
    standing: str
    plots: int


@dataclass(frozen=True, slots=True)
class LandUseCounts:
    land_use: str
    counts: tuple[RiskCount, ...]


@dataclass(frozen=True, slots=True)
class SoilView:
    """plots: the worst first. counts: every standing, the worst first. worst: above screening.

    newest: day of the newest sample, newest_age_days: how long ago; None without samples.
    """

    on: date
    plots: tuple[Plot, ...]
    counts: tuple[RiskCount, ...]
    by_land_use: tuple[LandUseCounts, ...]
    worst: tuple[Plot, ...]
    newest: date | None
    newest_age_days: int | None


@dataclass(frozen=True, slots=True)
class Well:
    """A groundwater well by its newest day of sampling. verdict: None without samples."""

    station: Station
    day: date | None
    age_days: int | None
    verdict: WaterSample | None

    @property
    def water_class(self) -> str | None:
        return self.verdict.water_class if self.verdict else None


@dataclass(frozen=True, slots=True)
class WellCount:
    water_class: str
    wells: int


@dataclass(frozen=True, slots=True)
class GroundwaterView:
    """wells: the poorest first. counts: every class, best first. without_class: wells without."""

    on: date
    wells: tuple[Well, ...]
    counts: tuple[WellCount, ...]
    without_class: int


def soil_view(
    *, registry: Registry, now: datetime, district: str = "", land_use: str = ""
) -> SoilView:
    """The plots of the city, or of a district, or of one use of land."""
    on = city_date(now)
    newest = _by_station(newest_samples(registry, SampleMedium.SOIL, on))
    plots = [
        plot_of(station, newest.get(station.id, ()), on)
        for station in registry.stations().values()
        if station.medium == Medium.SOIL
        and district in ("", station.district)
        and land_use in ("", station.zone)
    ]
    plots.sort(key=_badness)
    last = max((plot.day for plot in plots if plot.day), default=None)
    return SoilView(
        on=on,
        plots=tuple(plots),
        counts=_counts(plots),
        by_land_use=tuple(
            LandUseCounts(use, _counts(own))
            for use in (*land_uses(), UNSAID)
            if (own := [p for p in plots if (p.land_use.key if p.land_use else UNSAID) == use])
        ),
        worst=tuple(p for p in plots if p.standing in ("high", "between"))[:WORST_SHOWN],
        newest=last,
        newest_age_days=None if last is None else (on - last).days,
    )


def groundwater_view(*, registry: Registry, now: datetime, district: str = "") -> GroundwaterView:
    """The wells of the city or of a district, by the class of their newest sample."""
    on = city_date(now)
    newest = _by_station(newest_samples(registry, SampleMedium.GROUNDWATER, on))
    wells = [
        _well(station, newest.get(station.id, ()), on)
        for station in registry.stations().values()
        if sampled_medium(station) == SampleMedium.GROUNDWATER
        and district in ("", station.district)
    ]
    classes = _classes(on)
    found = Counter(well.water_class for well in wells)
    wells.sort(key=lambda well: _rank(well.water_class, on), reverse=True)
    return GroundwaterView(
        on=on,
        wells=tuple(wells),
        counts=tuple(WellCount(name, found[name]) for name in classes),
        without_class=found[None],
    )


def plot_of(station: Station, newest: Sequence[Sample], on: date) -> Plot:
    """A plot by the samples of its newest day of sampling."""
    day = newest[0].day if newest else None
    verdict = worst(soil_sample(sample, station) for sample in newest)
    return Plot(
        station=station,
        land_use=land_use_of(station),
        day=day,
        age_days=None if day is None else (on - day).days,
        verdict=verdict,
        standing=(verdict.standing if verdict else None) or UNSAID,
        reason=verdict.reason if verdict else NO_SAMPLES,
    )


def _well(station: Station, newest: Sequence[Sample], on: date) -> Well:
    day = newest[0].day if newest else None
    verdicts = [water_sample(sample, station) for sample in newest]
    poorest = max(verdicts, key=lambda verdict: _rank(verdict.water_class, on), default=None)
    return Well(station, day, None if day is None else (on - day).days, poorest)


def _classes(on: date) -> tuple[str, ...]:
    return tuple(edition("groundwater", on=on).tables["classes"])


def _rank(water_class: str | None, on: date) -> int:
    return -1 if water_class is None else _classes(on).index(water_class)


def _badness(plot: Plot) -> tuple[int, Decimal, str]:
    factor = plot.verdict.worst_factor if plot.verdict else None
    return STANDINGS.index(plot.standing), -(factor or Decimal(0)), plot.station.id


def _counts(plots: Iterable[Plot]) -> tuple[RiskCount, ...]:
    found = Counter(plot.standing for plot in plots)
    return tuple(RiskCount(standing, found[standing]) for standing in STANDINGS)


def _by_station(samples: Iterable[Sample]) -> Mapping[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.station, []).append(sample)
    return found
