"""The text of a `$filter` or `$orderby`, cut into words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from console.sensorthings.model import Kind
from console.sensorthings.refusals import Refusal, bad, not_offered
from console.sensorthings.syntax import Literal

MOST_SIGNS = 4000
_SEGMENT = r"@?[^\W\d][\w.]*"
_DATE = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?"
_WORDS = re.compile(
    rf"""(?P<space>\s+)
    | duration'(?P<duration>[^']*)'
    | (?P<geometry>(?:geography|geometry)'[^']*')
    | '(?P<text>(?:[^']|'')*)'
    | (?P<moment>{_DATE}T{_CLOCK}(?P<offset>Z|[+-]\d\d:\d\d)?)
    | (?P<date>{_DATE})
    | (?P<clock>{_CLOCK})
    | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>{_SEGMENT}(?:/{_SEGMENT})*)
    | (?P<sign>[(),-])""",
    re.VERBOSE,
)
_DURATION = re.compile(
    r"(?P<minus>-)?P(?:(?P<days>\d{1,7})D)?"
    r"(?:T(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,9})M)?"
    r"(?:(?P<seconds>\d{1,12}(?:\.\d{1,6})?)S)?)?"
)
_WORD_LITERALS = {
    "true": Literal(True, Kind.BOOLEAN),
    "false": Literal(False, Kind.BOOLEAN),
    "null": Literal(None, Kind.NOTHING),
}


@dataclass(frozen=True, slots=True)
class Word:
    """kind: `name`, `literal`, `sign` or `end`. at: its place in the text, from 1."""

    kind: str
    text: str
    at: int
    literal: Literal | None = None


def words(text: str, option: str) -> list[Word]:
    """The words of a text and an end. option: named in errors. Raises Refusal."""
    if len(text) > MOST_SIGNS:
        raise bad(f"{option}: {len(text)} signs are too many; at most {MOST_SIGNS}")
    return [*_cut(text, option), Word("end", "", len(text) + 1)]


def at(option: str, place: int, what: str) -> Refusal:
    """The refusal of something that stands at a place of an option."""
    return bad(f"{option}, sign {place}: {what}")


def _cut(text: str, option: str) -> Iterator[Word]:
    start = 0
    while start < len(text):
        found = _WORDS.match(text, start)
        if found is None:
            raise at(option, start + 1, _unreadable(text, start))
        start = found.end()
        if found["space"] is None:
            yield _word(found, option)


def _unreadable(text: str, start: int) -> str:
    if text[start] == "'":
        return "this text has no closing quote; a quote inside a text is written twice"
    return (
        f"cannot read {text[start : start + 20]!r}; allowed are names, numbers, 'texts', times as"
        " 2026-11-24T08:00:00Z, operators in words (eq, and, add …), brackets and commas"
    )


def _word(found: re.Match[str], option: str) -> Word:
    whole, place = found.group(), found.start() + 1
    if found["name"] is not None:
        literal = _WORD_LITERALS.get(whole)
        return Word("name" if literal is None else "literal", whole, place, literal)
    if found["sign"] is not None:
        return Word("sign", whole, place)
    if found["geometry"] is not None:
        raise not_offered(f"{option}, sign {place}: geospatial functions are not offered here")
    try:
        return Word("literal", whole, place, _literal(found, whole))
    except (ValueError, OverflowError) as error:
        raise at(option, place, f"{whole!r} is no value: {error}") from None


def _literal(found: re.Match[str], whole: str) -> Literal:
    if found["text"] is not None:
        return Literal(found["text"].replace("''", "'"), Kind.TEXT)
    if found["moment"] is not None:
        if found["offset"] is None:
            raise ValueError("a time needs its offset, Z or as +08:00 (in an address: %2B08:00)")
        return Literal(datetime.fromisoformat(whole).astimezone(UTC), Kind.TIME)
    if found["date"] is not None:
        return Literal(date.fromisoformat(whole), Kind.DATE)
    if found["clock"] is not None:
        return Literal(time.fromisoformat(whole), Kind.CLOCK)
    if found["duration"] is not None:
        return Literal(_duration(found["duration"]), Kind.DURATION)
    number = float(whole)
    if number == float("inf"):
        raise ValueError("too large a number")
    return Literal(number, Kind.NUMBER)


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None or text.endswith(("P", "T")):
        raise ValueError("write a duration as duration'PT1H30M' or duration'P1D'")
    parts = {name: float(found[name] or 0) for name in ("days", "hours", "minutes", "seconds")}
    return timedelta(**parts) * (-1 if found["minus"] else 1)
