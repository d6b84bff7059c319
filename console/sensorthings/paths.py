"""The resource path of an address: `Things('noise-01')/Datastreams`, `…/name/$value`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from console.sensorthings.model import ID, SELF, SETS, EntitySet, entity_set
from console.sensorthings.refusals import bad, missing

MOST_STEPS = 12
_STEP = re.compile(r"(?P<name>[A-Za-z]+)\((?P<id>.*)\)", re.DOTALL)
_TEXT = re.compile(r"'((?:[^']|'')*)'", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One entity on the way: by its id, or None for the one that a relation leads to."""

    relation: str
    found: EntitySet
    id: str | None


@dataclass(frozen=True, slots=True)
class Address:
    """What a path names: the steps to it, then a collection, a property, its value or links.

    collection: name of the relation or entity set at the end, "" for a single entity.
    """

    steps: tuple[Step, ...]
    found: EntitySet
    collection: str = ""
    property: str = ""
    form: Literal["", "$value", "$ref"] = ""


def read_path(text: str) -> Address:
    """What a path below the service's root names. Raises Refusal 404 or 400."""
    parts = _parts(text)
    if len(parts) > MOST_STEPS:
        raise bad(f"the path has {len(parts)} steps; at most {MOST_STEPS}")
    form: Literal["", "$value", "$ref"] = ""
    if parts[-1] in ("$value", "$ref"):
        form = "$value" if parts.pop() == "$value" else "$ref"
    address = _read(parts)
    if form == "$value" and not address.property:
        raise bad("$value: stands after a property, as Things('…')/name/$value")
    if form == "$ref" and address.property:
        raise bad("$ref: stands after entities, as Things('…')/Datastreams/$ref")
    return Address(address.steps, address.found, address.collection, address.property, form)


def _parts(text: str) -> list[str]:
    """Cut at slashes that stand in no quoted id."""
    parts, quoted, start = [], False, 0
    for place, sign in enumerate(text):
        if sign == "'":
            quoted = not quoted
        elif sign == "/" and not quoted:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _read(parts: list[str]) -> Address:
    if not parts:
        raise missing(f"name an entity set: {', '.join(SETS)}")
    steps: list[Step] = []
    at: EntitySet | None = None
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        name, key = _step(part)
        if at is not None and last and key is None and _is_property(at, name):
            return Address(tuple(steps), at, property=name)
        target, many = _target(at, name)
        if key is None and many:
            if not last:
                raise missing(f"{name}: many; name one as {name}('…') before going on")
            return Address(tuple(steps), target, collection=name)
        steps.append(Step(name, target, key))
        at = target
    if at is None:
        raise missing(f"name an entity set: {', '.join(SETS)}")
    return Address(tuple(steps), at)


def _step(part: str) -> tuple[str, str | None]:
    if "(" not in part:
        return part, None
    found = _STEP.fullmatch(part)
    if found is None:
        raise bad(f"{part!r}: write an entity as Things('noise-01')")
    key = _TEXT.fullmatch(found["id"].strip())
    if key is None:
        raise missing(f"{part}: ids are texts here; write them in quotes, as {found['name']}('…')")
    return found["name"], key[1].replace("''", "'")


def _is_property(found: EntitySet, name: str) -> bool:
    return name in found.properties or name in (ID, SELF)


def _target(at: EntitySet | None, name: str) -> tuple[EntitySet, bool]:
    """The set that a step leads to, and whether to many."""
    if at is None:
        return entity_set(name), True
    if name not in at.relations:
        known = ", ".join((*at.properties, *at.relations))
        raise missing(f"{at.name} have no {name!r}; they have {known}")
    return SETS[at.relations[name]], name in at.many
