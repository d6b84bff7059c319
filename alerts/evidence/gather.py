"""Reads everything that belongs to an alert: registry, time-series store, archive of messages.

What is not there is a gap, and said; nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl
from sqlalchemy import select

from alerts.evidence import gaps
from alerts.evidence.devices import life_of
from alerts.evidence.facts import Facts, Judged, Photo, RuleAsItWas, Span
from alerts.evidence.weather import weather_near
from alerts.limits import Limits
from alerts.moves import NoSuchAlert
from alerts.reading import alert, alert_events
from alerts.record import Case
from alerts.rulebook import fingerprint, load_rules
from alerts.series import Scene, series
from alerts.windows import shape_of
from registry import Registry
from registry.models import AlertPhotoRow, AlertRow, AuditRow, RuleVersionRow
from registry.permits import permits
from schemas import Interval, SensorId, StationId
from schemas.alerts import Alert, Rule
from schemas.clock import HOUR
from schemas.registry import Place, Sensor, Station
from standards import edition_file, editions
from storage import Store
from storage.raw import RawArchive, RawMessage

WINDOWS = 3  # before and after, and an hour at least
LONGEST = timedelta(days=62)  # of a breach that goes on and on, its last days are looked at
ENDINGS = {"image/jpeg": "jpg", "image/png": "png"}


def gather(
    number: int,
    *,
    registry: Registry,
    store: Store,
    raw: RawArchive | None,
    kept: Sequence[RawMessage],
    at: datetime,
    by: str,
) -> Facts:
    """The facts of an alert. kept: messages that earlier bundles hold.

    Raises NoSuchAlert, StoreUnavailable.
    """
    found = alert(registry, number)
    if found is None:
        raise NoSuchAlert(f"there is no alert {number}")
    stations = registry.stations()
    station = stations.get(StationId(found.station)) if found.station else None
    district = registry.places()[found.district]
    everywhere = registry.sensors()
    rule = _rule_as_it_was(registry, found, station)
    span = span_of(found, rule.rule, at)
    own = _own(found, everywhere, stations)
    observations = store.read(span.whole, sensors={sensor.id for sensor in own})
    revisions = store.revisions(span.whole).filter(pl.col("sensor").is_in([s.id for s in own]))
    messages = _messages(raw, kept, own, span, at)
    over = Interval(span.whole.start, min(span.whole.end, at))
    judged = _judged(found, rule, own, station, district, store, over, registry)
    sensors = [life_of(registry, sensor, until=at) for sensor in own]
    weather = weather_near(station, district, store, everywhere, stations, span.whole)
    missing = [
        *gaps.of_rule(rule),
        *gaps.of_time(found, span, at),
        *gaps.of_readings(observations, span),
        *gaps.of_messages(raw, messages, observations, revisions, span),
        *gaps.of_calibration(sensors),
        *gaps.of_weather(weather),
        *gaps.of_windows(found, judged),
    ]
    return Facts(
        alert=found,
        made=at,
        by=by,
        district=district,
        station=station,
        own=own,
        span=span,
        rule=rule,
        observations=observations,
        revisions=revisions,
        judged=judged,
        raw=messages,
        sensors=sensors,
        weather=weather,
        events=alert_events(registry, number),
        audit=_audit(registry, number),
        photos=_photos(registry, number),
        gaps=missing,
    )


def span_of(found: Alert, rule: Rule | None, at: datetime) -> Span:
    """The breach, and three windows of its rule, at least an hour, before and after it."""
    margin = HOUR
    if rule is not None:
        length = shape_of(rule.window, 0).length
        margin = max(HOUR, WINDOWS * length, timedelta(minutes=rule.over_min or 0))
    end = min(found.ended or at, at)
    start = max(found.started - margin, end - LONGEST)
    return Span(Interval(start, max(end + margin, start + HOUR)), found.started, end)


def _own(
    found: Alert, everywhere: Mapping[SensorId, Sensor], stations: Mapping[StationId, Station]
) -> list[Sensor]:
    """The alert's sensor; of a network rule, all of its district that measure the parameter."""
    if found.sensor is not None:
        return [everywhere[SensorId(found.sensor)]]
    return [
        sensor
        for sensor in everywhere.values()
        if sensor.medium == found.medium
        and found.parameter in sensor.parameters
        and stations[sensor.station].district == found.district
    ]


