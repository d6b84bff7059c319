"""Rules that people edit: read from what they typed, held against the others, kept with a reason.

The shipped files are never written: an edited rule is a version in the registry, in force from the
next evaluation on, and told in the audit log in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import yaml
from sqlalchemy import select

from alerts.limits import Limits
from alerts.routing import routes
from alerts.rulebook import BadRule, check, holds_for, load_rules, read_rule, rules_ever
from registry import Registry, audit
from registry.models import RuleVersionRow
from registry.permissions import refuse_unless
from registry.permits import permits
from schemas import CITY_TIME
from schemas.alerts import Rule
from schemas.people import Person

LONGEST_TEXT = 20_000
EDIT = "rule.edit"


@dataclass(frozen=True, slots=True)
class Version:
    """A rule as somebody left it. number 0: as the files have it."""

    number: int
    rule: Rule
    who: str
    why: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """A limit that a rule holds its values against now. places: how many stations. part: of day."""

    value: float
    zone: str
    part: str
    clause: str
    places: int


def as_text(rule: Rule) -> str:
    """A rule as people edit it: YAML without what is as usual."""
    return yaml.safe_dump(_entry(rule), allow_unicode=True, sort_keys=False, width=100)


def read_text(registry: Registry, text: str) -> Rule:
    """The one rule of a YAML or JSON text. Raises BadRule naming field and remedy."""
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise BadRule(f"a rule has {LONGEST_TEXT} characters at most, and no NUL")
    try:
        entry = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadRule(f"not YAML: {error}") from None
    if isinstance(entry, list) and len(entry) == 1:
        entry = entry[0]
    if not isinstance(entry, dict):
        raise BadRule("one rule is expected: `id: …`, `zh: …` and so on, a field a line")
    rule = read_rule(entry, "text")
    if rule.route not in routes():
        raise BadRule(f"rule {rule.id}: route: {rule.route!r} is none of {', '.join(routes())}")
    check({**rules_ever(registry), rule.id: rule}.values())
    return rule


def keep(registry: Registry, rule: Rule, *, by: Person, why: str, at: datetime) -> int:
    """Keep an edited rule; returns its version.

    Raises registry.permissions.Forbidden, and BadRule without a reason or without a change.
    """
    refuse_unless(by, EDIT)
    reason = why.strip()
    if not reason or len(reason) > 4000:
        raise BadRule("why: says why the rule is changed, in 4000 characters at most; give it")
    before = rules_ever(registry).get(rule.id)
    if before == rule:
        raise BadRule(f"rule {rule.id}: nothing has changed")
    row = RuleVersionRow(rule=rule.id, content=rule.model_dump_json(), who=by.id, why=reason, at=at)
    with registry.session.begin() as session:
        session.add(row)
        session.flush()
        audit.note(
            session,
            at=at,
            who=by.id,
            action=EDIT,
            subject=f"rule:{rule.id}",
            before=None if before is None else _entry(before),
            after=_entry(rule),
            why=reason,
        )
        return row.id


def versions(registry: Registry, rule_id: str) -> list[Version]:
    """Every version of a rule, the newest first, the file's last."""
    query = select(RuleVersionRow).where(RuleVersionRow.rule == rule_id)
    with registry.session() as session:
        rows = list(session.scalars(query.order_by(RuleVersionRow.id.desc())))
    found = [
        Version(
            row.id,
            read_rule(json.loads(row.content), f"version {row.id}"),
            row.who,
            row.why,
            row.at,
        )
        for row in rows
    ]
    shipped = next((rule for rule in load_rules() if rule.id == rule_id), None)
    return found if shipped is None else [*found, Version(0, shipped, "", "", None)]


def changes(before: Rule, after: Rule) -> dict[str, tuple[Any, Any]]:
    """Fields that differ: before and after."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {key: (old[key], new[key]) for key in old if old[key] != new[key]}


def limits_now(registry: Registry, rule: Rule, on: date) -> list[Held]:
    """The limits that a rule has for the city's stations on a day, by zone and part of the day."""
    limits, counted = Limits(permits(registry)), dict[tuple[float, str, str, str], int]()
    hours: Mapping[str, int] = {"day": 12, "night": 23}
    for station in registry.stations().values():
        if not holds_for(rule, station):
            continue
        for part, hour in hours.items():
            moment = datetime(on.year, on.month, on.day, hour, tzinfo=CITY_TIME)
            limit = limits.at(rule, station, moment)
            if limit is not None:
                key = (float(limit.value), limit.of.removesuffix(f", {part}"), part, limit.clause)
                counted[key] = counted.get(key, 0) + 1
    both: dict[tuple[float, str], list[tuple[str, str, int]]] = {}
    for (value, zone, part, clause), number in counted.items():
        both.setdefault((value, zone), []).append((part, clause, number))
    found = []
    for (value, zone), parts in both.items():
        part = parts[0][0] if len(parts) == 1 else ""
        found.append(Held(value, zone, part, parts[0][1], max(number for *_, number in parts)))
    return sorted(found, key=lambda held: (held.zone, held.part, held.value))


def _entry(rule: Rule) -> dict[str, Any]:
    return rule.model_dump(mode="json", exclude_defaults=True)
