"""The query options of an address, read and checked against the data model. Pure.

`$expand` holds options of its own in brackets, separated by semicolons, to any depth up to
`MOST_EXPANDED`. An option that is unknown or stands twice is refused, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote

from console.sensorthings.filters import read_filter
from console.sensorthings.model import ID, ID_NAMES, OBSERVATIONS, SELF, SELF_NAMES, SETS, EntitySet
from console.sensorthings.refusals import bad
from console.sensorthings.syntax import Node, Path, to_text

MOST_SIGNS = 8000
MOST_EXPANDED = 5
PAGE, MOST_TOP = 100, 1000  # entities of an answer: when nothing is said, and at the most
MOST_SKIP = 1_000_000
_NAME = re.compile(r"@?[^\W\d][\w.]*(?:/[^\W\d@][\w.]*|/@iot\.id)*")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of `$orderby`."""

    path: Path
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of a collection, or of an entity (then only select and expand)."""

    filter: Node | None = None
    order: tuple[Key, ...] = ()
    select: tuple[str, ...] = ()
    expand: dict[str, Options] = field(default_factory=dict)
    top: int | None = None
    skip: int = 0
    count: bool = False
    token: str = ""
    format: str = ""

    @property
    def page(self) -> int:
        """How many entities an answer has at the most."""
        return PAGE if self.top is None else min(self.top, MOST_TOP)


OF_AN_ENTITY = frozenset({"$select", "$expand", "$resultFormat"})


def read_options(query: str, found: EntitySet, *, one: bool = False) -> Options:
    """The options of an address's query. one: of a single entity. Raises Refusal."""
    if len(query) > MOST_SIGNS:
        raise bad(f"the query has {len(query)} signs; at most {MOST_SIGNS}")
    pairs = parse_qsl(query, keep_blank_values=True)
    if one:
        for name, _ in pairs:
            if name.startswith("$") and name not in OF_AN_ENTITY:
                raise bad(f"{name}: a single entity takes {', '.join(sorted(OF_AN_ENTITY))}")
    options = _read([(n, v) for n, v in pairs if n.startswith("$")], found, deep=0)
    if one and options.format == "dataArray":
        raise bad("$resultFormat: a dataArray is of many Observations, not of one")
    return options


def _read(pairs: list[tuple[str, str]], found: EntitySet, deep: int) -> Options:
    options = Options()
    seen: set[str] = set()
    for name, text in pairs:
        if name in seen:
            raise bad(f"{name}: stands twice")
        seen.add(name)
        options = _with(options, name, text.strip(), found, deep)
    return options


def _with(options: Options, name: str, text: str, found: EntitySet, deep: int) -> Options:
    match name:
        case "$filter":
            return replace(options, filter=read_filter(text))
        case "$orderby":
            return replace(options, order=tuple(_keys(text)))
        case "$select":
            return replace(options, select=tuple(_selected(text, found)))
        case "$expand":
            return replace(options, expand=_expanded(text, found, deep + 1))
        case "$top":
            return replace(options, top=_number(name, text))
        case "$skip":
            return replace(options, skip=_number(name, text, MOST_SKIP))
        case "$count":
            return replace(options, count=_yes_or_no(name, text))
        case "$skiptoken" if deep == 0:
            return replace(options, token=text)
        case "$resultFormat" if deep == 0:
            return replace(options, format=_format(text, found))
    raise bad(
        f"no query option {name!r} here; there are $filter, $orderby, $select, $expand, $top,"
        " $skip, $count" + (", $resultFormat" if deep == 0 else "")
    )


def _format(text: str, found: EntitySet) -> str:
    offered = ["GeoJSON", *(["dataArray"] if found.name == OBSERVATIONS else [])]
    if text not in offered:
        raise bad(f"$resultFormat: {text!r} is not offered for {found.name}: {', '.join(offered)}")
    return text


def _number(name: str, text: str, most: int | None = None) -> int:
    if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
        raise bad(f"{name}: {text!r} is no whole number from 0 up")
    if most is not None and int(text) > most:
        raise bad(f"{name}: at most {most}; follow @iot.nextLink or narrow by $filter")
    return int(text)


