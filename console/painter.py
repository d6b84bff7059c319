"""Painting of pages: templates with the words of a language, and which language a visitor wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse

from console.notices import Notice
from console.security import STRANGER
from drawing import HTML_LANGUAGE, LANGUAGES, city_map, templates, words
from registry import district_shapes
from schemas import catalogue, flag_of
from schemas.rejection import reasons

COOKIE = "onenet_lang"


class Painter:
    """Templates with everything that they all need.

    grafana: an address; whoever is logged in then finds a link to the board that shows the same as
    the page, which names it (`grafana_board`) and what to choose there (`grafana_chosen`).
    """

    def __init__(self, grafana: str = "") -> None:
        self._templates = templates("console")
        self._words = words("console")
        self._templates.globals.update(
            parameters=catalogue(),
            flag_of=flag_of,
            reasons=reasons(),
            map=city_map,
            outlines=city_map.outlines(district_shapes()),
            timedelta=timedelta,
            grafana=grafana,
            notices=tuple,
        )

    def tell(self, notices: Callable[[], Sequence[Notice]]) -> None:
        """Whom to ask what an administrator is told on every page."""
        self._templates.globals["notices"] = notices

    def paint(self, template: str, language: str, **content: Any) -> str:
        return self._templates.get_template(template).render(
            kept=content.pop("kept", ""),
            t=self._words.translator(language),
            lang=language,
            html_lang=HTML_LANGUAGE[language],
            **content,
        )

    def page(
        self, request: Request, template: str, *, status: int = 200, **content: Any
    ) -> HTMLResponse:
        """A whole page in the visitor's language, which can be changed without losing the filters.

        content: what the template needs; `page` is the entry of the navigation it is under. The
        navigation shows only where the visitor may go.
        """
        chosen = [
            (key, value) for key, value in request.query_params.multi_items() if key != "lang"
        ]
        kept = f"{urlencode(chosen)}&" if chosen else ""
        visitor = getattr(request.state, "visitor", STRANGER)
        text = self.paint(template, language_of(request), kept=kept, visitor=visitor, **content)
        return HTMLResponse(text, status)


def language_of(request: Request) -> str:
    """From `?lang=`, else the cookie, else Chinese."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return "zh"
