"""The fast lane: readings that were just stored, rules of instants and short windows, seconds.

It sees what passes through one ingest worker, in order, and at its start what is stored of the
windows that are running. What came late, what another worker took, and instants that were lost with
a killed process are the averaged lane's. It never holds up ingest: it works in a thread of its own
and lets go of batches that it cannot follow.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl
import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from alerts.evaluate import Evaluator
from alerts.kinds import STREAMED, Measure, measure_of
from alerts.limits import Limits
from alerts.record import Case, Recorder, breach_of
from alerts.routing import Router
from alerts.rulebook import holds_for, rules_in_force
from alerts.windows import SHAPES, Window, WindowStream, shape_of
from registry import Registry
from registry.models import AlertRow
from registry.permits import permits
from schemas import (
    Clock,
    FlaggedReading,
    Interval,
    ParameterKey,
    SensorId,
    catalogue,
    from_ms,
    to_ms,
)
from schemas.alerts import Breach, Rule
from schemas.flags import GOOD_QUALITY, USABLE
from schemas.ids import Medium
from storage import Store, StoreUnavailable

log = structlog.get_logger()

LONGEST_S = 1200  # windows up to that are followed here
OLD_MS = 900_000  # what is older than that when it comes is the other lane's
RENEW_EVERY_S = 10.0
AHEAD_MS = 600_000  # clocks of devices may be some minutes ahead of ours
GRACE_MS = 3_000  # so long after its end a window is waited for no more
QUEUE = 64  # batches
_USABLE = frozenset(int(flag) for flag in USABLE)


@dataclass(slots=True)
class _Watch:
    """One rule at one channel, with where its windows and its breach stand."""

    case: Case
    parameter: ParameterKey
    stream: WindowStream
    measure: Measure
    evaluator: Evaluator
    told: Breach | None

    def needed_from(self, moment_ms: int) -> int:
        return self.stream.needed_from(moment_ms, timedelta(minutes=self.case.rule.hold_min))


class FastLane:
    """Evaluates readings as they come. Not thread-safe: one thread owns it."""

    def __init__(
        self,
        registry: Registry,
        router: Router,
        clock: Clock,
        media: Collection[Medium] = (),
    ) -> None:
        """media: whose sensors are followed; empty: all."""
        self._registry = registry
        self._media = frozenset(media) or frozenset(Medium)
        self._clock = clock
        self._recorder = Recorder(registry, router, final=False)
        self._version: tuple[int, str] = (-1, "")
        self._watches: dict[SensorId, list[_Watch]] = {}
        self._limits = Limits({})

    def renew(self) -> None:
        """Follow changes of sensors, stations and rules; what was being followed goes on."""
        rules = [rule for rule in rules_in_force(self._registry) if is_fast(rule)]
        version = (self._registry.version(), "".join(rule.model_dump_json() for rule in rules))
        if version == self._version:
            return
        kept = {
            (watch.case.rule, watch.case.sensor): watch
            for watches in self._watches.values()
            for watch in watches
        }
        going_on = self._going_on()
        stations, places = self._registry.stations(), self._registry.places()
        fresh: dict[SensorId, list[_Watch]] = {}
        for sensor in self._registry.sensors().values():
            station = stations[sensor.station]
            for rule in rules:
                if (
                    sensor.medium not in self._media
                    or sensor.state != "active"
                    or rule.parameter not in sensor.parameters
                    or not holds_for(rule, station)
                ):
                    continue
                case = Case(rule, sensor.id, places[station.district], sensor.id, station)
                watch = kept.get((rule, sensor.id))
                if watch is None or watch.case != case:
                    watch = _watch(case, sensor.cadence_s, going_on.get((rule.id, sensor.id)))
                fresh.setdefault(sensor.id, []).append(watch)
        self._watches, self._version = fresh, version
        self._limits = Limits(permits(self._registry))

    def recall(self, store: Store) -> None:
        """Fill the windows from the store: the running ones, and those before that still decide.

        So a worker that takes over from one that died judges whole windows. Instants are left to
        the other lane. Raises StoreUnavailable.
        """
        self.renew()
        now_ms = to_ms(self._clock.now())
        watches = [watch for of_sensor in self._watches.values() for watch in of_sensor]
        begins = [watch.needed_from(now_ms) for watch in watches]
        if not begins:
            return
        window = Interval(from_ms(min(begins)), from_ms(now_ms + AHEAD_MS))
        parameters = {watch.parameter for watch in watches}
        rows = store.read(window, sensors=list(self._watches), parameters=parameters)
        usable = rows.filter(pl.col("value").is_not_null(), (pl.col("quality") % 10).is_in(_USABLE))
        for sensor, ts, parameter, value in usable.select(
            "sensor", "ts", "parameter", "value"
        ).iter_rows():
            for watch in self._watches[sensor]:
                if watch.parameter == parameter and to_ms(ts) >= watch.needed_from(now_ms):
                    self._evaluate(watch, watch.stream.feed(to_ms(ts), value))

    def see(self, readings: Iterable[FlaggedReading]) -> None:
        """Take stored readings, and let windows end whose time is over."""
        now = self._clock.now()
        now_ms = to_ms(now)
        oldest_ms = now_ms - OLD_MS
        for reading in readings:
            if reading.ts_ms < oldest_ms:
                continue
            for watch in self._watches.get(reading.sensor, ()):
                value = reading.values.get(watch.parameter)
                if value is None:
                    continue
                code = reading.quality.get(watch.parameter, GOOD_QUALITY)
                if code % 10 in _USABLE:
                    self._evaluate(watch, watch.stream.feed(reading.ts_ms, value))
        for watches in self._watches.values():
            for watch in watches:
                self._evaluate(watch, watch.stream.until(now_ms - GRACE_MS))

    def _evaluate(self, watch: _Watch, window: Window | None) -> None:
        seen = None if window is None else watch.measure.of(window)
        if seen is None:
            return
        limit = self._limits.at(watch.case.rule, watch.case.station, seen.moment)
        for breach in watch.evaluator.see(seen, limit):
            if _is_news(watch.told, breach):
                self._recorder.record(watch.case, breach, self._clock.now())
                watch.told = breach

    def _going_on(self) -> dict[tuple[str, str], Breach]:
        with self._registry.session() as session:
            rows = session.scalars(select(AlertRow).where(AlertRow.ended.is_(None)))
            return {(row.rule, row.subject): breach_of(row) for row in rows}


def is_fast(rule: Rule) -> bool:
    """Whether a rule is one of the fast lane."""
    short = rule.window == "instant" or SHAPES[rule.window].length.total_seconds() <= LONGEST_S
    return rule.kind in STREAMED and short


def _watch(case: Case, cadence_s: int, ongoing: Breach | None) -> _Watch:
    rule = case.rule
    return _Watch(
        case,
        rule.parameter,
        WindowStream(rule.window, catalogue()[rule.parameter], cadence_s),
        measure_of(rule),
        Evaluator(rule, case.subject, shape_of(rule.window, cadence_s).step, ongoing),
        ongoing,
    )


def _is_news(told: Breach | None, breach: Breach) -> bool:
    """Whether a breach has moved on so that people should know; its last value is no news."""
    if told is None or told.start != breach.start:
        return True
    return (told.end, told.certain, told.severity) != (breach.end, breach.certain, breach.severity)


class FastLaneThread:
    """The fast lane beside an ingest worker. skipped: batches that it could not follow.

    store: what the windows are filled from at the start; without it they begin empty.
    """

    def __init__(self, lane: FastLane, store: Store | None = None) -> None:
        self._lane = lane
        self._store = store
        self._batches: queue.Queue[Sequence[FlaggedReading] | None] = queue.Queue(QUEUE)
        self._thread = threading.Thread(target=self._run, name="fast-lane", daemon=True)
        self.skipped = 0

    def start(self) -> None:
        """Recall, then follow. To be called before readings are stored: none counts twice then."""
        if self._store is not None:
            try:
                self._lane.recall(self._store)
            except (OperationalError, StoreUnavailable) as error:
                log.warning("fast lane: nothing recalled, left to the DAG", error=str(error))
        self._thread.start()

    def offer(self, readings: Sequence[FlaggedReading]) -> None:
        """Hand over readings that are stored; never waits."""
        try:
            self._batches.put_nowait(readings)
        except queue.Full:
            self.skipped += 1

    def stop(self) -> None:
        """Let it finish what it was given."""
        self._batches.put(None)
        self._thread.join(10)

    def _run(self) -> None:
        renewed = float("-inf")
        for batch in self._arriving():
            try:
                if time.monotonic() - renewed > RENEW_EVERY_S:
                    self._lane.renew()
                    renewed = time.monotonic()
                self._lane.see(batch)
            except OperationalError as error:
                self.skipped += 1
                log.warning("fast lane: registry unavailable, left to the DAG", error=str(error))

    def _arriving(self) -> Iterator[Sequence[FlaggedReading]]:
        """Batches as they come, and empty ones in between, for windows end without readings too."""
        while True:
            try:
                batch = self._batches.get(timeout=1.0)
            except queue.Empty:
                yield ()
                continue
            if batch is None:
                return
            yield batch