def _yes_or_no(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise bad(f"{name}: {text!r} is neither true nor false")
    return text == "true"


def _keys(text: str) -> Iterator[Key]:
    for part in text.split(","):
        name, _, way = part.strip().partition(" ")
        way = way.strip().lower()
        if not _NAME.fullmatch(name) or way not in ("", "asc", "desc"):
            raise bad(
                f"$orderby: {part.strip()!r} is no property, followed by asc, desc or nothing"
            )
        yield Key(Path(tuple(name.split("/"))), way == "desc")


def _selected(text: str, found: EntitySet) -> Iterator[str]:
    for part in text.split(","):
        name = part.strip()
        if name in ID_NAMES:
            yield ID
        elif name in SELF_NAMES:
            yield SELF
        elif name in found.properties or name in found.relations:
            yield name
        else:
            known = ", ".join((ID, SELF, *found.properties, *found.relations))
            raise bad(f"$select: {found.name} have no {name!r}; they have {known}")


def _expanded(text: str, found: EntitySet, deep: int) -> dict[str, Options]:
    if deep > MOST_EXPANDED:
        raise bad(f"$expand: nested deeper than {MOST_EXPANDED}")
    expanded: dict[str, Options] = {}
    for part in split(text, ",", "$expand"):
        way, options = _one_expanded(part.strip(), found, deep)
        known = expanded.get(way)
        expanded[way] = options if known is None else _merged(way, known, options)
    return expanded


def _one_expanded(part: str, found: EntitySet, deep: int) -> tuple[str, Options]:
    """`Relation`, `Relation(options)` or `Relation/Relation(options)`."""
    way, bracket, inner = part.partition("(")
    if bracket and not inner.endswith(")"):
        raise bad(f"$expand: {part!r}: options stand in brackets at the end, as Things($top=1)")
    first, slash, rest = way.strip().partition("/")
    if first not in found.relations:
        known = ", ".join(found.relations)
        raise bad(f"$expand: {found.name} lead to {known}, not to {first!r}")
    target = SETS[found.relations[first]]
    if slash:
        return first, Options(expand=_expanded(rest + part[len(way) :], target, deep + 1))
    pairs = []
    for option in split(inner[:-1], ";", "$expand") if bracket else ():
        name, equals, text = option.strip().partition("=")
        if not equals:
            raise bad(f"$expand: {option.strip()!r} is no option, as $top=1")
        pairs.append((name.strip(), text))
    return first, _read(pairs, target, deep)


def _merged(way: str, one: Options, other: Options) -> Options:
    """`A/B,A/C` is A with both; options for the same twice are not settled by guessing."""
    if replace(other, expand={}) != Options() or set(one.expand) & set(other.expand):
        raise bad(f"$expand: {way!r} stands twice; put its options into one pair of brackets")
    return replace(one, expand={**one.expand, **other.expand})


def split(text: str, sign: str, option: str) -> list[str]:
    """Cut at a sign, but not inside brackets or quoted texts."""
    parts, start, depth, quoted = [], 0, 0, False
    for place, each in enumerate(text):
        if each == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif each in "()":
            depth += 1 if each == "(" else -1
            if depth < 0:
                raise bad(f"{option}: ')' without '(' at {text[: place + 1]!r}")
        elif each == sign and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    if depth or quoted:
        raise bad(f"{option}: a {'quote' if quoted else 'bracket'} is not closed in {text!r}")
    return [*parts, text[start:]]


def query_of(options: Options, token: str, skip: int = 0) -> str:
    """The query of the page that comes next."""
    pairs = {**_pairs(replace(options, skip=skip)), "$skiptoken": token}
    if options.format:
        pairs["$resultFormat"] = options.format
    return "&".join(f"{name}={quote(text, safe=_SAFE)}" for name, text in pairs.items())


_SAFE = "$,;()=/':@"


def _pairs(options: Options) -> dict[str, str]:
    """Options as text again."""
    pairs = {}
    if options.filter is not None:
        pairs["$filter"] = to_text(options.filter)
    if options.order:
        pairs["$orderby"] = ",".join(
            f"{key.path}{' desc' if key.descending else ''}" for key in options.order
        )
    if options.select:
        pairs["$select"] = ",".join(options.select)
    if options.expand:
        pairs["$expand"] = ",".join(
            name + (f"({';'.join(f'{n}={t}' for n, t in inner.items())})" if inner else "")
            for name, inner in ((name, _pairs(each)) for name, each in options.expand.items())
        )
    if options.top is not None:
        pairs["$top"] = str(options.top)
    if options.skip:
        pairs["$skip"] = str(options.skip)
    if options.count:
        pairs["$count"] = "true"
    return pairs
