"""The report: everything of a bundle that people read, on paper, in both languages at once."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from alerts.evidence.bundle import Gap, sha256
from alerts.evidence.facts import Facts, Judged
from alerts.evidence.messages import FOLDER
from alerts.message import HEADS, measure_names, unit_of
from drawing import city_time, templates, words
from schemas import catalogue, flag_of
from schemas.flags import cause_of
from schemas.models import sensor_models

ROOM = "alerts.evidence"
SHOWN_WINDOWS = 48  # those beyond the limit first; all of them are in judged.csv
SHOWN_ROWS = 60
SHOWN_PHOTO = 4 * 1024 * 1024  # a larger one is in the bundle and only listed on paper


def report(facts: Facts, parts: Mapping[str, bytes], gaps: Sequence[Gap]) -> str:
    """One HTML document that needs nothing beside it. parts: those that its list of hashes has."""
    alert = facts.alert
    return (
        _templates()
        .get_template("report.html")
        .render(
            f=facts,
            a=alert,
            both=_both,
            heads=HEADS,
            measure=measure_names(alert.kind, alert.parameter),
            unit_of_alert=unit_of(alert.kind, alert.parameter),
            places=catalogue()[alert.parameter].decimals + 1,
            models=sensor_models(),
            windows=_shown_windows(facts.judged),
            counts=_counts(facts),
            weather=[(near, _at_peak(near.readings, alert.peak_at)) for near in facts.weather],
            gaps=gaps,
            chart=_svg(parts.get("chart.svg")),
            map=_svg(parts["map.svg"]),
            photos=[_photo(photo.name, photo.content) for photo in facts.photos],
            hashes=[(n, len(c), sha256(c)) for n, c in sorted(parts.items()) if not _raw(n)],
            raws=sum(map(_raw, parts)),
            shown_rows=SHOWN_ROWS,
            style=Markup(resources.files(ROOM).joinpath("templates", "paper.css").read_text()),  # noqa: S704 - ours
        )
    )


def _raw(name: str) -> bool:
    return name.startswith(FOLDER) and not name.endswith(".csv")


def _both(key: object) -> Markup:
    """A word in Chinese, and smaller in English."""
    word = words(ROOM).entries[str(key)]
    return Markup('{} <small lang="en">{}</small>').format(word["zh"], word["en"])


def _shown_windows(judged: Sequence[Judged]) -> list[Judged]:
    beyond = [one for one in judged if one.beyond]
    others = [one for one in judged if not one.beyond]
    kept = (beyond + others)[:SHOWN_WINDOWS]
    return sorted(kept, key=lambda one: (one.window.moment, one.window.start))


def _counts(facts: Facts) -> list[tuple[str, int, int, str]]:
    """Readings of the alert's parameter by phase: how many, how many not good, and why not."""
    found: dict[str, Counter[str]] = {"before": Counter(), "during": Counter(), "after": Counter()}
    own = facts.observations.filter(facts.observations["parameter"] == facts.alert.parameter)
    for ts, code in own.select("ts", "quality").iter_rows():
        flag, cause = flag_of(code).name.lower(), cause_of(code).name.lower()
        found[facts.span.phase(ts)]["good" if flag == "good" else f"{flag}: {cause}"] += 1
    return [
        (
            phase,
            counter.total(),
            counter.total() - counter["good"],
            ", ".join(f"{name} × {n}" for name, n in sorted(counter.items()) if name != "good"),
        )
        for phase, counter in found.items()
    ]


def _at_peak(readings: Any, peak: datetime) -> tuple[datetime, float] | None:
    """The value measured nearest to the peak."""
    rows = [row for row in readings.select("ts", "value").iter_rows() if row[1] is not None]
    return min(rows, key=lambda row: abs(row[0] - peak)) if rows else None


def _photo(name: str, content: bytes) -> tuple[str, int, str]:
    kind = "png" if name.endswith(".png") else "jpeg"
    if len(content) > SHOWN_PHOTO:
        return name, len(content), ""
    return name, len(content), f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _svg(content: bytes | None) -> Markup:
    return Markup("" if content is None else content.decode())  # noqa: S704 - an escaping template's


def _lines(text: str) -> Markup:
    """A text of several lines, as such."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())


@cache
def _templates() -> Environment:
    made = templates(ROOM)
    made.globals.update(lines=_lines, second=_second, stamp=_stamp)
    return made


def _stamp(text: str | None) -> str:
    """A moment of a record, which is kept as text."""
    return _second(datetime.fromisoformat(text)) if text else ""


def _second(moment: datetime | None) -> str:
    return city_time(moment, "%Y-%m-%d %H:%M:%S")
