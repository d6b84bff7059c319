"""The answer to an address and its query: found, chosen, told. Nothing of HTTP is here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from console.sensorthings import formats
from console.sensorthings import observed as observed_rows
from console.sensorthings.conformance import CONFORMANCE
from console.sensorthings.model import OBSERVATIONS, SELF, SETS
from console.sensorthings.observed import Observed
from console.sensorthings.options import Options, query_of, read_options
from console.sensorthings.paths import Address, Step, read_path
from console.sensorthings.refusals import missing
from console.sensorthings.scanning import Page, Scan, Scope
from console.sensorthings.selecting import choose
from console.sensorthings.telling import Teller, Told, scope_of

_SAFE = "/'():,@$"


@dataclass(frozen=True, slots=True)
class Plain:
    """A property's bare value, which is told as text."""

    text: str


def service_root(root: str) -> Told:
    """The entity sets, and what of the standard is offered."""
    return {
        "value": [{"name": name, "url": f"{root}/{name}"} for name in SETS],
        "serverSettings": {"conformance": CONFORMANCE},
    }


def answer(path: str, query: str, *, observed: Observed, root: str) -> Any:
    """What a path below the root is answered with: JSON, or Plain. Raises Refusal."""
    return _Asked(path, query, observed, root).answer()


class _Asked:
    def __init__(self, path: str, query: str, observed: Observed, root: str) -> None:
        self._link = f"{root}/{quote(path, safe=_SAFE)}"
        self._address: Address = read_path(path)
        one = not self._address.collection
        self._options = read_options(query, self._address.found, one=one)
        self._entities, self._observed = observed.entities, observed
        self._teller = Teller(observed, root)
        self._last = self._follow()

    def _follow(self) -> str | None:
        """The id of the entity that the steps lead to. Raises Refusal 404."""
        at: Step | None = None
        key: str | None = None
        for step in self._address.steps:
            key = self._step(at, key, step)
            at = step
        return key

    def _step(self, at: Step | None, before: str | None, step: Step) -> str:
        key = step.id
        if at is not None and before is not None:
            leads = self._leads(at, before, step)
            key = leads[0] if key is None and leads else key
            if key not in leads:
                raise missing(f"{at.found.singular} {before!r} leads to no {step.relation} {key!r}")
        if key is None or not self._is_there(step.found.name, key):
            raise missing(f"no {step.found.singular} with the id {key!r}")
        return key

    def _is_there(self, name: str, key: str) -> bool:
        if name == OBSERVATIONS:
            return not self._observed.one(key).is_empty()
        return key in self._entities.sets[name]

    def _leads(self, at: Step, before: str, step: Step) -> list[str]:
        if at.found.name == OBSERVATIONS:
            return [self._related(before)[step.relation]]
        if step.found.name == OBSERVATIONS:
            key = step.id or ""
            scope = scope_of(at.found, before)
            if not self._is_there(OBSERVATIONS, key):
                return []
            row = self._related(key)
            within = scope.feature in (None, row["FeatureOfInterest"]) and (
                scope.datastreams is None or row["Datastream"] in scope.datastreams
            )
            return [key] if within else []
        return self._entities.related(at.found.name, step.relation, before)

    def _related(self, observation: str) -> dict[str, str]:
        """Where the relations of an Observation that is there lead."""
        return observed_rows.told(self._observed.one(observation))[0][2]

    def answer(self) -> Any:
        if self._address.collection:
            return self._collection()
        if self._last is None:
            raise missing("name an entity")
        told = self._one(self._last)
        if self._address.form == "$ref":
            return {SELF: told[SELF]}
        if not self._address.property:
            return self._as_feature(told) if self._options.format else told
        return self._property(told)

    def _as_feature(self, told: Told) -> Told:
        key = self._last or ""
        observed = self._address.found.name == OBSERVATIONS
        return self._feature(key, self._related(key) if observed else {}, told)

    def _one(self, key: str) -> Told:
        name = self._address.found.name
        whole = bool(self._address.property or self._address.form)
        options = Options() if whole else self._options
        if name == OBSERVATIONS:
            return self._teller.observations(Page(self._observed.one(key)), options)[0]
        return self._teller.entities(name, [key], options)[0]

    def _property(self, told: Told) -> Any:
        name = self._address.property
        if told.get(name) is None:
            raise missing(f"{name} has no value here")
        if self._address.form != "$value":
            return {name: told[name]}
        value = told[name]
        return Plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))

    # Collections

    def _collection(self) -> Any:
        name = self._address.found.name
        if name == OBSERVATIONS:
            page = Scan(self._observed, self._scope(), self._options).page()
            return self._formatted(page, page.count, page.token, page.skip)
        chosen = choose(self._entities, name, self._among(), self._options, self._observed.times)
        return self._formatted(chosen.ids, chosen.count, chosen.token)

    def _scope(self) -> Scope:
        if not self._address.steps or self._last is None:
            return Scope()
        return scope_of(self._address.steps[-1].found, self._last)

    def _among(self) -> list[str]:
        if not self._address.steps or self._last is None:
            return list(self._entities.sets[self._address.found.name])
        at = self._address.steps[-1].found
        return self._entities.related(at.name, self._address.collection, self._last)

    def _formatted(
        self, found: list[str] | Page, count: int | None, token: str, skip: int = 0
    ) -> Told:
        whole: Told = {} if count is None else {"@iot.count": count}
        if token:
            query = query_of(self._options, token, skip)
            whole["@iot.nextLink"] = f"{self._link}?{query}"
        if self._address.form == "$ref":
            name = self._address.found.name
            links = [self._teller.link(name, key) for key, _ in self._rows(found)]
            return {**whole, "value": [{SELF: link} for link in links]}
        told = self._told(found)
        if not self._options.format:
            return {**whole, "value": told}
        rows = self._rows(found)
        if self._options.format == formats.DATA_ARRAY:
            links = [self._teller.link("Datastreams", to["Datastream"]) for _, to in rows]
            keys = [key for key, _ in rows]
            arrays = zip(links, told, keys, strict=True)
            return {**whole, "value": formats.data_arrays(list(arrays), self._options)}
        features = [self._feature(*row, each) for row, each in zip(rows, told, strict=True)]
        return {**formats.feature_collection(features), **whole}

    def _feature(self, key: str, relations: dict[str, str], told: Told) -> Told:
        name = self._address.found.name
        geometry = formats.geometry_of(self._entities, name, key, relations)
        return formats.feature(key, geometry, told)

    def _rows(self, found: list[str] | Page) -> list[tuple[str, dict[str, str]]]:
        """Ids, and of Observations where they lead."""
        if isinstance(found, Page):
            return [(key, to) for key, _, to in observed_rows.told(found.rows)]
        return [(key, {}) for key in found]

    def _told(self, found: list[str] | Page) -> list[Told]:
        if isinstance(found, Page):
            return self._teller.observations(found, self._options)
        return self._teller.entities(self._address.found.name, found, self._options)
