"""A bulletin as one HTML document that needs nothing beside it: styles and pictures are inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from importlib import resources

from jinja2 import Environment
from markupsafe import Markup

from bulletin import charts
from bulletin.contents import Bulletin
from bulletin.highlights import highlights
from drawing import HTML_LANGUAGE, templates, words
from network.assessments import city_date
from schemas import catalogue
from schemas.determinands import determinands


def page(bulletin: Bulletin, languages: Sequence[str]) -> str:
    """The document in one language, or in several one after the other."""
    painted = [(HTML_LANGUAGE[language], _body(bulletin, language)) for language in languages]
    titles = [_title(bulletin, language) for language in languages]
    return (
        _templates()
        .get_template("document.html")
        .render(
            html_lang=HTML_LANGUAGE[languages[0]],
            title=" · ".join(titles),
            parts=painted,
            style=Markup(_css("paper.css")),  # noqa: S704 - our own file
        )
    )


def _title(bulletin: Bulletin, language: str) -> str:
    t = words("bulletin").translator(language)
    span = bulletin.span
    return t(
        f"title_{span.kind}",
        area=_area(bulletin, language),
        year=span.first.year,
        month=span.first.month,
        month_name=t(f"month_{span.first.month}"),
        until=span.last.isoformat(),
    )


def _area(bulletin: Bulletin, language: str) -> str:
    place = bulletin.area.place
    return (
        words("bulletin").translator(language)("city_name")
        if place is None
        else place.name(language)
    )


def _body(bulletin: Bulletin, language: str) -> Markup:
    t = words("bulletin").translator(language)
    text = (
        _templates()
        .get_template("bulletin.html")
        .render(
            b=bulletin,
            t=t,
            lang=language,
            title=_title(bulletin, language),
            area=_area(bulletin, language),
            highlights=highlights(bulletin, t, language),
            calendar=charts.calendar(bulletin.air),
            daily={key: charts.pollutant_days(bulletin.air, key, t) for key in charts.SHOWN},
            alerts_at=Counter(alert.station for alert in bulletin.alerts.alerts),
        )
    )
    return Markup(text)  # noqa: S704 - made by an escaping template


@cache
def _templates() -> Environment:
    made = templates("bulletin")
    made.globals.update(
        category_shares=charts.category_shares,
        class_shares=charts.class_shares,
        city_date=city_date,
        determinands=determinands(),
        parameters=catalogue(),
        picture=_css("picture.css"),
        spoken=_spoken,
    )
    return made


def _css(name: str) -> str:
    return resources.files("bulletin").joinpath("templates", name).read_text("utf-8")


def _spoken(length: timedelta) -> str:
    """A length of time in hours, one decimal."""
    return f"{length.total_seconds() / 3600:.1f}"
