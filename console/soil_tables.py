"""What the pages of soil and samples show: markers of plots, charts, tables. No HTML, no HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from drawing import words
from drawing.cells import as_csv
from drawing.city_map import project, spread
from drawing.history import Held, HistoryChart, Spot, history_chart
from network.assessments_soil import SoilAssessment
from network.views import PlotView, SoilView
from network.views.samples import DeterminandHistory, JudgedSample
from network.views.soil import Plot
from schemas import CITY_TIME, Clock
from schemas.determinands import determinands
from schemas.registry import Place
from schemas.samples import Result, Sample

SAMPLES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class PlotMarker:
    plot: Plot
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class DeterminandChart:
    history: DeterminandHistory
    chart: HistoryChart


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One determinand over the samples that are shown; over: above its screening value or class."""

    determinand: str
    unit: str
    cells: tuple[tuple[Result | None, bool], ...]


def plot_markers(plots: Sequence[Plot]) -> list[PlotMarker]:
    """Plots on the map, none on top of another; the worst are drawn last."""
    shown = list(reversed(plots))
    at = spread([project(plot.station.lon, plot.station.lat) for plot in shown])
    return [PlotMarker(plot, x, y) for plot, (x, y) in zip(shown, at, strict=True)]


def depth_of(sample: Sample) -> str:
    """The depth of a sample as people write it; empty where it has none."""
    if sample.depth_from is None and sample.depth_to is None:
        return ""
    lower = "" if sample.depth_to is None else f"{sample.depth_to:g}"
    return f"{sample.depth_from or 0:g}–{lower} m"


def charts_of(view: PlotView, clock: Clock) -> list[DeterminandChart]:
    """One chart for each determinand that has a limit."""
    return [
        DeterminandChart(history, _chart(history, clock))
        for history in view.history
        if history.limits
    ]


def _chart(history: DeterminandHistory, clock: Clock) -> HistoryChart:
    spots = []
    for sample, result in history.points:
        value = result.limit if result.value is None else result.value
        if value is None:
            continue
        depth = depth_of(sample)
        title = " · ".join(
            filter(None, (sample.day.isoformat(), f"{result} {history.unit}", depth, sample.number))
        )
        at = sample.taken.astimezone(CITY_TIME)
        spots.append(Spot(at, float(value), result.below, depth, title))
    limits = [Held(s.start, s.end, float(s.value), s.kind) for s in history.limits]
    return history_chart(spots, limits, clock.now())


def result_rows(samples: Sequence[JudgedSample]) -> list[ResultRow]:
    """Results side by side: a row for each determinand, a cell for each sample."""
    names = dict.fromkeys(r.determinand for one in samples for r in one.sample.results)
    known = {name: place for place, name in enumerate(determinands())}
    rows = []
    for name in sorted(names, key=lambda key: (key != "ph", known.get(key, len(known)))):
        cells = [(one.sample.result(name), name in one.verdict.exceeding) for one in samples]
        unit = next(result.unit for result, _ in cells if result is not None)
        rows.append(ResultRow(name, "" if unit == "1" else unit, tuple(cells)))
    return rows


def determinand_names(items: Iterable[str], language: str) -> str:
    """Several determinands in a row, by their symbols where they have one."""
    known = determinands()
    found = (known[item].short(language) if item in known else item for item in items)
    return ("、" if language == "zh" else ", ").join(found)


def soil_csv(view: SoilView, places: Mapping[str, Place], language: str) -> str:
    """One row a plot, the worst first; what could not be judged says why in `note`."""
    t = words("console").translator(language)
    columns = (
        "plot",
        "plot_name",
        "district",
        "land_use",
        "day",
        "sample",
        "standing",
        "deciding",
    )
    more = ("max_p", "max_item", "nemerow", "nemerow_grade", "edition", "note")
    rows = [
        (
            plot.station.id,
            plot.station.name(language),
            places[plot.station.district].name(language),
            plot.land_use.name(language) if plot.land_use else "",
            plot.day.isoformat() if plot.day else "",
            *_verdict_cells(plot.verdict, t(f"standing_{plot.standing}"), language),
            t(f"reason_{plot.reason}") if plot.reason else "",
        )
        for plot in view.plots
    ]
    return as_csv([t(f"column_{name}") for name in (*columns, *more)], rows)


def _verdict_cells(
    verdict: SoilAssessment | None, standing: str, language: str
) -> tuple[object, ...]:
    if verdict is None:
        return "", standing, "", None, "", None, "", ""
    grade = verdict.grade
    return (
        verdict.number,
        standing,
        determinand_names(verdict.deciding, language),
        verdict.worst_factor,
        determinand_names(verdict.largest, language),
        verdict.nemerow,
        "" if grade is None else grade.zh if language == "zh" else grade.en,
        verdict.edition,
    )
