"""What the page of one alert shows: chart, map, timeline, service times, and the next moves.

From the registry and the store to what the template paints. No HTML here, no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

import alerts as alerting
from alerts import Photo
from alerts.escalate import allowed
from alerts.limits import Limits
from alerts.moves import ACTIONS
from alerts.record import LEVELS
from console.pages import AlertLine, alert_lines
from drawing.charts import Chart, chart
from drawing.city_map import HEIGHT, WIDTH, project, spread
from registry import Registry, people
from registry.permissions import may
from registry.permits import permits
from schemas import Interval, Level, Period, SensorId, catalogue
from schemas.alerts import FINDINGS, LIVE_STATES, Alert, AlertEvent, Kind, Rule
from schemas.clock import HOUR
from schemas.flags import USABLE
from schemas.people import Located, Person, Role
from schemas.registry import Station
from storage import Store

AROUND = 2 * HOUR  # before and after the breach
LONGEST = timedelta(hours=48)
LIMIT_STEP = timedelta(minutes=15)
# Kinds whose value is the parameter's own, so that limit and readings share a scale.
OWN_SCALE = (Kind.EXCEEDANCE, Kind.SUDDEN, Kind.FORECAST)
VIEW = 300.0  # of the map's width, at least
ASIDE = ("note", "photo", "snooze", "hand_over", "merge")  # moves that lead nowhere further

Spans = Sequence[tuple[datetime, datetime, float]]


@dataclass(frozen=True, slots=True)
class Pin:
    """An alert on the map. own: the one whose page it is."""

    line: AlertLine
    x: float
    y: float
    own: bool


@dataclass(frozen=True, slots=True)
class PinMap:
    """view: x, y, width and height of the part of the city's map that is shown; pin: a radius."""

    pins: tuple[Pin, ...]
    view: tuple[float, float, float, float]
    pin: float


@dataclass(frozen=True, slots=True)
class Service:
    """One step of the service: how long it took, or has been taking, and what the route allows."""

    step: str
    took: timedelta | None
    allowed: timedelta | None
    running: bool = False

    @property
    def late(self) -> bool:
        return self.took is not None and self.allowed is not None and self.took > self.allowed


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the timeline. who: empty where the visitor is not to know."""

    event: AlertEvent
    who: str
    photo: Photo | None


@dataclass(frozen=True, slots=True)
class Moves:
    """What the visitor can do now: names of moves, and what their forms offer."""

    names: tuple[str, ...]
    people: tuple[Person, ...]
    into: tuple[AlertLine, ...]
    findings: tuple[str, ...] = FINDINGS
    levels: tuple[str, ...] = LEVELS

    @property
    def main(self) -> tuple[str, ...]:
        """Those that lead on."""
        return tuple(name for name in self.names if name not in ASIDE)


@dataclass(frozen=True, slots=True)
class AlertPage:
    line: AlertLine
    siblings: tuple[AlertLine, ...]
    timeline: tuple[Told, ...]
    photos: tuple[Photo, ...]
    services: tuple[Service, ...]
    moves: Moves
    climbs_in: timedelta | None
    snoozed: bool
    lasted: timedelta
    map: PinMap
    newest_event: int
    assignee: str


def alert_page(registry: Registry, alert: Alert, person: Person, now: datetime) -> AlertPage:
    """Everything but the chart, which is read from the store."""
    line, *others = alert_lines([alert, *alerting.siblings(registry, alert)], registry)
    events = alerting.alert_events(registry, alert.id)
    pictures = alerting.photos(registry, alert.id) if sees_people(person, alert) else []
    names = {a.person.id: a.person for a in people.people(registry)}
    known = sees_people(person, alert)
    climbs = alerting.climbs_at(alert)
    return AlertPage(
        line=line,
        siblings=tuple(others),
        timeline=tuple(_timeline(events, pictures, names, known)),
        photos=tuple(pictures),
        services=tuple(_services(alert, now)),
        moves=_moves(registry, line, others, person, names.values()),
        climbs_in=None if climbs is None else max(climbs - now, timedelta(0)),
        snoozed=alert.snoozed_until is not None and alert.snoozed_until > now,
        lasted=(alert.ended or now) - alert.started,
        map=_map(line, others),
        newest_event=max((event.id for event in events), default=0),
        assignee=_name(alert.assignee or "", names) if known else "",
    )


def sees_people(person: Person, alert: Alert) -> bool:
    """Whether somebody may see who did what at an alert, what was found, and the pictures."""
    return may(person, "evidence.read", district=alert.district, subdistrict=alert.subdistrict)


def can_move(alert: Alert, person: Person) -> tuple[str, ...]:
    """The moves that are possible now and that the person may make."""
    place = {"district": alert.district, "subdistrict": alert.subdistrict}
    return tuple(
        name
        for name in alerting.possible_moves(alert.state)
        if name in ACTIONS and may(person, ACTIONS[name], **place)
    )


def _moves(
    registry: Registry,
    line: AlertLine,
    others: Sequence[AlertLine],
    person: Person,
    known: Iterable[Person],
) -> Moves:
    alert, names = line.alert, can_move(line.alert, person)
    into: list[AlertLine] = []
    if "merge" in names:
        near = alerting.alerts(registry, states=LIVE_STATES, district=alert.district, limit=200)
        own = {other.alert.id for other in others}
        fitting = [a for a in near if a.parameter == alert.parameter and a.id != alert.id]
        fitting.sort(key=lambda a: a.id not in own)
        into = alert_lines(fitting, registry)
    else:
        names = tuple(name for name in names if name != "merge")
    if not into:
        names = tuple(name for name in names if name != "merge")
    sent = _fit(alert, known, person) if {"dispatch", "hand_over"} & set(names) else ()
    return Moves(names, tuple(sent), tuple(into))


def _fit(alert: Alert, known: Iterable[Person], first: Person) -> list[Person]:
    """Who can be sent: people of the route's work whose scopes hold the place, oneself first."""
    role = Role.TECHNICIAN if alert.route == "technician" else Role.ENFORCEMENT
    place = Located(alert.district, alert.subdistrict, None)
    found = [p for p in known if role in p.roles and any(place.within(s) for s in p.scopes)]
    return sorted(found, key=lambda p: (p.id != first.id, p.id))


