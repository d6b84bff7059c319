"""The rules that are in force: the shipped files, with what people changed laid over them.

A rule is an entry of `rules/*.yaml` (or of the files in the folder that ONENET_RULES names). A rule
edited in the console is kept in the registry, replaces the file's of the same id, and is one more
version in its history; the files are never written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from sqlalchemy import select

from alerts.forecast import coefficients
from registry import Registry
from registry.models import AlertRow, RuleVersionRow
from schemas import catalogue
from schemas.alerts import Kind, Rule
from schemas.observation import GOVERNMENT
from schemas.registry import Station
from standards.legal_limits import families


class BadRule(ValueError):
    """A rule that cannot be used; the text names rule, field, value and what is wrong."""


def load_rules(folder: Path | None = None) -> list[Rule]:
    """The rules of the files, in order of file and entry; read once. Raises BadRule."""
    named = folder or (Path(os.environ["ONENET_RULES"]) if "ONENET_RULES" in os.environ else None)
    return list(_read_folder(named))


@cache
def _read_folder(folder: Path | None) -> tuple[Rule, ...]:
    source = folder or resources.files("alerts").joinpath("rules")
    found: dict[str, Rule] = {}
    for file in sorted(source.iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".yaml"):
            continue
        try:
            entries = yaml.safe_load(file.read_text("utf-8")) or []
        except yaml.YAMLError as error:
            raise BadRule(f"{file.name}: not YAML: {error}") from None
        for entry in entries:
            rule = read_rule(entry, file.name)
            if rule.id in found:
                raise BadRule(f"{file.name}: rule {rule.id} stands twice")
            found[rule.id] = rule
    check(found.values())
    return tuple(found.values())


def rules_in_force(registry: Registry) -> list[Rule]:
    """The files' rules, with the newest version of each edited one in its place. Raises BadRule."""
    return [rule for rule in rules_ever(registry).values() if rule.enabled]


def rules_ever(registry: Registry) -> dict[str, Rule]:
    """The newest version of every rule by id, those that were switched off too. Raises BadRule."""
    found = {rule.id: rule for rule in load_rules()}
    with registry.session() as session:
        for row in session.scalars(select(RuleVersionRow).order_by(RuleVersionRow.id)):
            found[row.rule] = read_rule(json.loads(row.content), f"version {row.id}")
    return found


def rule_of(registry: Registry, alert: AlertRow) -> Rule:
    """The newest version of an alert's rule. Where the files have it no more, what the alert tells.

    An open alert outlives its rule: people still act on it, and it still climbs.
    """
    found = rules_ever(registry).get(alert.rule)
    if found is not None:
        return found
    return Rule.model_validate(
        {
            "id": alert.rule,
            "zh": alert.rule,
            "en": alert.rule,
            "medium": alert.medium,
            "parameter": alert.parameter,
            "window": "instant",
            "direction": "above" if alert.peak >= alert.limit_value else "below",
            "limit": {"value": alert.limit_value, "reason": alert.basis or alert.rule},
            "severity": alert.severity,
            "route": alert.route,
            "enabled": False,
        }
    )


def read_rule(entry: Any, where: str) -> Rule:
    """One rule from its entry. Raises BadRule naming the field and what is wrong with it."""
    try:
        rule = Rule.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "rule"
        name = entry.get("id", "?") if isinstance(entry, dict) else "?"
        raise BadRule(
            f"{where}: rule {name}: {field}: {first['msg']} (given: {first['input']!r:.80})"
        ) from None
    if rule.parameter not in catalogue():
        raise BadRule(f"{where}: rule {rule.id}: no parameter {rule.parameter!r} in the catalogue")
    if rule.kind is Kind.FORECAST and rule.parameter not in coefficients():
        known = ", ".join(coefficients())
        raise BadRule(
            f"{where}: rule {rule.id}: parameter: {rule.parameter} has no forecast; {known} has"
        )
    family = rule.limit.standard
    if family is not None and family not in families():
        known = ", ".join(families())
        raise BadRule(f"{where}: rule {rule.id}: limit.standard: {family!r} is none of {known}")
    return rule


def check(rules: Iterable[Rule]) -> None:
    """Whether rules fit each other. Raises BadRule."""
    by_id = {rule.id: rule for rule in rules}
    for rule in by_id.values():
        if rule.kind is Kind.NETWORK and rule.of not in by_id:
            raise BadRule(f"rule {rule.id}: of: there is no rule {rule.of!r}")


def holds_for(rule: Rule, station: Station) -> bool:
    """Whether a rule is about this station at all."""
    where = rule.where
    owner = GOVERNMENT if station.enterprise is None else "enterprise"
    return (
        rule.medium == station.medium
        and (not where.kinds or station.kind in where.kinds)
        and (not where.grades or station.grade in where.grades)
        and (not where.districts or station.district in where.districts)
        and where.owner in (None, owner)
    )


def fingerprint(rule: Rule) -> str:
    """SHA-256 of a rule's content: which version of it an alert was raised by."""
    return hashlib.sha256(rule.model_dump_json().encode()).hexdigest()


def keep_version(registry: Registry, rule: Rule, *, who: str, why: str, at: datetime) -> int:
    """Keep an edited rule; it is in force from the next evaluation on. Returns its version."""
    row = RuleVersionRow(rule=rule.id, content=rule.model_dump_json(), who=who, why=why, at=at)
    with registry.session.begin() as session:
        session.add(row)
        session.flush()
        return row.id
