"""Entities as the standard's JSON: properties, links, and what `$select` and `$expand` ask for.

What a page expands is fetched relation by relation for all its entities together, not one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from console.sensorthings import observed as rows
from console.sensorthings.model import ID, OBSERVATIONS, SELF, SETS, EntitySet
from console.sensorthings.observed import DATASTREAM, Observed, iso
from console.sensorthings.options import Options, query_of
from console.sensorthings.refusals import bad
from console.sensorthings.scanning import Page, Scan, Scope
from console.sensorthings.selecting import choose

MOST_EXPANDED_ENTITIES = 20_000
SCAN_COSTS = 20  # what a question to the store counts for, in entities
Told = dict[str, Any]
# id, properties, and where its to-one relations lead (of Observations; of others the registry says)
Row = tuple[str, dict[str, Any], dict[str, str]]


class Teller:
    """Tells entities of one picture of the city. root: the address of the service.

    Raises Refusal where an expansion asks for too much.
    """

    def __init__(self, observed: Observed, root: str) -> None:
        self._entities = observed.entities
        self._observed = observed
        self._root = root
        self._left = MOST_EXPANDED_ENTITIES

    def link(self, name: str, key: str) -> str:
        return f"{self._root}/{name}('{quote(key.replace(chr(39), chr(39) * 2), safe=_SAFE)}')"

    def entities(self, name: str, ids: Sequence[str], options: Options) -> list[Told]:
        """Entities of a set, in the order of their ids. All but Observations."""
        found = SETS[name]
        known = self._entities.sets[name]
        properties: dict[str, dict[str, Any]] = {key: known[key] for key in ids}
        if name == "Datastreams" and _asks_for_times(options):
            times = self._times(ids)
            properties = {key: {**each, **times.get(key, {})} for key, each in properties.items()}
        return self._told(found, [(key, properties[key], {}) for key in ids], options)

    def observations(self, page: Page, options: Options) -> list[Told]:
        return self._told(SETS[OBSERVATIONS], rows.told(page.rows), options)

    def _times(self, ids: Sequence[str]) -> dict[str, Told]:
        """phenomenonTime and resultTime; a sensor's result is there when it has measured."""
        found = {}
        for key, start, end in self._observed.times(ids).iter_rows():
            span = f"{iso(start)}/{iso(end)}"
            found[key] = {"phenomenonTime": span, "resultTime": span}
        return found

    def _told(self, found: EntitySet, given: Sequence[Row], options: Options) -> list[Told]:
        expanded = {
            relation: self._expanded(found, relation, given, inner)
            for relation, inner in options.expand.items()
        }
        return [
            self._one(found, row, options, {name: each[n] for name, each in expanded.items()})
            for n, row in enumerate(given)
        ]

    def _one(
        self, found: EntitySet, row: Row, options: Options, expanded: Mapping[str, Told]
    ) -> Told:
        key, properties, _ = row
        chosen, link, told = options.select, self.link(found.name, row[0]), Told()
        if not chosen or ID in chosen:
            told[ID] = key
        if not chosen or SELF in chosen:
            told[SELF] = link
        for name in found.properties:
            if name in properties and (not chosen or name in chosen):
                value = properties[name]
                told[name] = iso(value) if isinstance(value, datetime) else value
        for relation in found.relations:
            if relation in expanded:
                told |= expanded[relation]
            elif not chosen or relation in chosen:
                told[f"{relation}@iot.navigationLink"] = f"{link}/{relation}"
        return told

    # What is expanded: for each row, what is put into its JSON.

    def _expanded(
        self, found: EntitySet, relation: str, given: Sequence[Row], options: Options
    ) -> list[Told]:
        target = SETS[found.relations[relation]]
        if relation in found.one:
            return self._expanded_to_one(found, relation, given, options)
        if target.name == OBSERVATIONS:
            return self._expanded_observations(found, given, options)
        return self._expanded_to_many(found, relation, given, options)

    def _spend(self, many: int) -> None:
        self._left -= many
        if self._left < 0:
            raise bad(
                f"$expand: more than {MOST_EXPANDED_ENTITIES} entities; lower $top, outside or"
                " within the brackets"
            )

    def _expanded_to_one(
        self, found: EntitySet, relation: str, given: Sequence[Row], options: Options
    ) -> list[Told]:
        target = found.one[relation]
        leads = [
            one.get(relation) or next(iter(self._entities.related(found.name, relation, key)), "")
            for key, _, one in given
        ]
        ids = sorted({key for key in leads if key})
        self._spend(len(ids))
        told = dict(zip(ids, self.entities(target, ids, options), strict=True))
        return [{relation: told[key]} if key else {} for key in leads]

    def _expanded_to_many(
        self, found: EntitySet, relation: str, given: Sequence[Row], options: Options
    ) -> list[Told]:
        target = found.many[relation]
        chosen = [
            choose(
                self._entities,
                target,
                self._entities.related(found.name, relation, key),
                options,
                self._observed.times,
            )
            for key, _, _ in given
        ]
        ids = sorted({key for each in chosen for key in each.ids})
        self._spend(sum(len(each.ids) for each in chosen))
        told = dict(zip(ids, self.entities(target, ids, options), strict=True))
        return [
            self._many(
                self.link(found.name, key),
                relation,
                [told[id_] for id_ in each.ids],
                each.count,
                query_of(options, each.token) if each.token else "",
            )
            for (key, _, _), each in zip(given, chosen, strict=True)
        ]

    def _expanded_observations(
        self, found: EntitySet, given: Sequence[Row], options: Options
    ) -> list[Told]:
        pages = self._pages(found, [key for key, _, _ in given], options)
        self._spend(sum(page.rows.height for page in pages))
        return [
            self._many(
                self.link(found.name, key),
                OBSERVATIONS,
                self.observations(page, options),
                page.count,
                query_of(options, page.token, page.skip) if page.token else "",
            )
            for (key, _, _), page in zip(given, pages, strict=True)
        ]

    def _pages(self, found: EntitySet, keys: Sequence[str], options: Options) -> list[Page]:
        if found.name == "Datastreams" and _asks_for_latest(options):
            channels = self._observed.only(keys)
            latest = self._observed.latest(channels).partition_by(
                DATASTREAM, as_dict=True, include_key=True
            )
            empty = self._observed.latest(channels.clear())
            return [Page(latest.get((key,), empty)) for key in keys]
        self._spend(SCAN_COSTS * len(keys))
        return [Scan(self._observed, scope_of(found, key), options).page() for key in keys]

    def _many(
        self, link: str, relation: str, told: list[Told], count: int | None, query: str
    ) -> Told:
        found: Told = {relation: told}
        if count is not None:
            found[f"{relation}@iot.count"] = count
        if query:
            found[f"{relation}@iot.nextLink"] = f"{link}/{relation}?{query}"
        return found


_SAFE = "'():,@"


def scope_of(found: EntitySet, key: str) -> Scope:
    """The Observations of an entity that has them."""
    if found.name == "Datastreams":
        return Scope(datastreams=frozenset([key]))
    return Scope(feature=key)


def _asks_for_times(options: Options) -> bool:
    chosen = options.select
    return not chosen or "phenomenonTime" in chosen or "resultTime" in chosen


def _asks_for_latest(options: Options) -> bool:
    """Whether it is the newest of each, and nothing else: the store knows it without looking."""
    newest_first = [str(key.path) for key in options.order if key.descending] == ["phenomenonTime"]
    plain = options.filter is None and not options.count and not options.skip
    return options.top == 1 and newest_first and len(options.order) == 1 and plain
