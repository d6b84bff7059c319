"""Alerts for other systems and for paper: the CAP feed, its documents, and the printed sheet.

The feed holds what was measured and no word of enforcement; who may see alerts may read it, which
is everybody where the board is public.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Path, Request
from fastapi.responses import Response

import alerts as alerting
from alerts import ChannelSettings
from console.security import gate_of, require
from console.sources import Sources
from drawing import PdfUnavailable

ALERTS = [Depends(require("alert.read"))]
Number = Annotated[int, Path(ge=1, lt=2**31)]


def add_alert_feed(app: FastAPI, sources: Sources) -> None:
    """Before the alert's own page: `/alerts/{number}` would take these for numbers."""

    @app.get("/alerts/cap.xml", dependencies=ALERTS, response_class=Response)
    def feed(request: Request) -> Response:
        """Alerts as an Atom feed of CAP 1.2 documents, the newest first."""
        here, settings = _here(request), ChannelSettings()
        made = alerting.feed_xml(
            alerting.public_letters(sources.registry, sources.clock.now()),
            url=f"{here}/alerts/cap.xml",
            documents=f"{here}/alerts/cap/{{}}.xml",
            sender=settings.cap_sender,
            now=sources.clock.now(),
        )
        return Response(made, media_type="application/atom+xml")

    @app.get("/alerts/cap/{identifier}.xml", dependencies=ALERTS, response_class=Response)
    def document(request: Request, identifier: str) -> Response:
        """One message of an alert as a CAP 1.2 document."""
        letter = alerting.public_letter(sources.registry, identifier)
        if letter is None:
            raise HTTPException(404)
        settings = ChannelSettings()
        made = alerting.cap_xml(
            letter,
            sender=settings.cap_sender,
            status=settings.cap_status,
            web=f"{_here(request)}/alerts/{letter.content['alert']}",
        )
        return Response(made, media_type="application/cap+xml")

    @app.get("/alerts/{number}/sheet.pdf", dependencies=ALERTS, response_class=Response)
    def sheet(request: Request, number: Number) -> Response:
        """The printed sheet of an alert, in both languages."""
        try:
            made = alerting.sheet_pdf(
                sources.registry,
                number,
                store=sources.store,
                console=_here(request),
                now=sources.clock.now(),
            )
        except PdfUnavailable as error:
            raise HTTPException(503, str(error)) from None
        if made is None:
            raise HTTPException(404)
        shown = {"Content-Disposition": f'inline; filename="alert-{number}.pdf"'}
        return Response(made, media_type="application/pdf", headers=shown)


def _here(request: Request) -> str:
    """The console as a browser reaches it."""
    return (gate_of(request.app).access.url or str(request.base_url)).rstrip("/")
