"""Facts as the parts of a bundle: JSON for machines, CSV for spreadsheets, pictures, the report."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from alerts.evidence.bundle import Gap, as_json, with_sums
from alerts.evidence.facts import Facts, Judged
from alerts.evidence.messages import message_parts
from alerts.evidence.pictures import chart_svg, map_svg
from alerts.evidence.report import report
from drawing import PdfUnavailable, pdf
from drawing.cells import as_csv
from schemas import CITY_TIME, catalogue
from schemas.flags import cause_of, flag_of
from standards.legal_limits import LegalLimit


def parts_of_facts(facts: Facts) -> tuple[dict[str, bytes], list[Gap]]:
    """Every part but the manifest, and what is missing. The same facts give the same bytes."""
    parts = {
        "alert.json": as_json(_alert(facts)),
        "rule.json": as_json(_rule(facts)),
        "readings.csv": _readings(facts).encode(),
        "calibration.json": as_json(facts.sensors),
        "weather.csv": _weather(facts).encode(),
        "judged.csv": _judged(facts).encode(),
        "events.json": as_json([event.model_dump(mode="json") for event in facts.events]),
        "audit.json": as_json(facts.audit),
        "map.svg": map_svg(facts).encode(),
        **message_parts(facts.raw),
        **{f"photos/{photo.name}": photo.content for photo in facts.photos},
    }
    if facts.rule.edition_file is not None:
        name, content = facts.rule.edition_file
        parts[f"standard/{name}"] = content
    chart = chart_svg(facts)
    if chart is not None:
        parts["chart.svg"] = chart.encode()
    gaps = list(facts.gaps)
    page = report(facts, parts, gaps)
    parts["report.html"] = page.encode()
    try:
        parts["report.pdf"] = pdf(page)
    except PdfUnavailable as error:
        gaps.append(Gap("report.pdf", "本机无法生成PDF", f"no PDF could be set: {error}"))
    return with_sums(parts), gaps


def _alert(facts: Facts) -> dict[str, Any]:
    station = facts.station
    return {
        "alert": facts.alert.model_dump(mode="json"),
        "district": facts.district.model_dump(mode="json"),
        "station": None if station is None else station.model_dump(mode="json"),
        "sensors": [sensor.id for sensor in facts.own],
        "frozen": {"at": facts.made.isoformat(), "by": facts.by},
        "data": {
            "from": facts.span.whole.start.isoformat(),
            "to": facts.span.whole.end.isoformat(),
        },
    }


def _rule(facts: Facts) -> dict[str, Any]:
    known = facts.rule
    return {
        "hash": known.hash,
        "rule": None if known.rule is None else known.rule.model_dump(mode="json"),
        "limit": None if known.limit is None else _limit(known.limit),
        "edition": known.edition,
        "standard": None if known.edition_file is None else f"standard/{known.edition_file[0]}",
    }


def _limit(limit: LegalLimit) -> dict[str, Any]:
    return {
        "value": str(limit.value),
        "edition": limit.edition,
        "clause": limit.clause,
        "of": limit.of,
        "lower": limit.lower,
        "strict": limit.strict,
        "places": limit.places,
        "basis": limit.basis,
    }


READINGS = (
    "sensor", "time", "phase", "parameter", "zh", "en", "value", "unit",
    "quality", "flag", "cause", "replaced",
)  # fmt: skip


def _readings(facts: Facts) -> str:
    """Every value of the sensors, also those that were replaced by a later message."""
    replaced = facts.revisions
    current = facts.observations.with_columns(replaced=pl.lit(None, replaced.schema["replaced"]))
    rows = pl.concat([current, replaced.select(current.columns)]).sort(
        "sensor", "ts", "parameter", "replaced", nulls_last=True
    )
    return as_csv(READINGS, (_reading(facts, *row) for row in rows.iter_rows()))


def _reading(
    facts: Facts,
    sensor: str,
    ts: datetime,
    parameter: str,
    value: float | None,
    quality: int,
    replaced: datetime | None,
) -> tuple[object, ...]:
    about = catalogue()[parameter]
    return (
        sensor,
        _time(ts),
        facts.span.phase(ts),
        parameter,
        about.zh,
        about.en,
        value,
        about.unit,
        quality,
        flag_of(quality).name.lower(),
        cause_of(quality).name.lower(),
        _time(replaced),
    )


JUDGED = ("window", "holds_from", "value", "completeness", "limit", "basis", "beyond")


def _judged(facts: Facts) -> str:
    def row(judged: Judged) -> tuple[object, ...]:
        window, limit = judged.window, judged.limit
        return (
            _time(window.start),
            _time(window.moment),
            window.value,
            round(window.completeness, 4),
            None if limit is None else limit.value,
            "" if limit is None else limit.basis,
            {True: "yes", False: "no", None: "not judged"}[judged.beyond],
        )

    return as_csv(JUDGED, map(row, facts.judged))


WEATHER = ("parameter", "station", "zh", "en", "km", "time", "value", "unit", "quality", "flag")


def _weather(facts: Facts) -> str:
    return as_csv(
        WEATHER,
        (
            (
                near.parameter,
                near.station.id,
                near.station.zh,
                near.station.en,
                near.km,
                _time(ts),
                value,
                catalogue()[near.parameter].unit,
                quality,
                flag_of(quality).name.lower(),
            )
            for near in facts.weather
            for ts, value, quality in near.readings.select("ts", "value", "quality").iter_rows()
        ),
    )


def _time(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return moment.astimezone(CITY_TIME).isoformat(timespec="milliseconds")
