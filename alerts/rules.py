"""Rules are data: read from `rules.yaml`, or the file that ONENET_RULES names."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from schemas import catalogue
from schemas.alerts import Limit, Rule
from schemas.registry import Station

_RULES = TypeAdapter(list[Rule])


def load_rules(path: Path | None = None) -> list[Rule]:
    """The rules of a file. Raises ValueError that names rule, field and what is wrong."""
    named = path or (Path(os.environ["ONENET_RULES"]) if "ONENET_RULES" in os.environ else None)
    source = named or resources.files("alerts").joinpath("rules.yaml")
    try:
        rules = _RULES.validate_python(yaml.safe_load(source.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{source}: rule {where}: {first['msg']}") from None
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise ValueError(f"{source}: rule {rule.id} stands twice")
        seen.add(rule.id)
        if rule.parameter not in catalogue():
            raise ValueError(f"{source}: rule {rule.id}: no parameter {rule.parameter!r}")
    return rules


def holds_for(rule: Rule, station: Station) -> bool:
    """Whether a rule is about this kind of station at all."""
    return rule.medium == station.medium and (not rule.kinds or station.kind in rule.kinds)


def limit_for(rule: Rule, zone: str | None, part: str) -> Limit | None:
    """The first limit that fits a zone and a part of the day (`day` or `night`)."""
    return next(
        (
            limit
            for limit in rule.limits
            if limit.zone in (None, zone) and limit.part in (None, part)
        ),
        None,
    )
