"""Rules for those who answer for them: where each limit comes from, its versions, and its editor.

A rule is tried before it is kept: the last seven days are evaluated with the rule as it is and as
it would be, and nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts import BadRule, rules_ever
from alerts.dry_run import Found, Trial, dry_run
from alerts.rule_edit import (
    EDIT,
    LONGEST_TEXT,
    Held,
    Version,
    as_text,
    changes,
    keep,
    limits_now,
    read_text,
    versions,
)
from console.painter import Painter
from console.security import require
from console.sources import Sources
from registry import people
from schemas import CITY_TIME
from schemas.alerts import Rule
from schemas.people import Person

READ = [Depends(require("alert.read"))]
Editor = Annotated[Person, Depends(require(EDIT))]
Text = Annotated[str, Form(max_length=LONGEST_TEXT)]
NEW = "new"
TEMPLATE = """id: my-rule
zh: 规则名称
en: name of the rule
medium: noise
parameter: laeq
window: 1h
limit: {standard: noise_quality}
severity: yellow
"""


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule in the list. edited: whether a version of it was kept here."""

    rule: Rule
    held: tuple[Held, ...]
    edited: bool


class RuleAsked(BaseModel):
    """A rule as YAML or JSON text, and why it is changed."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=LONGEST_TEXT)
    why: str = Field("", max_length=4000)


def add_rule_pages(app: FastAPI, sources: Sources, painter: Painter) -> None:
    router = APIRouter(include_in_schema=False)
    _add_reading(router, sources, painter)
    _add_editing(router, sources, painter)
    app.include_router(router)
    _add_api(app, sources)


def _add_reading(router: APIRouter, sources: Sources, painter: Painter) -> None:
    @router.get("/rules", dependencies=READ)
    def rules(request: Request) -> HTMLResponse:
        return painter.page(request, "rules.html", page="rules", lines=_lines(sources))

    @router.get("/rules/{rule_id}", dependencies=READ)
    def rule(request: Request, rule_id: str) -> HTMLResponse:
        return _show(request, sources, painter, rule_id)


def _add_editing(router: APIRouter, sources: Sources, painter: Painter) -> None:
    @router.post("/rules/{rule_id}")
    def edit(
        request: Request,
        rule_id: str,
        person: Editor,
        text: Text = "",
        why: Annotated[str, Form(max_length=4000)] = "",
        do: Annotated[str, Form(max_length=8)] = "try",
    ) -> Response:
        try:
            edited = _read(sources, rule_id, text)
            if do == "save":
                at = sources.clock.now()
                keep(sources.registry, edited, by=person, why=why, at=at)
                return RedirectResponse(f"/rules/{edited.id}?done=1", 303)
            trial = _try(sources, edited)
        except BadRule as error:
            wrong = str(error)
            return _show(
                request, sources, painter, rule_id, status=422, wrong=wrong, text=text, why=why
            )
        return _show(
            request, sources, painter, rule_id, trial=trial, edited=edited, text=text, why=why
        )


def _read(sources: Sources, rule_id: str, text: str) -> Rule:
    """The rule that was typed on the page of another one, or on the page for new ones."""
    found = read_text(sources.registry, text.replace("\r\n", "\n"))
    there = rules_ever(sources.registry)
    if rule_id != NEW and found.id != rule_id:
        raise BadRule(f"id: {found.id!r} is not {rule_id!r}; leave the id, or make a new rule")
    if rule_id == NEW and found.id in there:
        raise BadRule(f"id: {found.id!r} is there already; edit it, or choose another id")
    if rule_id != NEW and rule_id not in there:
        raise HTTPException(404)
    return found


def _try(sources: Sources, edited: Rule) -> Trial:
    return dry_run(
        edited,
        rules_ever(sources.registry).get(edited.id),
        store=sources.store,
        registry=sources.registry,
        now=sources.clock.now(),
    )


def _show(
    request: Request,
    sources: Sources,
    painter: Painter,
    rule_id: str,
    *,
    status: int = 200,
    text: str = "",
    why: str = "",
    wrong: str = "",
    trial: Trial | None = None,
    edited: Rule | None = None,
) -> HTMLResponse:
    rule = rules_ever(sources.registry).get(rule_id)
    if rule is None and rule_id != NEW:
        raise HTTPException(404)
    kept: list[Version] = versions(sources.registry, rule_id) if rule else []
    return painter.page(
        request,
        "rule.html",
        status=status,
        page="rules",
        rule=rule,
        name=rule_id,
        held=_held(sources, edited or rule),
        versions=kept,
        differences=[changes(old.rule, new.rule) for new, old in pairwise(kept)],
        names={a.person.id: a.person.name for a in people.people(sources.registry)},
        text=text or (as_text(rule) if rule else TEMPLATE),
        why=why,
        wrong=wrong,
        trial=trial,
        changed=changes(rule, edited) if rule and edited else {},
        done=request.query_params.get("done", ""),
    )


def _held(sources: Sources, rule: Rule | None) -> list[Held]:
    on = sources.clock.now().astimezone(CITY_TIME).date()
    return [] if rule is None else limits_now(sources.registry, rule, on)


def _lines(sources: Sources) -> list[RuleLine]:
    return [
        RuleLine(rule, tuple(_held(sources, rule)), len(versions(sources.registry, rule.id)) > 1)
        for rule in rules_ever(sources.registry).values()
    ]


def _add_api(app: FastAPI, sources: Sources) -> None:
    @app.get("/api/rules", dependencies=READ, tags=["rules"])
    def rules() -> Any:
        """All rules as they are now, with the limits that they have today."""
        return [
            {**line.rule.model_dump(mode="json"), "limits": jsonable_encoder(line.held)}
            for line in _lines(sources)
        ]

    @app.post("/api/rules/dry-run", dependencies=[Depends(require(EDIT))], tags=["rules"])
    def try_rule(asked: RuleAsked) -> Any:
        """What a rule would have raised in the last seven days; nothing is written."""
        try:
            trial = _try(sources, read_text(sources.registry, asked.text))
        except BadRule as error:
            raise HTTPException(422, str(error)) from None
        return trial_told(trial)

    @app.post("/api/rules", tags=["rules"])
    def save(asked: RuleAsked, person: Editor) -> Any:
        """Keep a rule with the reason; it is in force from the next evaluation on."""
        at = sources.clock.now()
        try:
            rule = read_text(sources.registry, asked.text)
            version = keep(sources.registry, rule, by=person, why=asked.why, at=at)
        except BadRule as error:
            raise HTTPException(422, str(error)) from None
        return {"rule": rule.id, "version": version}


def trial_told(trial: Trial) -> dict[str, Any]:
    """A dry run as JSON."""

    def told(found: tuple[Found, ...] | None) -> Any:
        return None if found is None else [one.breach.model_dump(mode="json") for one in found]

    return {
        "since": trial.span.start.isoformat(),
        "until": trial.span.end.isoformat(),
        "old": told(trial.old),
        "new": told(trial.new),
        "added": told(trial.added),
        "gone": told(trial.gone),
    }
