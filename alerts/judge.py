"""Judging: read what the rules need, evaluate, and bring the alerts up to date. Idempotent.

An alert is one breach of one rule at one sensor. It opens once, follows its breach, and closes with
it; each of these is an event, and its outbox items are written in the event's own transaction.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alerts.evaluate import evaluate
from alerts.lifecycle import moved
from alerts.message import message
from alerts.rules import holds_for
from alerts.windows import windows
from registry import Registry
from registry.models import AlertEventRow, AlertRow, OutboxItemRow
from schemas import Interval, catalogue
from schemas.alerts import AlertState, Breach, Rule
from schemas.registry import Place, Sensor, Station
from storage import Store

LOOK_BACK = timedelta(hours=3)  # or three windows and the hold time, if that is more
EVALUATOR = "evaluator"


@dataclass(frozen=True, slots=True)
class Judged:
    opened: int
    updated: int
    closed: int


@dataclass(frozen=True, slots=True)
class _Case:
    """One rule at one sensor, with what was decided before."""

    rule: Rule
    sensor: Sensor
    station: Station
    ongoing: Breach | None
    since: datetime


def judge(
    now: datetime,
    *,
    rules: Sequence[Rule],
    store: Store,
    registry: Registry,
    channels: Iterable[str] = (),
) -> Judged:
    """Bring every alert to its state at `now`; running it again changes nothing.

    channels: names of the channels that each event is to be delivered by. Raises StoreUnavailable.
    """
    cases = _cases(rules, registry, now)
    if not cases:
        return Judged(0, 0, 0)
    series = _series(cases, store, now)
    empty = pl.DataFrame(schema={"ts": pl.Datetime("ms", "UTC"), "value": pl.Float64})
    counts: Counter[str] = Counter()
    writer = _Writer(registry, now, tuple(channels))
    for case in cases:
        rows = series.get((case.sensor.id, case.rule.parameter), empty)
        if rows.is_empty():
            continue  # silence proves nothing: an open alert stays open
        parameter = catalogue()[case.rule.parameter]
        seen = windows(
            rows.filter(pl.col("ts") >= case.since),
            case.rule,
            parameter,
            case.sensor.cadence_s,
            now,
        )
        for breach in evaluate(
            case.rule, case.sensor.id, case.station.zone, seen, ongoing=case.ongoing
        ):
            counts.update(writer.record(case, breach))
    return Judged(counts["opened"], counts["updated"], counts["closed"])


def look_back(rule: Rule) -> timedelta:
    return max(LOOK_BACK, timedelta(seconds=3 * rule.window_s + rule.hold_s))


def _cases(rules: Sequence[Rule], registry: Registry, now: datetime) -> list[_Case]:
    stations = registry.stations()
    ongoing, decided = _decided(registry)
    cases = []
    for sensor in registry.sensors().values():
        station = stations[sensor.station]
        for rule in rules:
            if (
                sensor.state != "active"
                or rule.parameter not in sensor.parameters
                or not holds_for(rule, station)
            ):
                continue
            key = (rule.id, sensor.id)
            breach = ongoing.get(key)
            # Before the open breach, or the end of the last one, everything is decided.
            decided_to = breach.start if breach is not None else decided.get(key)
            since = max(now - look_back(rule), decided_to or now - look_back(rule))
            cases.append(_Case(rule, sensor, station, breach, since))
    return cases


Key = tuple[str, str]


def _decided(registry: Registry) -> tuple[dict[Key, Breach], dict[Key, datetime]]:
    """Open breaches, and the end of the last closed one, by rule and sensor."""
    with registry.session() as session:
        rows = session.scalars(select(AlertRow).where(AlertRow.state == AlertState.OPEN))
        ongoing = {
            (row.rule, row.sensor): Breach(
                rule=row.rule,
                sensor=row.sensor,
                start=row.started,
                end=None,
                peak=row.peak,
                last=row.last,
                limit=row.limit_value,
            )
            for row in rows
        }
        ended = session.execute(
            select(AlertRow.rule, AlertRow.sensor, func.max(AlertRow.ended))
            .where(AlertRow.ended.is_not(None))
            .group_by(AlertRow.rule, AlertRow.sensor)
        )
        return ongoing, {(rule, sensor): at for rule, sensor, at in ended if at is not None}


def _series(
    cases: Sequence[_Case], store: Store, now: datetime
) -> dict[tuple[str, str], pl.DataFrame]:
    """Observations by sensor and parameter; one read for each reach, so that long windows of a few
    rules do not make the store give a month of everything."""
    reaches: dict[timedelta, list[_Case]] = defaultdict(list)
    for case in cases:
        reaches[look_back(case.rule)].append(case)
    found: dict[tuple[str, str], pl.DataFrame] = {}
    for reach in sorted(reaches):
        frame = store.read(
            Interval(now - reach, now),
            sensors={case.sensor.id for case in reaches[reach]},
            parameters={case.rule.parameter for case in reaches[reach]},
        )
        for key, rows in frame.partition_by("sensor", "parameter", as_dict=True).items():
            found[str(key[0]), str(key[1])] = rows
    return found


class _Writer:
    """Records breaches as alerts, each change in a transaction of its own."""

    def __init__(self, registry: Registry, now: datetime, channels: tuple[str, ...]) -> None:
        self._registry = registry
        self._places: dict[str, Place] = registry.places()
        self._now = now
        self._channels = channels

    def record(self, case: _Case, breach: Breach) -> list[str]:
        """What became of the alert: opened, updated, closed; nothing when all was known."""
        try:
            with self._registry.session.begin() as session:
                return self._record(session, case, breach)
        except IntegrityError:
            return []  # another evaluator opened it a moment ago

    def _record(self, session: Session, case: _Case, breach: Breach) -> list[str]:
        row = session.scalar(
            select(AlertRow).where(
                AlertRow.rule == breach.rule,
                AlertRow.sensor == breach.sensor,
                AlertRow.started == breach.start,
            )
        )
        done = []
        if row is None:
            row = self._new(case, breach)
            session.add(row)
            session.flush()
            self._tell(session, case, row, "opened")
            done.append("opened")
        elif row.state != AlertState.OPEN:
            return []
        elif (row.last, row.peak, row.limit_value) != (breach.last, breach.peak, breach.limit):
            graver = row.peak != breach.peak
            row.last, row.peak, row.limit_value = breach.last, breach.peak, breach.limit
            row.state = moved(AlertState(row.state), "updated")
            if graver:
                self._note(session, row, "updated", {"last": row.last, "peak": row.peak})
            done.append("updated")
        if breach.end is not None:
            row.state = moved(AlertState(row.state), "closed")
            row.ended, row.closed = breach.end, self._now
            self._tell(session, case, row, "closed")
            done.append("closed")
        return done

    def _new(self, case: _Case, breach: Breach) -> AlertRow:
        return AlertRow(
            rule=case.rule.id,
            sensor=case.sensor.id,
            station=case.station.id,
            district=case.station.district,
            parameter=case.rule.parameter,
            severity=case.rule.severity,
            state=moved(None, "opened"),
            started=breach.start,
            limit_value=breach.limit,
            peak=breach.peak,
            last=breach.last,
            opened=self._now,
        )

    def _note(
        self, session: Session, row: AlertRow, kind: str, detail: dict[str, object]
    ) -> AlertEventRow:
        event = AlertEventRow(
            alert_id=row.id,
            at=self._now,
            who=EVALUATOR,
            kind=kind,
            detail=json.dumps(detail, ensure_ascii=False),
        )
        session.add(event)
        session.flush()
        return event

    def _tell(self, session: Session, case: _Case, row: AlertRow, kind: str) -> None:
        """Note the event and put it in the outbox of every channel."""
        district = self._places[case.station.district]
        content = message(kind, row, case.rule, case.station, district)
        event = self._note(session, row, kind, content)
        for channel in self._channels:
            session.add(
                OutboxItemRow(
                    alert_id=row.id,
                    event_id=event.id,
                    channel=channel,
                    key=f"alert-{row.id}-event-{event.id}",
                    payload=json.dumps(content, ensure_ascii=False),
                    created=self._now,
                    next_attempt=self._now,
                )
            )
