"""Records of alerting: rules (data), breaches (intervals), alerts (things with a life)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.ids import Medium, ParameterKey


class Severity(StrEnum):
    """The four grades of warning, mildest first (蓝 黄 橙 红)."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


class AlertState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limit(_Record):
    """One number that holds in a zone and part of the day; None = in every one.

    part: `day` 06:00-22:00, `night` 22:00-06:00 in the city's time.
    """

    zone: str | None = None
    part: Literal["day", "night"] | None = None
    value: float


class Rule(_Record):
    """A condition over time, as data.

    window_s: averaging window. limits: the first whose zone and part fit is taken; none fits = the
    rule does not apply there. hold_s: the condition must last so long before an alert opens.
    hysteresis: how far, in the unit, the value must fall back before the breach ends.
    source: the standard and clause, or the reason, that the numbers come from.
    """

    id: str
    zh: str
    en: str
    medium: Medium
    parameter: ParameterKey
    kinds: tuple[str, ...] = Field((), description="station kinds it holds for; empty = all")
    window_s: int = Field(gt=0)
    direction: Literal["above", "below"] = "above"
    limits: tuple[Limit, ...] = Field(min_length=1)
    hold_s: int = Field(0, ge=0)
    hysteresis: float = Field(0.0, ge=0)
    min_completeness: float = Field(0.75, ge=0, le=1)
    severity: Severity
    source: str

    @model_validator(mode="after")
    def _hold_is_whole_windows(self) -> Rule:
        if self.hold_s % self.window_s:
            raise ValueError(f"{self.id}: hold_s must be a multiple of window_s")
        return self


class Breach(_Record):
    """An interval in which a rule's condition held at one sensor. end is None while it lasts."""

    rule: str
    sensor: str
    start: datetime
    end: datetime | None
    peak: float
    last: float
    limit: float


class Alert(_Record):
    """What people see and act on; one for each (rule, sensor, start of the breach)."""

    id: int
    rule: str
    sensor: str
    station: str
    district: str
    parameter: ParameterKey
    severity: Severity
    state: AlertState
    started: datetime
    ended: datetime | None
    limit: float
    peak: float
    last: float
    opened: datetime
    closed: datetime | None
