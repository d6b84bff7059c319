"""What evidence is made of, as it was read; nothing here reads or writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from alerts.evidence.bundle import Gap
from alerts.windows import Window
from schemas import Interval
from schemas.alerts import Alert, AlertEvent, Rule
from schemas.registry import Place, Sensor, Station
from standards.legal_limits import LegalLimit
from storage.raw import RawMessage

BEFORE, DURING, AFTER = "before", "during", "after"


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at: the breach itself, and some time before and after it."""

    whole: Interval
    start: datetime
    end: datetime

    def phase(self, moment: datetime) -> str:
        if moment < self.start:
            return BEFORE
        return DURING if moment < self.end else AFTER


@dataclass(frozen=True, slots=True)
class RuleAsItWas:
    """By what the alert was raised. rule is None where no version with that hash was kept.

    limit: at the peak. edition_file: the standard's table as this installation has it.
    """

    hash: str
    rule: Rule | None
    limit: LegalLimit | None
    edition: Mapping[str, Any] | None
    edition_file: tuple[str, bytes] | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A window as the rule looks at it."""

    window: Window
    limit: LegalLimit | None
    beyond: bool | None  # None: no limit, or not enough data


@dataclass(frozen=True, slots=True)
class Photo:
    name: str
    content: bytes
    event: int


@dataclass(frozen=True, slots=True)
class WeatherStation:
    """The nearest station that measured a parameter, and what it did. readings: as observations."""

    parameter: str
    station: Station
    km: float
    readings: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that goes into a bundle. district: of the alert; station: None of network rules.

    observations, revisions: of all channels of the sensors, in `span.whole`. sensors: what is on
    record of each, as JSON. audit: rows of the log, with their hashes.
    """

    alert: Alert
    made: datetime
    by: str
    district: Place
    station: Station | None
    own: Sequence[Sensor]
    span: Span
    rule: RuleAsItWas
    observations: pl.DataFrame
    revisions: pl.DataFrame
    judged: Sequence[Judged]
    raw: Sequence[RawMessage]
    sensors: Sequence[Mapping[str, Any]]
    weather: Sequence[WeatherStation]
    events: Sequence[AlertEvent]
    audit: Sequence[Mapping[str, Any]]
    photos: Sequence[Photo]
    gaps: Sequence[Gap]
