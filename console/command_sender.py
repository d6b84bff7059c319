"""Commands that wait are sent by themselves: when their device comes back, or the broker does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from registry import Registry
from registry.commands import Publish, send_commands
from schemas import Clock

log = structlog.get_logger()

EVERY_S = 2.0


def sending(
    registry: Registry, publish: Publish, clock: Clock
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The life of a console: while it serves, it looks every 2 s for commands to be sent."""

    def send() -> None:
        try:
            send_commands(registry, publish, clock.now())
        except OperationalError as error:
            log.warning("commands not sent, tried again", error=str(error))

    async def keep_sending() -> None:
        while True:
            await asyncio.to_thread(send)
            await asyncio.sleep(EVERY_S)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(keep_sending())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return life
