"""Chart and map as SVG files of their own, in both languages. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import polars as pl
from jinja2 import Environment

from alerts.evidence.facts import Facts
from alerts.message import measure_names, unit_of
from alerts.windows import SHAPES, shape_of
from drawing import city_map, templates
from drawing.charts import Chart, chart
from registry import district_shapes
from schemas import CITY_TIME
from schemas.clock import HOUR
from schemas.flags import USABLE
from schemas.registry import Place, Station

BROKEN_AFTER = 2.5  # cadences without a reading: the line breaks
MEAN_AT = timedelta(minutes=30)  # where the chart draws a mean, from the beginning of its hour


@dataclass(frozen=True, slots=True)
class Spot:
    x: float
    y: float
    zh: str
    en: str


def chart_svg(facts: Facts) -> str | None:
    """The channel with its limit, before, during and after; None where it is not one channel."""
    if facts.alert.sensor is None:
        return None
    alert, whole = facts.alert, facts.span.whole
    own = facts.observations.filter(
        pl.col("parameter") == alert.parameter, pl.col("value").is_not_null()
    )
    usable = (pl.col("quality") % 10).is_in([int(flag) for flag in USABLE])
    good, bad = own.filter(usable), own.filter(~usable)
    drawn = chart(
        whole,
        list(good.select("ts", "value").iter_rows()),
        list(bad.select("ts", "value").iter_rows()),
        _means(facts),
        gap=timedelta(seconds=facts.own[0].cadence_s * BROKEN_AFTER),
        limits=list(_stretches(facts)),
    )
    zh, en = measure_names(alert.kind, alert.parameter)
    return (
        _templates()
        .get_template("chart.svg")
        .render(
            c=drawn,
            zh=zh,
            en=en,
            unit=unit_of(alert.kind, alert.parameter),
            span=tuple(_day(moment) for moment in (whole.start, whole.end)),
            breach=tuple(_x(drawn, facts, m) for m in (facts.span.start, facts.span.end)),
            flagged=bool(bad.height),
            means=bool(drawn.means),
        )
    )


def map_svg(facts: Facts) -> str:
    """Where it was, in the city, with the stations whose weather is told."""
    station, district = facts.station, facts.district
    here = None
    if station is not None:
        here = _spot(station, station.lon, station.lat)
    elif district.lon is not None and district.lat is not None:
        here = _spot(district, district.lon, district.lat)
    weather = {near.station.id: near.station for near in facts.weather}
    others = [
        _spot(s, s.lon, s.lat) for s in weather.values() if station is None or s.id != station.id
    ]
    return (
        _templates()
        .get_template("map.svg")
        .render(
            outlines=city_map.outlines(district_shapes()),
            map=city_map,
            district=district,
            station=station,
            here=here,
            others=others,
        )
    )


def _spot(place: Station | Place, lon: float, lat: float) -> Spot:
    x, y = city_map.project(lon, lat)
    return Spot(x, y, *("".join(filter(str.isprintable, name)) for name in (place.zh, place.en)))


def _means(facts: Facts) -> list[tuple[datetime, float | None]]:
    """The windows' values, where a window is shorter than what the chart would tear apart."""
    rule = facts.rule.rule
    if rule is None or rule.window not in SHAPES or SHAPES[rule.window].step > HOUR:
        return []
    shape = SHAPES[rule.window]
    return [
        (judged.window.start + shape.length / 2 - MEAN_AT, judged.window.value)
        for judged in facts.judged
    ]


def _stretches(facts: Facts) -> Iterable[tuple[datetime, datetime, float]]:
    """Where which limit held: from window to window, else the alert's own over all."""
    whole, rule = facts.span.whole, facts.rule.rule
    held = [(j.window.moment, float(j.limit.value)) for j in facts.judged if j.limit is not None]
    if rule is None or not held:
        yield whole.start, whole.end, facts.alert.limit
        return
    step = shape_of(rule.window, facts.own[0].cadence_s).step
    start, value = held[0]
    end = start + step
    for moment, limit in held[1:]:
        if limit != value or moment > end + step:
            yield start, min(end, whole.end), value
            start, value = moment, limit
        end = moment + step
    yield start, max(min(end, whole.end), start + timedelta(seconds=1)), value


def _x(drawn: Chart, facts: Facts, moment: datetime) -> float:
    whole = facts.span.whole
    share = (moment - whole.start) / whole.length
    return round(drawn.left + min(max(share, 0.0), 1.0) * (drawn.right - drawn.left), 1)


def _day(moment: datetime) -> str:
    return moment.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M")


@cache
def _templates() -> Environment:
    return templates("alerts.evidence")
