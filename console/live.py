"""Pages that follow the city: parts of a page as server-sent events, whenever they have changed.

`static/follow.js` is the other end. While store or registry are away the page is told so, for what
it shows is old then; the stream goes on, and everything is sent again when they are back.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError

from registry.trouble import explain
from storage import StoreUnavailable

EVERY_S = 2.0


def live(request: Request, event: str, made: Callable[[], Mapping[str, Any]]) -> StreamingResponse:
    """A stream of events of one name. made: the parts as they are now; called in a thread."""
    return StreamingResponse(
        _events(request, event, made),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


async def _events(
    request: Request, event: str, made: Callable[[], Mapping[str, Any]]
) -> AsyncIterator[str]:
    sent = ""
    while not await request.is_disconnected():
        try:
            parts = json.dumps(await asyncio.to_thread(made))
        except (StoreUnavailable, SQLAlchemyError) as error:
            if isinstance(error, SQLAlchemyError) and explain(error) is None:
                raise
            sent = ""
            yield "event: away\ndata: {}\n\n"
        else:
            mark = hashlib.sha256(parts.encode()).hexdigest()
            yield ": nothing new\n\n" if mark == sent else f"event: {event}\ndata: {parts}\n\n"
            sent = mark
        await asyncio.sleep(EVERY_S)
