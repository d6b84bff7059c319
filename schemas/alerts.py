"""Records of alerting: rules (data), breaches (intervals), alerts (things with a life), events."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.ids import Medium, ParameterKey


class Severity(StrEnum):
    """The four grades of warning, mildest first (蓝 黄 橙 红)."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class AlertState(StrEnum):
    PENDING = "pending"  # the condition holds, but not yet long enough
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    ON_SITE = "on_site"
    CLOSED = "closed"


# What waits for people: all but what is not certain yet, and what is done.
LIVE_STATES = (
    AlertState.OPEN,
    AlertState.ACKNOWLEDGED,
    AlertState.DISPATCHED,
    AlertState.ON_SITE,
)


class Outcome(StrEnum):
    """How an alert ended: the first three are people's findings, the others the evaluator's."""

    CONFIRMED = "confirmed"
    UNFOUNDED = "unfounded"
    SENSOR_FAULT = "sensor_fault"
    MERGED = "merged"
    RECOVERED = "recovered"  # an early warning whose condition passed
    LAPSED = "lapsed"  # it never held long enough
    WITHDRAWN = "withdrawn"  # corrected data show that the condition never held


FINDINGS = (Outcome.CONFIRMED, Outcome.UNFOUNDED, Outcome.SENSOR_FAULT)


class Kind(StrEnum):
    """What is held against the limit; see `alerts.kinds`."""

    EXCEEDANCE = "exceedance"
    SUDDEN = "sudden"
    RISE = "rise"
    FORECAST = "forecast"
    SILENCE = "silence"
    CONSTANCY = "constancy"
    DISAGREEMENT = "disagreement"
    NETWORK = "network"


WindowName = Literal[
    "instant", "1min", "10min", "15min", "20min", "1h", "8h", "24h", "day", "night"
]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LimitSource(_Record):
    """Where a rule's number comes from: a standard's table, a permit, or a number with a reason.

    standard: family of editions; the edition is that of the window's day, the zone, target class or
    area the station's own. mean: of air, the kind of mean whose limit is meant (`1h`, `24h`,
    `8h_max`). night_peak: of noise, by how much a peak at night may lie above the night's limit.
    """

    standard: str | None = None
    mean: Literal["1h", "24h", "8h_max"] | None = None
    night_peak: str | None = None
    permit: bool = False
    value: float | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> LimitSource:
        if sum((self.standard is not None, self.permit, self.value is not None)) != 1:
            raise ValueError("exactly one of standard, permit and value is needed")
        if self.value is not None and not self.reason:
            raise ValueError("a limit that is typed as a value needs its reason")
        return self


class Where(_Record):
    """Which stations a rule is about; an empty list = all of them.

    owner: `government`, `enterprise`, or both where it is None.
    """

    kinds: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()
    owner: Literal["government", "enterprise"] | None = None


class Graver(_Record):
    """From so far beyond the limit on (in the parameter's unit) the alert has another grade."""

    by: float = Field(gt=0)
    severity: Severity


class Rule(_Record):
    """A condition over time, as data.

    window: what is averaged; running 8 h each hour, all others one after the other on the city's
    clock. part: only in the day (06:00-22:00) or the night. hold_min: minutes that the condition
    must last before an alert is certain. hysteresis: how far, in the unit, the value must fall back
    before the breach ends. rest_min: minutes that it must stay there; what comes back sooner is the
    same breach, which ends when the rest began. close: whether a person closes the alert, or the
    end of the breach does. route: who is told (`routes.yaml`).

    over_min (rise): the change over so many minutes. ahead_h (forecast): how far ahead.
    radius_km (disagreement): how far a station of the other owner may be. of (network): the rule
    whose breaches are counted over the stations of a district.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    kind: Kind = Kind.EXCEEDANCE
    medium: Medium
    parameter: ParameterKey
    where: Where = Where()
    window: WindowName
    part: Literal["day", "night"] | None = None
    direction: Literal["above", "below"] = "above"
    limit: LimitSource
    hold_min: int = Field(0, ge=0)
    hysteresis: float = Field(0.0, ge=0)
    rest_min: int = Field(0, ge=0, le=720)
    min_completeness: float = Field(0.75, ge=0, le=1)
    severity: Severity
    graver: tuple[Graver, ...] = ()
    close: Literal["person", "recovery"] = "person"
    route: str = "enforcement"
    over_min: int | None = Field(None, gt=0)
    ahead_h: int | None = Field(None, gt=0, le=24)
    radius_km: float | None = Field(None, gt=0)
    of: str | None = None
    enabled: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        needed = {
            Kind.RISE: ("over_min",),
            Kind.FORECAST: ("ahead_h",),
            Kind.DISAGREEMENT: ("radius_km",),
            Kind.NETWORK: ("of",),
        }.get(self.kind, ())
        for name in needed:
            if getattr(self, name) is None:
                raise ValueError(f"a rule of kind {self.kind} needs {name}")
        return self

    def severity_at(self, excess: float) -> Severity:
        """The grade for a value so far beyond the limit, in the unit."""
        found = self.severity
        for step in self.graver:
            if excess >= step.by and step.severity.rank > found.rank:
                found = step.severity
        return found


class Breach(_Record):
    """An interval in which a rule's condition held for one subject. end is None while it lasts.

    certain: the condition has lasted for the rule's hold time. peak: the value furthest beyond its
    limit, `limit` the limit that it was beyond by `excess`, and `basis` where that limit stands.
    """

    rule: str
    subject: str
    start: datetime
    end: datetime | None
    certain: bool
    peak: float
    peak_at: datetime
    last: float
    limit: float
    excess: float
    basis: str
    severity: Severity


class Alert(_Record):
    """What people see and act on; one for each breach of a rule at a subject.

    subject: the sensor, or the district of a network rule; sensor and station are None then.
    certain: since when the hold time is filled. incident: number of the first alert of the event
    that this one belongs to. at_level: which level deals with it, level_since when. late: found
    long after it began, by data that came late.
    """

    id: int
    rule: str
    kind: Kind
    subject: str
    sensor: str | None
    station: str | None
    district: str
    subdistrict: str | None
    medium: Medium
    parameter: ParameterKey
    severity: Severity
    state: AlertState
    outcome: Outcome | None
    route: str
    started: datetime
    ended: datetime | None
    limit: float
    basis: str
    peak: float
    peak_at: datetime
    last: float
    opened: datetime
    certain: datetime | None
    acknowledged: datetime | None
    dispatched: datetime | None
    arrived: datetime | None
    closed: datetime | None
    at_level: Literal["subdistrict", "district", "city"]
    level_since: datetime
    assignee: str | None
    snoozed_until: datetime | None
    incident: int | None
    merged_into: int | None
    late: bool
    findings: str


class AlertEvent(_Record):
    """One thing that happened to an alert: a move, or a note without a change of state.

    before, after: states; `before` is None for the first. The `after` of one event is the `before`
    of the next.
    """

    id: int
    alert: int
    at: datetime
    who: str
    move: str
    before: AlertState | None
    after: AlertState
    why: str
    detail: dict[str, Any]


class PermitLimit(_Record):
    """What a permit allows at an outfall or boundary, in the parameter's unit.

    since, until: first moment, and the first after it; None = open.
    """

    station: str
    parameter: ParameterKey
    value: float
    source: str
    since: datetime | None = None
    until: datetime | None = None