def _timeline(
    events: Sequence[AlertEvent],
    pictures: Sequence[Photo],
    names: Mapping[str, Person],
    known: bool,
) -> Iterator[Told]:
    by_event = {picture.event: picture for picture in pictures}
    for event in events:
        person = event.who in names
        shown = _name(event.who, names) if known or not person else ""
        kept = event if known or not person else event.model_copy(update={"why": "", "detail": {}})
        yield Told(kept, shown, by_event.get(event.id))


def _name(person_id: str, names: Mapping[str, Person]) -> str:
    return names[person_id].name if person_id in names else person_id


def _services(alert: Alert, now: datetime) -> Iterator[Service]:
    """From certain to acknowledged, from dispatched to arrived, from certain to closed."""
    since = alert.certain or alert.opened
    over = alert.closed is not None
    for step, start, end, most in (
        ("acknowledge", since, alert.acknowledged, allowed(alert, "acknowledge")),
        ("arrive", alert.dispatched, alert.arrived, allowed(alert, "arrive")),
        ("close", since, alert.closed, None),
    ):
        if end is not None and start is not None:
            yield Service(step, end - start, most)
        elif start is not None and not over:
            yield Service(step, now - start, most, running=True)
        else:
            yield Service(step, None, most)


def _map(line: AlertLine, others: Sequence[AlertLine]) -> PinMap:
    shown = [line, *(o for o in others if o.station is not None and o.station != line.station)]
    points = [project(one.place.lon or 0, one.place.lat or 0) for one in shown]
    placed = spread(points)
    pins = tuple(
        Pin(one, x, y, at == 0) for at, (one, (x, y)) in enumerate(zip(shown, placed, strict=True))
    )
    left, right = min(x for x, _ in placed), max(x for x, _ in placed)
    top, bottom = min(y for _, y in placed), max(y for _, y in placed)
    width = min(WIDTH, max(VIEW, (right - left) * 1.4, (bottom - top) * 1.4 / 0.62))
    height = width * 0.62
    x = min(max((left + right - width) / 2, 0), WIDTH - width)
    y = min(max((top + bottom - height) / 2, 0), max(HEIGHT - height, 0))
    view = (round(x, 1), round(y, 1), round(width, 1), round(height, 1))
    return PinMap(pins, view, round(width / 55, 1))


def alert_chart(registry: Registry, store: Store, line: AlertLine, now: datetime) -> Chart | None:
    """Readings around the breach with the limit over time; None without any.

    Raises StoreUnavailable.
    """
    alert = line.alert
    sensor = registry.sensors().get(SensorId(alert.sensor or ""))
    if sensor is None:
        return None
    window = around(alert, now)
    seen = store.read(window, sensors={sensor.id}, parameters={alert.parameter})
    if seen.is_empty():
        return None
    hours = store.read_aggregates(
        window,
        period=Period.HOUR,
        level=Level.SENSOR,
        subjects={sensor.id},
        parameters={alert.parameter},
    ).sort("start")
    usable = (pl.col("quality") % 10).is_in([int(flag) for flag in USABLE])
    low, high = catalogue()[alert.parameter].range
    bad = seen.filter(~usable, pl.col("value").is_between(low, high))
    limits: Spans = ()
    if line.rule is not None and line.rule.kind in OWN_SCALE:
        limits = limit_spans(registry, line.rule, line.station, window)
    return chart(
        window,
        seen.filter(usable).sort("ts").select("ts", "value").rows(),
        bad.select("ts", "value").rows(),
        hours.filter("valid").select("start", "value").rows(),
        gap=timedelta(seconds=max(3 * sensor.cadence_s, 600)),
        limits=limits,
        band=Interval(
            max(alert.started, window.start),
            min(max(alert.ended or window.end, alert.started + timedelta(minutes=1)), window.end),
        ),
    )


def around(alert: Alert, now: datetime) -> Interval:
    """The time that the chart shows: the breach with some hours before and after, 48 h at most."""
    start = alert.started - AROUND
    end = min(now, (alert.ended or now) + AROUND)
    return Interval(start, max(min(end, start + LONGEST), start + AROUND + HOUR))


def limit_spans(registry: Registry, rule: Rule, station: Station | None, window: Interval) -> Spans:
    """Which limit held from when to when; where the rule does not apply there is none."""
    limits = Limits(permits(registry))
    found: list[tuple[datetime, datetime, float]] = []
    at = window.start
    while at < window.end:
        after = min(
            at - timedelta(seconds=at.timestamp() % LIMIT_STEP.seconds) + LIMIT_STEP, window.end
        )
        limit = limits.at(rule, station, at)
        if limit is not None:
            value = float(limit.value)
            if found and found[-1][1:] == (at, value):
                found[-1] = (found[-1][0], after, value)
            else:
                found.append((at, after, value))
        at = after
    return found
