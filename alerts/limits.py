"""Which limit holds for a rule, at a station, at a moment; with the words that evidence needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from alerts.windows import Part, part_of
from schemas import CITY_TIME
from schemas.alerts import PermitLimit, Rule
from schemas.registry import Station
from standards.legal_limits import LegalLimit, legal_limit
from standards.rounding import exact

Permits = Mapping[tuple[str, str], Sequence[PermitLimit]]  # by station and parameter


class Limits:
    """Limits of rules at stations, each looked up once a day and part of it."""

    def __init__(self, permits: Permits) -> None:
        self._permits = permits
        self._known: dict[tuple[str, str, date, Part], LegalLimit | None] = {}

    def at(self, rule: Rule, station: Station | None, moment: datetime) -> LegalLimit | None:
        """The limit that holds; None where the rule does not apply then, or there is none."""
        part = part_of(moment)
        if rule.part is not None and part != rule.part:
            return None
        source = rule.limit
        if source.value is not None:
            return _plain(exact(source.value), rule, source.reason)
        if station is None:
            return None
        if source.permit:
            return self._permitted(rule, station, moment)
        on = moment.astimezone(CITY_TIME).date()
        key = (rule.id, station.id, on, part)
        if key not in self._known:
            self._known[key] = legal_limit(
                source.standard or "",
                station,
                rule.parameter,
                on=on,
                part=part,
                mean=source.mean,
                night_peak=source.night_peak,
                lower=rule.direction == "below",
            )
        return self._known[key]

    def _permitted(self, rule: Rule, station: Station, moment: datetime) -> LegalLimit | None:
        for permit in self._permits.get((station.id, rule.parameter), ()):
            begun = permit.since is None or permit.since <= moment
            if begun and (permit.until is None or moment < permit.until):
                return _plain(exact(permit.value), rule, permit.source)
        return None


def _plain(value: Decimal, rule: Rule, clause: str) -> LegalLimit:
    return LegalLimit(value, "", clause, "", lower=rule.direction == "below")
