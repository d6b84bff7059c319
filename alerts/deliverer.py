"""The service that delivers: one loop a channel, so that a slow one holds up none of the others.

It looks for due messages four times a second, so that a message is on its way within a second of
its event. Asked to stop, it ends what it is sending and makes one last round; killed, it leaves
claims that run out. Any number of them may run: items are claimed (`alerts/outbox.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from sqlalchemy.exc import OperationalError

from alerts.letter import Channel
from alerts.outbox import deliver, reroute, send_batch
from alerts.routing import Router
from registry import Registry
from schemas import Clock

log = structlog.get_logger()

POLL_S = 0.25
REROUTE_S = 1.0
AWAY_S = 2.0  # the registry does not answer: wait so long

Sleep = Callable[[float], object]


class Deliverer:
    """Delivers until it is stopped.

    sleep: waits so many seconds, or until `stop`; a test may let time run faster. heartbeat: a file
    that is touched each second while it works, for whoever watches over it.
    """

    def __init__(
        self,
        registry: Registry,
        channels: Sequence[Channel],
        router: Router,
        clock: Clock,
        *,
        sleep: Sleep | None = None,
        heartbeat: Path | None = None,
    ) -> None:
        self._registry = registry
        self._channels = channels
        self._router = router
        self._clock = clock
        self._stop = threading.Event()
        self._sleep = sleep or self._stop.wait
        self._heartbeat = heartbeat
        self._bug: BaseException | None = None

    def stop(self) -> None:
        """Ask it to end; may be called from a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Deliver until `stop`. Raises what is a bug of ours, after all loops have ended."""
        names = [channel.name for channel in self._channels]
        log.info("delivering", channels=names)
        loops = [
            threading.Thread(target=self._loop, args=(c, names), name=c.name)
            for c in self._channels
        ]
        loops.append(threading.Thread(target=self._mend, args=(names,), name="mend"))
        for loop in loops:
            loop.start()
        for loop in loops:
            loop.join()
        if self._bug is not None:
            raise self._bug
        done = deliver(
            self._clock.now(), registry=self._registry, channels=self._channels, router=self._router
        )
        log.info("stopped", sent_at_last=done.sent)

    def _loop(self, channel: Channel, names: Sequence[str]) -> None:
        def once() -> float:
            done = send_batch(
                self._clock.now(),
                registry=self._registry,
                channel=channel,
                usable=names,
                router=self._router,
            )
            return 0.0 if done.sent and not done.failed else POLL_S

        self._repeat(once)

    def _mend(self, names: Sequence[str]) -> None:
        def once() -> float:
            reroute(self._clock.now(), registry=self._registry, usable=names)
            if self._heartbeat is not None:
                self._heartbeat.touch()
            return REROUTE_S

        self._repeat(once)

    def _repeat(self, once: Callable[[], float]) -> None:
        while not self._stop.is_set():
            try:
                wait_s = once()
            except OperationalError as error:
                log.warning("the registry does not answer", error=str(error.orig))
                wait_s = AWAY_S
            except BaseException as error:  # a bug: end loudly, all of it
                self._bug = error
                self._stop.set()
                return
            if wait_s:
                self._sleep(wait_s)
