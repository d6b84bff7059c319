"""The printed sheet of one alert: one page in both languages, to take along or to attach to a mail.

What, where with a small map, since when, the limit and where it stands, and the readings around
that time. The same page serves whoever has no network on site: it has room for notes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import segno
import structlog
from markupsafe import Markup

from alerts.letter import Letter, link
from alerts.message import measure_names, message
from alerts.rulebook import rule_of
from drawing import PdfUnavailable, city_map, pdf, templates, words
from drawing.charts import Chart, chart
from registry import Registry, district_shapes
from registry.models import AlertRow
from schemas import Clock, Interval, StationId
from schemas.alerts import Kind
from schemas.flags import USABLE
from storage import Store, StoreUnavailable

log = structlog.get_logger()

BEFORE, AFTER = timedelta(hours=2), timedelta(hours=1)
LONGEST = timedelta(hours=48)
GAPS = 5  # cadences of silence that break the line
COLOURS = {"red": "#d0021b", "orange": "#ee7b12", "yellow": "#d9a900", "blue": "#2a7fe0"}
STYLE = (
    "text { font-family: Noto Sans CJK SC, sans-serif; font-size: 15px; fill: #41545f }"
    ".y { text-anchor: end } .x { text-anchor: middle } .grid { stroke: #dfe6ea }"
    ".limit { stroke: #c2002f; stroke-width: 2; stroke-dasharray: 7 4 }"
    ".line { fill: none; stroke: #0f6b78; stroke-width: 2 } .mean { fill: none }"
    ".flagged { fill: none; stroke: #9aa7ae }"
)
# Of other kinds the limit is no value of the parameter.
ON_THE_SCALE = (Kind.EXCEEDANCE, Kind.SUDDEN)

Sheet = Callable[[Letter], bytes | None]


def sheet_html(
    registry: Registry, number: int, *, store: Store | None, console: str, now: datetime
) -> str | None:
    """The sheet of an alert as a document of its own; None where there is no such alert.

    store: for the chart of readings; console: for the link and its code. Either may be missing.
    """
    with registry.session() as session:
        row = session.get(AlertRow, number)
        if row is None:
            return None
        session.expunge(row)
    rule = rule_of(registry, row)
    station = registry.stations().get(StationId(row.station)) if row.station else None
    content = message("open", row, rule, station, registry.places()[row.district])
    spoken = words("alerts.sheet")
    measure_zh, measure_en = measure_names(Kind(row.kind), rule.parameter)
    url = link(console, content)
    return (
        templates("alerts.sheet")
        .get_template("sheet.html")
        .render(
            zh=spoken.translator("zh"),
            en=spoken.translator("en"),
            alert=row,
            content=content,
            measure_zh=measure_zh,
            measure_en=measure_en,
            grade_colour=COLOURS[row.severity],
            map=city_map,
            outlines=city_map.outlines(district_shapes()),
            spot=_spot(content),
            chart=_readings(registry, row, store, now) if store is not None else None,
            chart_style=STYLE,
            url=url,
            qr=_code(url),
            now=now,
        )
    )


def sheet_pdf(
    registry: Registry, number: int, *, store: Store | None, console: str, now: datetime
) -> bytes | None:
    """The same as PDF. Raises drawing.PdfUnavailable."""
    html = sheet_html(registry, number, store=store, console=console, now=now)
    return None if html is None else pdf(html)


def sheets(registry: Registry, store: Store | None, console: str, clock: Clock) -> Sheet:
    """Makes sheets for mails. A sheet that cannot be made keeps no mail back."""

    def sheet(letter: Letter) -> bytes | None:
        number = letter.content.get("alert")
        if number is None:
            return None
        try:
            return sheet_pdf(registry, number, store=store, console=console, now=clock.now())
        except (PdfUnavailable, StoreUnavailable) as error:
            log.warning("mail goes without its sheet", alert=number, why=str(error))
            return None

    return sheet


def _spot(content: dict[str, object]) -> tuple[float, float] | None:
    lon, lat = content["lon"], content["lat"]
    if not isinstance(lon, float) or not isinstance(lat, float):
        return None
    x, y = city_map.project(lon, lat)
    return round(x, 1), round(y, 1)


def _readings(registry: Registry, row: AlertRow, store: Store, now: datetime) -> Chart | None:
    """The readings around an alert; None where it is about no single sensor, or there are none."""
    sensor = next((s for s in registry.sensors().values() if s.id == row.sensor), None)
    if sensor is None:
        return None
    end = min(max(now, row.started + AFTER), (row.ended or now) + AFTER)
    start = max(row.started - BEFORE, end - LONGEST)
    if end <= start:
        return None
    span = Interval(start, end)
    seen = store.read(span, sensors={sensor.id}, parameters={row.parameter})
    usable = {int(flag) for flag in USABLE}
    rows = list(seen.select("ts", "value", "quality").iter_rows())
    good = [(ts, value) for ts, value, quality in rows if quality % 10 in usable]
    flagged = [
        (ts, value)
        for ts, value, quality in rows
        if quality % 10 not in usable and value is not None
    ]
    if not any(value is not None for _, value in good) and not flagged:
        return None
    shown = [(start, end, row.limit_value)] if Kind(row.kind) in ON_THE_SCALE else []
    gap = timedelta(seconds=sensor.cadence_s) * GAPS
    return chart(span, good, flagged, [], gap=gap, limits=shown)


def _code(url: str) -> Markup | None:
    if not url:
        return None
    return Markup(segno.make(url, error="m", micro=False).svg_inline(scale=4))  # noqa: S704 (ours)
