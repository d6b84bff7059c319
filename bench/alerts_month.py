"""A recorded month with injected exceedances, through ingest and both lanes, on a clock of its own.

`python -m bench.alerts_month` tells precision and recall on two sets. In both the recorded values
keep their shape and are held below the limits. In the scripted one whole windows are lifted above
them: exactly these must be alerts. In the noisy one there are gaps, spikes and a device that
freezes, and the injected exceedances are short, faint and begin anywhere; what is found of them is
reported.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from alerts import FastLane, Router, alerts, judge, judge_hours, load_rules
from alerts.limits import Limits
from ingest.directory import SensorDirectory
from ingest.pipeline import Batch, Message, Pipeline
from registry import Registry, migrate, open_registry, seed_demo_city
from schemas import CITY_TIME, FixedClock, Interval, catalogue, from_ms, to_ms
from schemas.alerts import Alert, Outcome, Rule
from schemas.clock import DAY, HOUR
from schemas.registry import Station
from simulators.recordings import recording
from storage import Store, open_store

BEGIN = datetime(2026, 10, 1, tzinfo=CITY_TIME).astimezone(UTC)
DAYS = 30
STEP = timedelta(minutes=10)  # readings that arrive together
JUDGED_EVERY = timedelta(hours=3)
WIGGLE = 0.2  # of what is injected: a level that never moves is taken for a frozen device
SHOULDER = 0.8  # of the limit, an hour before and after: a cloud does not come like a spike
LMAX_ABOVE = 8.0  # the recording has no Lmax: so far above LAeq
RULES = (
    "noise-hour", "noise-early", "noise-sudden-night",
    "o3-hour", "no2-hour", "so2-hour", "pm25-hour", "pm25-day",
)  # fmt: skip
NOISE = ("noise-dongmen-1", "noise-lianhua-1", "noise-xinan-1")
AIR = ("air-lianhua-2", "air-cuizhu-2")

Values = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Injected:
    """An exceedance put into the recording, and the rules that it must make an alert of."""

    sensor: str
    parameter: str
    start: datetime
    end: datetime
    above: float  # the limit of `rules[0]`, in the unit
    rules: tuple[str, ...]


@dataclass
class Month:
    """The city that lives it: real store, registry, pipeline, fast lane."""

    store: Store
    registry: Registry
    clock: FixedClock = field(default_factory=lambda: FixedClock(BEGIN))
    limits: Limits = field(default_factory=lambda: Limits({}))
    rules: dict[str, Rule] = field(default_factory=lambda: {r.id: r for r in load_rules()})

    def live(self, readings: Iterable[tuple[str, datetime, Values]]) -> None:
        """Let readings arrive in order; both lanes run. What is late by an hour comes late."""
        directory = SensorDirectory(self.registry, catalogue())
        directory.renew()
        pipeline, lane = (
            Pipeline(directory, catalogue()),
            FastLane(self.registry, Router(), self.clock),
        )
        lane.renew()
        due = BEGIN + JUDGED_EVERY
        for end, batch_readings in _steps(readings):
            self.clock.advance(end - self.clock.now())
            batch = Batch()
            for sensor, at, values in batch_readings:
                pipeline.process(_message(sensor, at, values, end), batch)
            pipeline.flag(batch)
            self.store.write(batch.readings)
            lane.see(batch.readings)
            if end >= due:
                self._judge(end)
                due += JUDGED_EVERY
        self.clock.advance(BEGIN + (DAYS + 2) * DAY - self.clock.now())
        self._judge(self.clock.now())

    def _judge(self, now: datetime) -> None:
        chosen = [self.rules[name] for name in RULES]
        judge(now, rules=chosen, store=self.store, registry=self.registry)

    def judge_all_again(self) -> None:
        """Everything once more, as late data would have it: nothing may change."""
        last = Interval(BEGIN + (DAYS - 5) * DAY, BEGIN + DAYS * DAY)
        chosen = [self.rules[name] for name in RULES]
        now = self.clock.now()
        hours = list(last.hours())
        judge_hours(hours, now, rules=chosen, store=self.store, registry=self.registry)

    def raised(self) -> list[Alert]:
        """All that was raised and not withdrawn."""
        found = [a for name in RULES for a in alerts(self.registry, rule=name, limit=100_000)]
        return [a for a in found if a.outcome is not Outcome.WITHDRAWN]

    @cached_property
    def stations(self) -> dict[str, Station]:
        """Stations by sensor."""
        known = self.registry.stations()
        return {str(s.id): known[s.station] for s in self.registry.sensors().values()}

    def limit(self, rule: str, sensor: str, at: datetime) -> float:
        station = self.stations[sensor]
        found = self.limits.at(self.rules[rule], station, at)
        if found is None:
            raise LookupError(f"{rule} has no limit at {station.id}")
        return float(found.value)


def _steps(
    readings: Iterable[tuple[str, datetime, Values]],
) -> Iterator[tuple[datetime, list[tuple[str, datetime, Values]]]]:
    """Readings by the step at whose end they arrive; each step, empty ones too."""
    end, group = BEGIN + STEP, []
    for reading in readings:
        while reading[1] >= end:
            yield end, group
            end, group = end + STEP, []
        group.append(reading)
    yield end, group


def _message(sensor: str, at: datetime, values: Values, arrived: datetime) -> Message:
    medium = "noise" if sensor.startswith("noise") else "air"
    payload = json.dumps({"ts": to_ms(at), "values": values})
    topic = f"onenet/v1/{medium}/{sensor}/data/json"
    return Message(topic, payload.encode(), to_ms(arrived))


# The recording


def recorded() -> Iterator[tuple[str, datetime, Values]]:
    """A month of real values at five sensors, in order of time."""
    start, end = BEGIN.timestamp(), (BEGIN + DAYS * DAY).timestamp()
    rows: list[tuple[int, str, Values]] = []
    for index, sensor in enumerate(NOISE):
        shift = index * 86_400  # the same five days, each sensor on another of them
        for t, values in recording("noisemonitor-1min").between(
            start + shift,
            end + shift,
            ["laeq"],  # type: ignore[list-item]
        ):
            level = values.get("laeq")  # type: ignore[call-overload]
            if level is not None:
                rows.append(
                    (t - shift, sensor, {"laeq": level, "lmax": round(level + LMAX_ABOVE, 1)})
                )
    for sensor, name in zip(AIR, ("prsa-aotizhongxin", "prsa-dongsi"), strict=True):
        keys = ["pm25", "o3", "no2", "so2"]
        for t, values in recording(name).between(start, end, keys):  # type: ignore[arg-type]
            rows.append((t, sensor, {str(k): v for k, v in values.items() if v is not None}))
    rows.sort(key=lambda row: (row[0], row[1]))
    return ((sensor, from_ms(t * 1000), values) for t, sensor, values in rows)


# The scripted set

NOISE_ROOM = 10.0  # dB(A)
QUIET_AIR = {"pm25": 30.0, "o3": 120.0, "no2": 120.0, "so2": 300.0}


def held_below(value: float, cap: float, room: float) -> float:
    """Below `cap`, with its ups and downs: what lies above `cap - room` is pressed together."""
    over = value - (cap - room)
    return value if over <= 0 else cap - room + over * room / (over + room)


def quieted(month: Month) -> Iterator[tuple[str, datetime, Values]]:
    """The recording with its shape, held below every limit."""
    for sensor, at, values in recorded():
        if sensor in NOISE:
            cap = month.limit("noise-hour", sensor, at) - 4
            level = round(held_below(float(values["laeq"] or 0), cap, NOISE_ROOM), 1)
            yield sensor, at, {"laeq": level, "lmax": round(level + LMAX_ABOVE, 1)}
        else:
            yield (
                sensor,
                at,
                {
                    key: round(held_below(float(value or 0), QUIET_AIR[key], QUIET_AIR[key]), 1)
                    for key, value in values.items()
                },
            )


def scripted(rng: random.Random) -> list[Injected]:
    """Whole hours above the limit, two days apart on a sensor; peaks in the night; bad days."""
    found = []
    for sensor in NOISE:
        for day in range(1, DAYS - 1, 2):
            local = (BEGIN + day * DAY).astimezone(CITY_TIME)
            start = local.replace(hour=rng.randint(8, 16)).astimezone(UTC)
            hours = rng.randint(1, 4)
            rules = ("noise-hour", "noise-early")
            above = rng.uniform(5, 12)
            found.append(Injected(sensor, "laeq", start, start + hours * HOUR, above, rules))
            peak = local.replace(hour=23, minute=rng.randint(0, 59)).astimezone(UTC)
            end = peak + timedelta(minutes=1)
            found.append(
                Injected(sensor, "lmax", peak, end, rng.uniform(3, 8), ("noise-sudden-night",))
            )
    for sensor in AIR:
        for index, day in enumerate(range(1, DAYS - 1, 2)):
            local = (BEGIN + day * DAY).astimezone(CITY_TIME)
            start = local.replace(hour=rng.randint(9, 18)).astimezone(UTC)
            rule = ("o3-hour", "no2-hour", "so2-hour", "pm25-hour", "pm25-day")[index % 5]
            if rule == "pm25-day":
                start, hours, above = local.astimezone(UTC), 24, rng.uniform(10, 40)
            else:
                hours = 3 if rule == "pm25-hour" else rng.randint(3, 5)  # not to spoil the day
                above = rng.uniform(20, 40)
            end = start + hours * HOUR
            found.append(Injected(sensor, rule.partition("-")[0], start, end, above, (rule,)))
    return found


def inject(
    month: Month,
    readings: Iterable[tuple[str, datetime, Values]],
    injected: Iterable[Injected],
) -> Iterator[tuple[str, datetime, Values]]:
    """Lift what lies in an injected exceedance above the limit that holds there and then."""
    by_sensor: dict[str, list[Injected]] = defaultdict(list)
    for one in injected:
        by_sensor[one.sensor].append(one)
    for sensor, at, values in readings:
        lifted = dict(values)
        for one in by_sensor[sensor]:
            if not one.start - HOUR <= at < one.end + HOUR:
                continue
            if one.start <= at < one.end:  # where the recording has a gap, too
                limit = month.limit(one.rules[0], sensor, at)
                level = limit + one.above * (1 + WIGGLE * math.sin(to_ms(at) / 1e6))
                lifted[one.parameter] = round(level, 1)
                if one.parameter == "laeq":
                    lifted["lmax"] = round(level + LMAX_ABOVE, 1)
            elif sensor in AIR:
                limit = month.limit(one.rules[0], sensor, at)
                lifted[one.parameter] = round(limit * SHOULDER, 1)
        yield sensor, at, lifted


# The noisy set


def disturbed(
    readings: Iterable[tuple[str, datetime, Values]], rng: random.Random
) -> Iterator[tuple[str, datetime, Values]]:
    """One reading in twelve is missing, one in 300 is a spike, and one sensor freezes for a day."""
    frozen = Interval(BEGIN + 12 * DAY, BEGIN + 13 * DAY)
    held: Values = {}
    for sensor, at, values in readings:
        if rng.random() < 1 / 12:
            continue
        if sensor == NOISE[1] and at in frozen:
            held = held or values
            yield sensor, at, held
            continue
        if rng.random() < 1 / 300:
            height = 45 if sensor in NOISE else 600
            yield sensor, at, {key: (value or 0) + height for key, value in values.items()}
            continue
        yield sensor, at, values


def faint(rng: random.Random) -> list[Injected]:
    """From 20 minutes to 3 hours, 0.3 to 6 dB(A) above the limit, beginning anywhere."""
    found = []
    for sensor in NOISE:
        for day in range(1, DAYS - 1):
            local = (BEGIN + day * DAY).astimezone(CITY_TIME)
            start = local.replace(hour=rng.randint(8, 17), minute=rng.randint(0, 59))
            end = start + timedelta(minutes=rng.randint(20, 180))
            above = rng.uniform(0.3, 6)
            found.append(
                Injected(
                    sensor,
                    "laeq",
                    start.astimezone(UTC),
                    end.astimezone(UTC),
                    above,
                    ("noise-early",),
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class Score:
    """found: of the injected; raised: alerts of the rules scored; right: of them, injected ones."""

    injected: int
    found: int
    raised: int
    right: int

    @property
    def recall(self) -> float:
        return self.found / self.injected

    @property
    def precision(self) -> float:
        return self.right / self.raised if self.raised else 1.0


def score(raised: Iterable[Alert], injected: Iterable[Injected], rules: Iterable[str]) -> Score:
    """Each injected exceedance and rule against the alerts whose time it overlaps."""
    scored = set(rules)
    mine = [a for a in raised if a.rule in scored]
    wanted = [(one, rule) for one in injected for rule in one.rules if rule in scored]

    def hit(alert: Alert, one: Injected, rule: str) -> bool:
        during = alert.started < one.end and (alert.ended is None or alert.ended > one.start)
        return during and (alert.rule, alert.sensor) == (rule, one.sensor)

    return Score(
        len(wanted),
        sum(any(hit(a, *each) for a in mine) for each in wanted),
        len(mine),
        sum(any(hit(a, *each) for each in wanted) for a in mine),
    )


def lived(
    home: Path,
    make: Callable[[Month], Iterable[tuple[str, datetime, Values]]],
) -> Month:
    """A month in a city of its own."""
    url = f"sqlite:///{home}/registry.db"
    migrate(url)
    registry, store = open_registry(url), open_store(f"sqlite:///{home}/observations.db")
    seed_demo_city(registry)
    month = Month(store, registry)
    month.live(make(month))
    return month


def main() -> None:
    seeds = [random.Random(seed) for seed in (1, 2, 3)]  # noqa: S311 - no secret
    exact, vague = scripted(seeds[0]), faint(seeds[1])
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        month = lived(Path(first), lambda m: inject(m, quieted(m), exact))
        _tell("scripted", score(month.raised(), exact, RULES))
        noisy = lived(
            Path(second),
            lambda m: disturbed(inject(m, quieted(m), vague), seeds[2]),
        )
        _tell("noisy", score(noisy.raised(), vague, ["noise-early"]))
        others = Counter(a.rule for a in noisy.raised() if a.rule != "noise-early")
        print(f"noisy, other rules: {dict(others)}")


def _tell(name: str, found: Score) -> None:
    print(
        f"{name}: {found.injected} injected, {found.found} found, {found.raised} raised, "
        f"{found.right} of them injected; precision {found.precision:.3f}, "
        f"recall {found.recall:.3f}"
    )


if __name__ == "__main__":
    main()
