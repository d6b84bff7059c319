"""The averaged lane: read what the rules need, evaluate, bring the alerts up to date. Idempotent.

Each minute over the last hours (`judge`), and over any hours whose data came late or were corrected
(`judge_hours`). Both are the check of the fast lane: they see all data, so what that lane missed is
raised here, and what it saw too early is put right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select

from alerts.evaluate import evaluate
from alerts.limits import Limits
from alerts.record import VOID, Case, Recorder, breach_of, meets
from alerts.routing import Router
from alerts.rulebook import holds_for
from alerts.series import Scene, network_last, series
from alerts.windows import Window, shape_of
from registry import Registry
from registry.maintenance import maintenance_windows
from registry.models import AlertRow
from registry.permits import permits
from schemas import Interval
from schemas.alerts import Breach, Kind, Rule
from schemas.clock import DAY, HOUR
from schemas.registry import Place, Sensor, Station
from storage import Store

LOOK_BACK = 3 * HOUR  # or three windows and the hold time, if that is more
SETTLING = timedelta(minutes=1)  # an alert so young may rest on data that came after ours were read
AT_ONCE = 2_000_000  # observations in memory
REACH = timedelta(days=7)  # late data older than that change pictures, but raise nobody


@dataclass(frozen=True, slots=True)
class Judged:
    """How many alerts made which move."""

    moves: Mapping[str, int]

    def __getitem__(self, move: str) -> int:
        return self.moves.get(move, 0)


def judge(
    now: datetime,
    *,
    rules: Sequence[Rule],
    store: Store,
    registry: Registry,
    router: Router | None = None,
) -> Judged:
    """Bring every alert to its state at `now`; running it again changes nothing.

    Raises StoreUnavailable.
    """
    return _judge(rules, lambda rule: _recent(rule, now), now, store, registry, router)


def judge_hours(
    hours: Sequence[Interval],
    now: datetime,
    *,
    rules: Sequence[Rule],
    store: Store,
    registry: Registry,
    router: Router | None = None,
) -> Judged:
    """Judge again what hours with new or corrected data have to do with, as far back as `REACH`."""
    young = [hour for hour in hours if hour.start >= now - REACH]
    if not young:
        return Judged({})
    first, last = min(h.start for h in young), max(h.end for h in young)
    past = [rule for rule in rules if rule.kind is not Kind.SILENCE]
    return _judge(past, lambda rule: _touched(rule, first, last, now), now, store, registry, router)


def look_back(rule: Rule) -> timedelta:
    """How far back a rule is judged again each time: further than a breach that may go on rests."""
    length = shape_of(rule.window, 0).length
    minutes = rule.hold_min + rule.rest_min + (rule.over_min or 0)
    return max(LOOK_BACK, 3 * length + timedelta(minutes=minutes))


def _recent(rule: Rule, now: datetime) -> Interval:
    return Interval(_aligned(rule, now - look_back(rule)), now)


def _touched(rule: Rule, first: datetime, last: datetime, now: datetime) -> Interval:
    """From before the hours up to where no breach that they touch can still be going on: now."""
    return Interval(_aligned(rule, min(first, last) - look_back(rule)), now)


def _aligned(rule: Rule, moment: datetime) -> datetime:
    """The beginning of an hour, or of the day of rules that look at days: no window is cut."""
    whole = shape_of(rule.window, 0).step >= DAY
    return (Interval.city_day(moment) if whole else Interval.hour(moment)).start


def _judge(
    rules: Sequence[Rule],
    span_of: Callable[[Rule], Interval],
    now: datetime,
    store: Store,
    registry: Registry,
    router: Router | None,
) -> Judged:
    sensors = {str(s.id): s for s in registry.sensors().values()}
    stations = {str(s.id): s for s in registry.stations().values()}
    places, limits = registry.places(), Limits(permits(registry))
    recorder = Recorder(registry, router or Router(), final=True)
    moves: Counter[str] = Counter()
    for rule in network_last(rules):
        span = span_of(rule)
        known = _known(registry, rule, span)
        watched = _unattended(registry, sensors, now) if rule.kind is Kind.SILENCE else sensors
        scene = Scene(store, watched, stations, _counted(registry, rule, span), span)
        ongoing = {subject: _ongoing(rule, rows, span) for subject, rows in known.items()}
        for case, breaches in breaches_of(rule, scene, places, limits, ongoing):
            before = known.get(case.subject, [])
            moves.update(_bring_up_to_date(recorder, case, before, breaches, span, now))
    return Judged(moves)


def _unattended(
    registry: Registry, sensors: Mapping[str, Sensor], now: datetime
) -> Mapping[str, Sensor]:
    """Sensors that nobody works on now: the silence of the others is no surprise."""
    attended = maintenance_windows(registry, now, now + SETTLING)
    return {name: sensor for name, sensor in sensors.items() if sensor.id not in attended}


def breaches_of(
    rule: Rule,
    scene: Scene,
    places: Mapping[str, Place],
    limits: Limits,
    ongoing: Mapping[str, Breach | None],
) -> Iterator[tuple[Case, list[Breach]]]:
    """The breaches of a rule in a scene, by its subjects; those without data are left out.

    ongoing: by subject, the breach that was going on before. Raises StoreUnavailable.
    """
    cases = _cases(rule, scene.sensors, scene.stations, places)
    for group in _groups(cases, scene.sensors, scene.span):
        for case, windows in _with_windows(group, series(rule, group, scene)):
            seen = [(w, limits.at(rule, case.station, w.moment)) for w in windows]
            step = _step(rule, case, scene.sensors)
            yield case, evaluate(rule, case.subject, step, seen, ongoing.get(case.subject))


def _bring_up_to_date(
    recorder: Recorder,
    case: Case,
    before: Sequence[AlertRow],
    breaches: Sequence[Breach],
    span: Interval,
    now: datetime,
) -> Counter[str]:
    """Record what the breaches of one subject say that its alerts do not; returns the moves."""
    moves: Counter[str] = Counter()
    for breach in breaches:
        if _news(before, breach):
            moves.update(recorder.record(case, breach, now))
    surely = _surely(case.rule, span)
    if surely and any(_lost(row, surely, breaches) for row in before):
        moves["withdraw"] += recorder.withdraw_others(case, surely, breaches, now)
    return moves


def _with_windows(
    cases: Sequence[Case], seen: Mapping[str, Sequence[Window]]
) -> Iterator[tuple[Case, Sequence[Window]]]:
    """Silence proves nothing: what has no windows stays as it is."""
    return ((case, seen[case.subject]) for case in cases if seen.get(case.subject))


def _groups(
    cases: Iterator[Case], sensors: Mapping[str, Sensor], span: Interval
) -> Iterator[list[Case]]:
    """Subjects whose observations of a span fit into memory together."""
    group: list[Case] = []
    weight = 0
    for case in cases:
        cadence = sensors[case.sensor].cadence_s if case.sensor is not None else 3600
        own = max(1, int(span.length.total_seconds() // cadence))
        if group and weight + own > AT_ONCE:
            yield group
            group, weight = [], 0
        group.append(case)
        weight += own
    if group:
        yield group


def _cases(
    rule: Rule,
    sensors: Mapping[str, Sensor],
    stations: Mapping[str, Station],
    places: Mapping[str, Place],
) -> Iterator[Case]:
    if rule.kind is Kind.NETWORK:
        for place in places.values():
            if place.kind == "district":
                yield Case(rule, place.id, place)
        return
    for sensor in sensors.values():
        station = stations[sensor.station]
        measures = sensor.state == "active" and rule.parameter in sensor.parameters
        if measures and holds_for(rule, station):
            yield Case(rule, sensor.id, places[station.district], sensor.id, station)


def _step(rule: Rule, case: Case, sensors: Mapping[str, Sensor]) -> timedelta:
    if case.sensor is None:
        return HOUR
    return shape_of(rule.window, sensors[case.sensor].cadence_s).step


def _known(registry: Registry, rule: Rule, span: Interval) -> dict[str, list[AlertRow]]:
    """The rule's alerts in a span, by subject, in order. Read before the observations are."""
    found: dict[str, list[AlertRow]] = defaultdict(list)
    for row in _rows(registry, rule.id, span):
        found[row.subject].append(row)
    return found


