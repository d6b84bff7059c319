"""Evidence of alerts in the console: which bundles there are, one more on demand, and the files.

Whoever takes a bundle away is told of in the audit log: that is its chain of custody.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts.evidence import Evidence, NoSuchEvidence, evidence, evidence_of, freeze
from console.alert_pages import Number, find_alert
from console.painter import Painter
from console.security import require
from console.sources import Sources
from registry import audit
from registry.permissions import may, refuse_unless
from schemas.alerts import Alert
from schemas.people import Person

READ, FREEZE = "evidence.read", "alert.close"
Reading = Annotated[Person, Depends(require(READ))]
Freezing = Annotated[Person, Depends(require(FREEZE))]


def add_evidence_routes(app: FastAPI, sources: Sources, painter: Painter) -> None:
    @app.get("/alerts/{number}/evidence", include_in_schema=False)
    def page(request: Request, number: Number, person: Reading) -> HTMLResponse:
        alert = _alert(sources, number, person, READ)
        return painter.page(
            request,
            "evidence.html",
            page="alerts",
            alert=alert,
            bundles=evidence_of(sources.registry, number),
            may_freeze=may(person, FREEZE, **_place(alert)),
        )

    @app.post("/alerts/{number}/evidence", include_in_schema=False)
    def freeze_now(number: Number, person: Freezing) -> Response:
        _freeze(sources, number, person)
        return RedirectResponse(f"/alerts/{number}/evidence", 303)

    @app.get("/evidence/{number}.zip", tags=["alerts"], response_class=Response)
    def file(number: Number, person: Reading) -> Response:
        """A frozen bundle, a ZIP; `onenet evidence verify` checks it, docs/evidence.md says how."""
        try:
            found, content = evidence(sources.registry, number)
        except NoSuchEvidence:
            raise HTTPException(404, f"no evidence {number}") from None
        _alert(sources, found.alert, person, READ)
        _note_taken(sources, found, person)
        name = f"evidence-{found.alert}-{found.id}.zip"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
            "ETag": f'"{found.sha256}"',
        }
        return Response(content, media_type="application/zip", headers=headers)

    @app.get("/api/alerts/{number}/evidence", tags=["alerts"])
    def bundles(number: Number, person: Reading) -> Any:
        """The frozen bundles of an alert, the oldest first."""
        _alert(sources, number, person, READ)
        return [_shown(one) for one in evidence_of(sources.registry, number)]

    @app.post("/api/alerts/{number}/evidence", tags=["alerts"], status_code=201)
    def freeze_one(number: Number, person: Freezing) -> Any:
        """Freeze what is known of an alert now into a new bundle; earlier ones stay."""
        return _shown(_freeze(sources, number, person))


def _alert(sources: Sources, number: int, person: Person, action: str) -> Alert:
    """Raises HTTPException 404, and Forbidden for an alert of elsewhere."""
    alert = find_alert(sources, number)
    refuse_unless(person, action, **_place(alert))
    return alert


def _place(alert: Alert) -> dict[str, str | None]:
    return {"district": alert.district, "subdistrict": alert.subdistrict}


def _freeze(sources: Sources, number: int, person: Person) -> Evidence:
    _alert(sources, number, person, FREEZE)
    at = sources.clock.now()
    return freeze(number, registry=sources.registry, store=sources.store, at=at, by=person.id)


def _note_taken(sources: Sources, found: Evidence, person: Person) -> None:
    with sources.registry.session.begin() as session:
        audit.note(
            session,
            at=sources.clock.now(),
            who=person.id,
            action="evidence.download",
            subject=f"alert:{found.alert}",
            before=None,
            after={"evidence": found.id, "sha256": found.sha256},
        )


def _shown(one: Evidence) -> dict[str, Any]:
    return {
        "id": one.id,
        "alert": one.alert,
        "made": one.made.isoformat(),
        "by": one.who,
        "sha256": one.sha256,
        "previous": one.previous,
        "bytes": one.bytes,
        "file": f"/evidence/{one.id}.zip",
    }