def _rule_as_it_was(registry: Registry, found: Alert, station: Station | None) -> RuleAsItWas:
    with registry.session() as session:
        wanted = session.get_one(AlertRow, found.id).rule_hash
        query = select(RuleVersionRow.content).where(RuleVersionRow.rule == found.rule)
        kept = [Rule.model_validate_json(content) for content in session.scalars(query)]
    shipped = [rule for rule in load_rules() if rule.id == found.rule]
    rule = next((r for r in [*shipped, *kept] if fingerprint(r) == wanted), None)
    limit = Limits(permits(registry)).at(rule, station, found.peak_at) if rule else None
    edition = file = None
    if limit is not None and limit.edition:
        known = editions()[limit.edition]
        edition = {
            "id": known.id,
            "title": dict(known.title),
            "effective_from": known.effective_from and known.effective_from.isoformat(),
            "effective_until": known.effective_until and known.effective_until.isoformat(),
            "source": known.source,
            "verified": known.verified,
        }
        file = edition_file(limit.edition)
    return RuleAsItWas(wanted, rule, limit, edition, file)


def _judged(
    found: Alert,
    known: RuleAsItWas,
    own: Sequence[Sensor],
    station: Station | None,
    district: Place,
    store: Store,
    over: Interval,
    registry: Registry,
) -> list[Judged]:
    """The windows that the rule saw, made again from what the store holds now.

    over: time that is over, so that no window is judged by a part of it.
    """
    rule = known.rule
    if rule is None or rule.kind in gaps.NOT_AGAIN:
        return []
    stations = {str(s.id): s for s in registry.stations().values()}
    scene = Scene(store, {str(s.id): s for s in own}, stations, (), over)
    case = Case(rule, found.subject, district, found.sensor, station)
    limits = Limits(permits(registry))
    judged = []
    for window in series(rule, [case], scene).get(found.subject, ()):
        limit = limits.at(rule, station, window.moment)
        enough = limit is not None and window.completeness >= rule.min_completeness
        beyond = not limit.met(window.value) if enough and limit is not None else None
        judged.append(Judged(window, limit, beyond))
    return judged


def _messages(
    raw: RawArchive | None,
    kept: Sequence[RawMessage],
    own: Sequence[Sensor],
    span: Span,
    at: datetime,
) -> list[RawMessage]:
    """Of the archive, and what earlier bundles had already taken from it; each once, by arrival."""
    found = {} if raw is None else {_key(m): m for m in raw.find(_ids(own), span.whole, at)}
    for message in kept:
        found.setdefault(_key(message), message)
    return sorted(found.values(), key=lambda m: (m.arrived_ms, m.topic, m.payload))


def _key(message: RawMessage) -> tuple[str, bytes]:
    return message.topic, message.payload


def _ids(own: Sequence[Sensor]) -> list[str]:
    return [str(sensor.id) for sensor in own]


def _audit(registry: Registry, number: int) -> list[dict[str, object]]:
    """The log's entries of this alert as they are kept, so that each hash can be made again."""
    query = select(AuditRow).where(AuditRow.subject == f"alert:{number}").order_by(AuditRow.number)
    names = [column.key for column in AuditRow.__table__.columns]
    with registry.session() as session:
        return [
            {name: getattr(row, name) for name in names} | {"at": row.at.isoformat()}
            for row in session.scalars(query)
        ]


def _photos(registry: Registry, number: int) -> list[Photo]:
    query = select(AlertPhotoRow).where(AlertPhotoRow.alert_id == number).order_by(AlertPhotoRow.id)
    with registry.session() as session:
        return [
            Photo(f"{n}-{row.sha256[:8]}.{ENDINGS.get(row.kind, 'bin')}", row.content, row.event_id)
            for n, row in enumerate(session.scalars(query), 1)
        ]
