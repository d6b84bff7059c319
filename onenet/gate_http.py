"""The gate for EMQX: its HTTP authentication asks here at each connection.

The answer says who may enter, what for (`acl`) and until when (`expire_at`, seconds since 1970), as
EMQX has it since 5.8; so nothing is asked again for each message, and what EMQX holds is what the
registry said. Whatever is no `allow` keeps the client out: EMQX takes every status but 200 for "no
opinion", and there is nobody else to ask. So the gate lets nobody in while the registry is away.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from onenet.gate import Entry, Gatekeeper

log = structlog.get_logger()

LONGEST = 256  # of a name or password; a longer one is nobody's


class Knock(BaseModel):
    """What EMQX is told to send: its placeholders `${username}` and `${password}`."""

    username: str = Field(max_length=LONGEST)
    password: str = Field(max_length=LONGEST)


def create_gate(keeper: Gatekeeper, token: str) -> FastAPI:
    """token: what EMQX must show, so that nobody else tries passwords here."""
    app = FastAPI(title="One Network: gate of the broker", openapi_url=None)
    wanted = f"Bearer {token}".encode()

    def is_the_broker(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), wanted):
            raise HTTPException(401, "only the broker asks here; is GATE_TOKEN the same for both?")

    @app.post("/authenticate", dependencies=[Depends(is_the_broker)])
    def authenticate(knock: Knock) -> dict[str, Any]:
        try:
            entry = keeper.admits(knock.username, knock.password)
        except SQLAlchemyError as error:
            log.error("registry away, nobody is let in", error=str(error))
            raise HTTPException(503, "the registry cannot be asked") from error
        return answer(entry)

    @app.get("/healthz")
    def healthz() -> dict[str, bool]:
        return {"ok": True}

    return app


def answer(entry: Entry | None) -> dict[str, Any]:
    """As EMQX expects it. What no line of `acl` allows, its own `no_match = deny` refuses."""
    if entry is None:
        return {"result": "deny"}
    allowed = [("publish", topic) for topic in entry.rights.publish]
    allowed += [("subscribe", topic) for topic in entry.rights.subscribe]
    found: dict[str, Any] = {
        "result": "allow",
        "is_superuser": False,
        "acl": [
            {"permission": "allow", "action": action, "topic": topic} for action, topic in allowed
        ],
    }
    if entry.until is not None:
        found["expire_at"] = int(entry.until.timestamp())
    return found
