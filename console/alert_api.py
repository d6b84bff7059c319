"""Alerts as JSON: found with the inbox's filters, read with all that belongs to one, and moved.

The moves are those of the pages and refused for the same reasons: 409 for one that is not possible
now, 403 for one that is not allowed, 422 for one that lacks something.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, HTTPException, Query, Response, UploadFile
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

import alerts as alerting
from alerts import BadMove, IllegalMove, Move, NoSuchAlert, Router, Wanted
from alerts.moves import LARGEST_PHOTO, LONGEST_TEXT
from console.alert_inbox import FARTHEST, MINE, Name
from console.alert_pages import Moving, Number, OnSite, Visiting, find_alert, told
from console.alert_view import can_move, sees_people
from console.sources import Sources
from schemas import Medium
from schemas.alerts import Alert, AlertState, Severity
from schemas.people import Person

PEOPLES_FIELDS = {"assignee": None, "findings": ""}
MoveName = Literal[
    "acknowledge", "dispatch", "arrive", "close", "reopen", "merge", "snooze", "hand_over", "note"
]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Line = Annotated[str, Field(max_length=64)]


class MoveAsked(BaseModel):
    """A move and what it needs: `dispatch` to; `close` outcome and findings; `reopen` and `note`
    why; `snooze` why and until; `hand_over` why and level or to; `merge` into.

    seen: number of the newest event that was seen; the same move again, by who saw no more than
    that, changes nothing.
    """

    model_config = ConfigDict(extra="forbid")

    move: MoveName
    why: Text = ""
    to: Line = ""
    outcome: Line = ""
    findings: Text = ""
    until: AwareDatetime | None = None
    into: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    level: Line = ""
    seen: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None

    @field_validator("why", "to", "findings")
    @classmethod
    def _plain(cls, text: str) -> str:
        if "\0" in text:
            raise ValueError("holds the character NUL; leave it out")
        return text


def add_alert_api(app: FastAPI, sources: Sources, router: Router) -> None:
    """All of them. router: whom a move is told to."""
    api = APIRouter(prefix="/api/alerts", tags=["alerts"])
    _add_reading(api, sources)
    _add_moves(api, sources, router)
    app.include_router(api)


def _add_reading(api: APIRouter, sources: Sources) -> None:
    @api.get("")
    def find(
        response: Response,
        person: Visiting,
        state: Annotated[list[AlertState] | None, Query()] = None,
        station: Name | None = None,
        district: Name | None = None,
        medium: Medium | None = None,
        severity: Severity | None = None,
        route: Name | None = None,
        rule: Name | None = None,
        assignee: Name | None = None,
        since: AwareDatetime | None = None,
        until: AwareDatetime | None = None,
        order: Literal["newest", "urgent"] = "newest",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=FARTHEST)] = 0,
    ) -> Any:
        """Alerts, the newest first, or by urgency: unacknowledged ones, then the gravest.

        Without `state`: all that were ever certain. `district=mine`: within one's scopes;
        `assignee=mine`: one's own. since, until: of the beginning. How many there are on all
        pages stands in the header X-Total-Count.
        """
        wanted = Wanted(
            states=state,
            station=station,
            district=None if district == MINE else district,
            severity=severity,
            medium=medium,
            rule=rule,
            route=route,
            assignee=person.id if assignee == MINE else assignee,
            since=since,
            until=until,
            scopes=person.scopes if district == MINE else None,
        )
        urgent = order == "urgent"
        found = alerting.find(sources.registry, wanted, urgent=urgent, limit=limit, offset=offset)
        total = sum(alerting.count_by_state(sources.registry, wanted).values())
        response.headers["X-Total-Count"] = str(total)
        return [shown(alert, person) for alert in found]

    @api.get("/{number}")
    def one(number: Number, person: Visiting) -> Any:
        """One alert with its events, siblings, photos, and the moves that are possible now.

        Who did what, what was found and the photos are for those who may see the evidence.
        """
        return whole(sources, find_alert(sources, number), person)


def shown(alert: Alert, person: Person) -> dict[str, Any]:
    """An alert as a person may see it."""
    hidden = {} if sees_people(person, alert) else PEOPLES_FIELDS
    return alert.model_copy(update=hidden).model_dump(mode="json")


def whole(sources: Sources, alert: Alert, person: Person) -> dict[str, Any]:
    """An alert with all that belongs to it."""
    registry, known_to = sources.registry, sees_people(person, alert)
    hidden = {"why", "who", "detail"} if not known_to else set()
    photos = alerting.photos(registry, alert.id) if known_to else []
    return {
        **shown(alert, person),
        "climbs_at": jsonable_encoder(alerting.climbs_at(alert)),
        "moves": [name for name in can_move(alert, person) if name != "photo"],
        "events": [
            event.model_dump(mode="json", exclude=hidden)
            for event in alerting.alert_events(registry, alert.id)
        ],
        "siblings": [shown(other, person) for other in alerting.siblings(registry, alert)],
        "photos": [
            {
                "id": photo.id,
                "event": photo.event,
                "sha256": photo.sha256,
                "url": f"/alerts/{alert.id}/photos/{photo.id}",
            }
            for photo in photos
        ],
    }


def _add_moves(api: APIRouter, sources: Sources, router: Router) -> None:
    refusals: dict[int | str, dict[str, Any]] = {
        403: {"description": "The person may not make this move here."},
        404: {"description": "There is no such alert."},
        409: {"description": "The move is not possible now; the error says which are."},
        422: {"description": "The move lacks something: field, rule and remedy."},
    }

    @api.post("/{number}/moves", responses=refusals)
    def move(number: Number, person: Moving, asked: MoveAsked) -> Any:
        """Make a move; the answer is the alert as it is then."""
        wanted = Move(asked.move, **asked.model_dump(exclude={"move"}))
        at = sources.clock.now()
        try:
            alert = alerting.act(sources.registry, number, wanted, by=person, at=at, router=router)
        except NoSuchAlert as error:
            raise HTTPException(404, str(error)) from None
        except (IllegalMove, BadMove) as error:
            return _refused(error)
        return whole(sources, alert, person)

    @api.post("/{number}/photos", responses=refusals)
    def photo(number: Number, person: OnSite, photo: UploadFile) -> Any:
        """Keep a picture from the site as the field `photo`: JPEG or PNG, 10 MiB at most."""
        content, at = photo.file.read(LARGEST_PHOTO + 1), sources.clock.now()
        try:
            alert = alerting.add_photo(
                sources.registry, number, content, by=person, at=at, router=router
            )
        except NoSuchAlert as error:
            raise HTTPException(404, str(error)) from None
        except (IllegalMove, BadMove) as error:
            return _refused(error)
        return whole(sources, alert, person)


def _refused(error: Exception) -> JSONResponse:
    status, wrong = told(error)
    return JSONResponse({key: value for key, value in wrong.items() if value}, status)
