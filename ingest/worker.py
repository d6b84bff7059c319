"""The ingest worker: takes messages, writes batches, acknowledges what is durable.

One loop, one order: collect → process → dead letters → store → acknowledge. A store or registry
that is away makes the loop wait with the batch in hand, unacknowledged. SIGTERM drains what has
been taken; a kill at any moment loses nothing, for the broker sends unacknowledged messages again.
"""

from __future__ import annotations

import gc
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog
from sqlalchemy.exc import OperationalError

from alerts import FastLaneThread
from ingest.contacts import Contacts
from ingest.directory import SensorDirectory
from ingest.flood import settings
from ingest.health import Health, HealthServer
from ingest.past_maintenance import PastMaintenance
from ingest.pipeline import Batch, Message, Pipeline
from ingest.raw_archive import RawWriter
from ingest.refused import refused_by_store
from ingest.session import CAPACITY, BrokerAddress, BrokerSession
from registry import NewDeadLetter, Registry
from registry.commands import answered
from registry.quarantine import quarantine_flood
from schemas import Catalogue, FlaggedReading, Outcome, SystemClock, to_ms
from schemas.ids import Medium
from storage import Store, StoreUnavailable

log = structlog.get_logger()


# A broker sends what waits as soon as something was acknowledged; after so long nothing does.
QUIET_S = 10.0


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What makes a write, whichever comes first: readings, messages, or age in seconds.

    batch_messages is half of what the session lets in unacknowledged, so that the broker fills one
    half while the other is being stored.
    """

    batch_size: int = 5000
    batch_messages: int = CAPACITY // 2
    batch_age_s: float = 0.5
    client_id: str = "onenet-ingest-1"
    health_host: str = "127.0.0.1"
    health_port: int = 9108
    longest_wait_s: float = 30.0
    media: frozenset[Medium] = frozenset()  # taken by this worker; empty: all
    retire: bool = False  # take nothing new, store what waits, end the session and stop


class Worker:
    def __init__(
        self,
        session: BrokerSession,
        pipeline: Pipeline,
        directory: SensorDirectory,
        store: Store,
        registry: Registry,
        options: IngestOptions,
        health: Health,
        rng: random.Random,
        fast_lane: FastLaneThread | None = None,
        raw: RawWriter | None = None,
    ) -> None:
        self._session = session
        self._pipeline = pipeline
        self._directory = directory
        self._store = store
        self._registry = registry
        self._options = options
        self._health = health
        self._rng = rng
        self._fast_lane = fast_lane
        self._raw = raw
        self._contacts = Contacts(registry)
        self._past_maintenance = PastMaintenance(store)
        self._stop = threading.Event()
        self.retired = False  # nothing waits any more at the broker

    def stop(self) -> None:
        """Ask for a clean drain: what has been taken is stored and acknowledged."""
        self._session.stop_taking()
        self._stop.set()

    def run(self) -> None:
        """Work until stopped and drained. A bug propagates, with its batch unacknowledged."""
        while not self._stop.is_set() or self._session.waiting():
            self._patiently(self._directory.renew)
            self._past_maintenance.note(self._directory.maintenance, to_ms(SystemClock().now()))
            self._patiently(self._past_maintenance.work)
            batch, taken = self._collect()
            if taken and self._keep(batch):
                self._session.acknowledge(taken)
                self._contacts.take(batch.heard, batch.newest)
                self._note_replies(batch)
                self._cut_floods(batch)
            self._contacts.write()
            if self._options.retire and self._session.quiet_s() > QUIET_S:
                self.retired = True
                self.stop()
        self._contacts.write(now=True)

    def _collect(self) -> tuple[Batch, list[tuple[int, Message]]]:
        batch = Batch()
        taken: list[tuple[int, Message]] = []
        deadline = time.monotonic() + self._options.batch_age_s
        options = self._options
        while (
            len(taken) < options.batch_messages
            and len(batch.readings) + len(batch.dead_letters) < options.batch_size
        ):
            item = self._session.take(min(deadline - time.monotonic(), 0.25))
            if item is not None:
                taken.append(item)
                self._pipeline.process(item[1], batch)
            if time.monotonic() >= deadline or (item is None and self._stop.is_set()):
                break
        self._pipeline.flag(batch)
        return batch, taken

    def _keep(self, batch: Batch) -> bool:
        """Make everything of a batch durable: dead letters, one store write, what that refused.

        Returns False when stopped while one of them was away: nothing may be acknowledged then.
        """
        outcomes: list[Outcome] = []
        kept = (
            self._patiently(lambda: self._bury(batch.dead_letters))
            and self._patiently(lambda: outcomes.extend(self._store_write(batch)))
            and self._patiently(lambda: self._bury(refused_by_store(batch, outcomes)))
        )
        if kept:
            if self._raw is not None:
                self._raw.keep(batch)
            self._health.count(batch, outcomes)
            self._show(batch.readings, outcomes)
        return kept

    def _show(self, readings: list[FlaggedReading], outcomes: list[Outcome]) -> None:
        """Let the fast lane of alerts see what is new in the store."""
        if self._fast_lane is not None and readings:
            new = (Outcome.STORED, Outcome.REVISED)
            pairs = zip(readings, outcomes, strict=True)
            self._fast_lane.offer([reading for reading, outcome in pairs if outcome in new])

    def _note_replies(self, batch: Batch) -> None:
        """Best effort, as for contacts: whoever waits for an answer may ask again."""
        if batch.replies:
            try:
                answered(self._registry, batch.replies, SystemClock().now())
            except OperationalError as error:
                log.warning("answers of devices not noted", error=str(error))

    def _cut_floods(self, batch: Batch) -> None:
        """Quarantine who floods, when what it sent is kept; should this fail, it is told again."""
        now = SystemClock().now()
        due = now + timedelta(hours=settings()["due_h"])
        for sensor, flood in batch.floods.items():
            log.error("sensor floods", sensor=sensor, **asdict(flood))
            try:
                quarantine_flood(self._registry, sensor, facts=asdict(flood), due=due, at=now)
            except OperationalError as error:
                log.warning("flood not noted", sensor=sensor, error=str(error))

    def _bury(self, letters: list[NewDeadLetter]) -> None:
        if letters:
            self._registry.add_dead_letters(letters)

    def _store_write(self, batch: Batch) -> list[Outcome]:
        if not (batch.readings or batch.received):
            return []
        return self._store.write(
            batch.readings, received=batch.received, dead_lettered=batch.dead_lettered
        )

    def _patiently(self, step: Callable[[], None]) -> bool:
        """Do a step, waiting longer and longer (with jitter) while a store is away.

        Returns False when stopped while waiting: the step is undone, its messages unacknowledged.
        """
        wait = 0.1
        while True:
            try:
                step()
                self._health.store_ok = True
            except (StoreUnavailable, OperationalError) as error:
                self._health.store_ok = False
                log.warning("store unavailable, waiting", wait_s=round(wait, 1), error=str(error))
                asked = min(getattr(error, "retry_after_s", 0.0), self._options.longest_wait_s)
                if self._stop.wait(max(wait * self._rng.uniform(0.5, 1.5), asked)):
                    return False
                wait = min(wait * 2, self._options.longest_wait_s)
            else:
                return True


def run_ingest(
    address: BrokerAddress,
    *,
    store: Store,
    registry: Registry,
    catalogue: Catalogue,
    options: IngestOptions,
    fast_lane: FastLaneThread | None = None,
    raw: RawWriter | None = None,
) -> None:
    """Run one worker in this process until SIGTERM or SIGINT, then drain and return.

    fast_lane: of alerts; it is started and stopped with the worker. raw: keeps messages as they
    came.
    """
    directory = SensorDirectory(registry, catalogue)
    if options.retire and not address.mqtt5:
        raise ValueError("a worker is retired at a broker of MQTT 5 only: others share nothing")
    session = BrokerSession(
        address, client_id=options.client_id, media=options.media, leaving=options.retire
    )
    health = Health(session)
    worker = Worker(
        session,
        Pipeline(directory, catalogue),
        directory,
        store,
        registry,
        options,
        health,
        random.Random(),  # noqa: S311 - jitter only
        fast_lane,
        raw,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    server = HealthServer(health, options.health_host, options.health_port)
    server.start()
    session.start()
    if fast_lane is not None:
        fast_lane.start()
    gc.freeze()  # what is here stays: each batch would have it looked through for garbage
    log.info("ingest is running", health_port=server.port, client_id=options.client_id)
    try:
        worker.run()
    finally:
        if worker.retired:
            session.end()
        else:
            session.close()
        if fast_lane is not None:
            fast_lane.stop()
        if raw is not None:
            raw.close()
        server.stop()
        store.close()
    log.info("ingest drained and stopped", retired=worker.retired)