def _counted(registry: Registry, rule: Rule, span: Interval) -> list[AlertRow]:
    return _rows(registry, rule.of, span) if rule.of is not None else []


def _rows(registry: Registry, rule: str, span: Interval) -> list[AlertRow]:
    query = (
        select(AlertRow)
        .where(
            AlertRow.rule == rule,
            AlertRow.started < span.end,
            or_(
                AlertRow.ended.is_(None),
                AlertRow.ended > span.start,
                AlertRow.started >= span.start,
            ),
        )
        .order_by(AlertRow.started)
    )
    with registry.session() as session:
        return list(session.scalars(query))


def _ongoing(rule: Rule, rows: Sequence[AlertRow], span: Interval) -> Breach | None:
    """The breach that was going on when the span began; of silence, that is now."""
    for row in rows:
        if row.outcome in VOID:
            continue
        if row.started < span.start or (rule.kind is Kind.SILENCE and row.ended is None):
            return breach_of(row)
    return None


def _news(rows: Sequence[AlertRow], breach: Breach) -> bool:
    """Whether a breach says anything that the alerts do not say already."""
    own = [row for row in rows if meets(row, breach)]
    if not breach.certain and breach.end is not None and not own:
        return False  # it lapsed before anybody saw it
    return not any(
        (row.started, row.ended, row.peak, row.last)
        == (breach.start, breach.end, breach.peak, breach.last)
        and (row.certain is not None) is breach.certain
        and (row.outcome in VOID) is (not breach.certain and breach.end is not None)
        for row in own
    )


def _surely(rule: Rule, span: Interval) -> Interval | None:
    """The part of a span whose breaches are all seen, whole: away from its beginning and end."""
    held = timedelta(minutes=rule.hold_min + rule.rest_min)
    margin = shape_of(rule.window, 0).length + held + HOUR
    start, end = span.start + margin, span.end - SETTLING
    if rule.kind in (Kind.SILENCE, Kind.FORECAST, Kind.NETWORK):
        return None  # what was said then stays true: it was said of what was known
    return Interval(start, end) if start < end else None


def _lost(row: AlertRow, surely: Interval, breaches: Sequence[Breach]) -> bool:
    return (
        row.started >= surely.start
        and row.opened <= surely.end
        and row.outcome not in VOID
        and not any(meets(row, breach) for breach in breaches)
    )
