"""People's accounts, for administrators: made, changed, disabled, given a new password."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import RedirectResponse, Response

from console.painter import Painter
from console.security import gate_of, require
from registry import new_passwords, passwords, people
from registry.people import Account
from schemas.people import Person, Role, Unacceptable

Text = Annotated[str, Form(max_length=200)]
Many = Annotated[list[str] | None, Form(max_length=200)]
Manager = Annotated[Person, Depends(require("person.manage"))]
ROLES = tuple(role for role in Role if role != Role.PUBLIC)


def add_people_pages(app: FastAPI, painter: Painter) -> None:
    """All of them, and the list as JSON."""
    router = APIRouter(dependencies=[Depends(require("person.manage"))], include_in_schema=False)
    _add_list(router, painter)
    _add_one(router, painter)
    app.include_router(router)

    @app.get("/api/people", dependencies=[Depends(require("person.manage"))])
    def api() -> Any:
        """All accounts."""
        return jsonable_encoder([_told(a) for a in people.people(gate_of(app).registry)])


def _told(account: Account) -> dict[str, Any]:
    return {
        **account.person.model_dump(mode="json", exclude={"only"}),
        "created": account.created,
        "disabled": account.disabled,
        "password_changed": account.password_changed,
        "second_factor": account.second_factor is not None,
        "single_sign_on": account.issuer,
    }


def _places(request: Request) -> dict[str, Any]:
    registry = gate_of(request.app).registry
    return {
        "roles": ROLES,
        "places": registry.places(),
        "enterprises": registry.enterprises(),
    }


def _list(request: Request, painter: Painter, *, status: int = 200, **more: Any) -> Response:
    content = {"wrong": "", "filled": None, "made": None, **more}
    found = people.people(gate_of(request.app).registry)
    return painter.page(
        request,
        "people.html",
        status=status,
        page="people",
        people=found,
        **_places(request),
        **content,
    )


def _add_list(router: APIRouter, painter: Painter) -> None:
    @router.get("/people")
    def page(request: Request) -> Response:
        return _list(request, painter)

    @router.post("/people")
    def add(
        request: Request,
        manager: Manager,
        id: Text = "",
        name: Text = "",
        roles: Many = None,
        scopes: Many = None,
    ) -> Response:
        gate = gate_of(request.app)
        try:
            person = people.person_of_input(id.strip(), name, roles or (), scopes or ())
            made = passwords.generate()
            people.add(
                gate.registry,
                person,
                at=gate.clock.now(),
                who=manager.id,
                password=made,
                must_change=True,
            )
        except Unacceptable as error:
            filled = {"id": id, "name": name, "roles": roles or [], "scopes": scopes or []}
            return _list(request, painter, status=422, wrong=error, filled=filled)
        return _list(request, painter, made=(person.id, made))


def _add_one(router: APIRouter, painter: Painter) -> None:
    def one(request: Request, person_id: str, *, status: int = 200, **more: Any) -> Response:
        account = people.find(gate_of(request.app).registry, person_id)
        if account is None:
            raise HTTPException(404)
        content = {"wrong": "", "made": None, "done": request.query_params.get("done", "")}
        return painter.page(
            request,
            "person.html",
            status=status,
            page="people",
            account=account,
            **_places(request),
            **content | more,
        )

    def done(person_id: str) -> Response:
        return RedirectResponse(f"/people/{person_id}?done=1", 303)

    @router.get("/people/{person_id}")
    def page(request: Request, person_id: str) -> Response:
        return one(request, person_id)

    @router.post("/people/{person_id}")
    def change(
        request: Request,
        person_id: str,
        manager: Manager,
        name: Text = "",
        roles: Many = None,
        scopes: Many = None,
        why: Text = "",
    ) -> Response:
        gate = gate_of(request.app)
        try:
            people.change(
                gate.registry,
                person_id,
                at=gate.clock.now(),
                who=manager.id,
                name=name,
                roles=roles or (),
                scopes=scopes or (),
                why=why,
            )
        except KeyError:
            raise HTTPException(404) from None
        except Unacceptable as error:
            return one(request, person_id, status=422, wrong=error)
        return done(person_id)

    @router.post("/people/{person_id}/state")
    def state(
        request: Request, person_id: str, manager: Manager, to: Text = "", why: Text = ""
    ) -> Response:
        gate = gate_of(request.app)
        if to not in ("disabled", "enabled"):
            raise HTTPException(422, "to: disabled or enabled")
        move = people.disable if to == "disabled" else people.enable
        try:
            move(gate.registry, person_id, at=gate.clock.now(), who=manager.id, why=why)
        except KeyError:
            raise HTTPException(404) from None
        except Unacceptable as error:
            return one(request, person_id, status=422, wrong=error)
        return done(person_id)

    @router.post("/people/{person_id}/password")
    def reset(
        request: Request, person_id: str, manager: Manager, second_factor: Text = ""
    ) -> Response:
        gate = gate_of(request.app)
        try:
            made = new_passwords.reset(
                gate.registry,
                person_id,
                at=gate.clock.now(),
                who=manager.id,
                second_factor=second_factor == "remove",
            )
        except KeyError:
            raise HTTPException(404) from None
        return one(request, person_id, made=(person_id, made))
