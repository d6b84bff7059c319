"""The gateway as a whole: it listens, keeps the connections, and stops without losing a frame."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import structlog

from ingest.gateway.admission import Admission
from ingest.gateway.connection import Connection
from ingest.gateway.limits import Guesses, Limits, Pace, Peers
from ingest.gateway.measures import Measures
from ingest.gateway.refusals import Refusals
from ingest.gateway.uplink import Uplink
from ingest.health import HealthServer
from ingest.session import BrokerAddress
from registry import Registry
from schemas import SystemClock

log = structlog.get_logger()

RENEW_EVERY_S = 2.0
WRITE_EVERY_S = 1.0
STOP_S = 20.0
BUFFER = 4096  # octets that asyncio holds of one connection before TCP holds the logger back
BACKLOG = 256


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    host: str = "127.0.0.1"
    port: int = 9212
    client_id: str = "onenet-gateway-1"
    health_host: str = "127.0.0.1"
    health_port: int = 9109
    limits: Limits = field(default_factory=Limits)


class Gateway:
    """Runs in one event loop. `port` is the one that it listens on, once started."""

    def __init__(self, address: BrokerAddress, registry: Registry, options: GatewayOptions) -> None:
        self._options = options
        self.limits = options.limits
        self.admission = Admission(registry, Guesses(monotonic))
        self.uplink = Uplink(address, client_id=options.client_id)
        self.refusals = Refusals(registry, options.limits, SystemClock())
        self.measures = Measures(self._report)
        self._peers = Peers(options.limits)
        self._paces: dict[str, Pace] = {}  # by MN
        self._speaker: dict[str, Connection] = {}  # by MN
        self._tasks: dict[asyncio.Task[None], Connection] = {}
        self._server: asyncio.Server | None = None
        self._stopping = asyncio.Event()
        self._beside: list[asyncio.Task[None]] = []
        self.port = options.port

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        await asyncio.to_thread(self.admission.renew)
        self.uplink.start()
        options = self._options
        self._server = await asyncio.start_server(
            self._accept, options.host, options.port, limit=BUFFER, backlog=BACKLOG
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._beside = [
            asyncio.create_task(self._every(RENEW_EVERY_S, self._renew)),
            asyncio.create_task(self._every(WRITE_EVERY_S, self.refusals.flush)),
        ]

    async def stop(self) -> None:
        """Take no more; what has been taken is answered; refusals are written."""
        if self._server is not None:
            self._server.close()
        for connection in self._tasks.values():
            connection.leave("stopping")
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_S)
            for task in late:
                task.cancel()  # the broker is away: no answer, so the logger sends again
            if late:
                await asyncio.wait(late)
        self._stopping.set()
        try:
            await asyncio.gather(*self._beside)
        finally:
            await asyncio.to_thread(self.uplink.close)
            self.admission.close()

    async def failed(self) -> None:
        """Wait until what runs beside the connections has ended: a bug, which `stop` raises."""
        await asyncio.wait(self._beside, return_when=asyncio.FIRST_COMPLETED)

    def pace(self, mn: str) -> Pace:
        """How fast an admitted logger may go, over all of its connections."""
        known = self._paces.get(mn)
        if known is None:
            known = Pace(self.limits.frames_per_s, self.limits.burst, monotonic)
            self._paces[mn] = known
        return known

    def claim(self, mn: str, connection: Connection) -> None:
        """The newest connection of an MN stays: the other is what a broken line has left behind."""
        older = self._speaker.get(mn)
        self._speaker[mn] = connection
        if older is not None and older is not connection:
            log.info("logger has come again, older connection closed", mn=mn, peer=connection.peer)
            older.leave("newer")

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str((writer.get_extra_info("peername") or ("unknown",))[0])
        refused = self._peers.enter(peer)
        if refused is not None:
            self.measures.closed(refused)
            writer.transport.abort()
            return
        line: socket.socket = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a logger whose line is cut
        connection = Connection(self, reader, writer, peer)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this in a task of its own
        self._tasks[task] = connection
        self.measures.open.inc()
        why = "failed"
        try:
            why = await connection.serve()
        except asyncio.CancelledError:
            why = "stopping"
        except Exception:
            log.exception("connection of a logger failed", peer=peer)  # it alone ends
        finally:
            del self._tasks[task]
            self._peers.leave(peer)
            for mn in connection.loggers:
                if self._speaker.get(mn) is connection:
                    del self._speaker[mn]
            self.measures.open.dec()
            self.measures.closed(why)
            if why in ("left", "stopping", "newer"):
                writer.close()
            else:
                writer.transport.abort()  # nothing is owed, and nothing lingers

    async def _every(self, seconds: float, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step now and then, and a last time when stopping."""
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()
            await step()

    async def _renew(self) -> None:
        """Follow the registry: who is a logger no longer, or has a new password, is cut off."""
        if not await asyncio.to_thread(self.admission.renew):
            return
        for connection in list(self._tasks.values()):
            known = connection.loggers.items()
            if any(self.admission.find(mn) != logger for mn, logger in known):
                connection.leave("removed")

    def _report(self) -> dict[str, object]:
        connected = self.uplink.connected
        return {
            "ok": connected and self.admission.registry_ok,
            "broker": "connected" if connected else "away",
            "registry": "ok" if self.admission.registry_ok else "unavailable",
            "connections": len(self._tasks),
            "port": self.port,
        }


def run_gateway(address: BrokerAddress, registry: Registry, options: GatewayOptions) -> None:
    """Run in this process until SIGTERM or SIGINT, then answer what was taken and return."""
    asyncio.run(_run(address, registry, options))


async def _run(address: BrokerAddress, registry: Registry, options: GatewayOptions) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gateway = Gateway(address, registry, options)
    health = HealthServer(gateway.measures, options.health_host, options.health_port)
    await gateway.start()
    health.start()
    log.info("gateway is running", port=gateway.port, health_port=health.port)
    try:
        ends = [asyncio.create_task(stop.wait()), asyncio.create_task(gateway.failed())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await gateway.stop()
        health.stop()
    log.info("gateway stopped")
