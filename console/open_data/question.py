"""Questions as they are sent, and the reading of one: every mistake is gathered and told at once.

A mistake is told as field, value, rule and what to do, in both languages: `problems.yaml`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, time
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field, StringConstraints

from console.open_data.published import Published
from registry.problems import Problem, Refused
from schemas import CITY_TIME, Interval, Medium
from schemas.clock import DAY

YEARS = (2000, 2100)
KNOWN_SHOWN = 12

Member = TypeVar("Member")
Word = Annotated[str, StringConstraints(max_length=64)]
Words = Annotated[list[Word], Field(max_length=200)]


class Asked(BaseModel):
    """What every question may name; empty = not chosen."""

    medium: Word = Field("", description="noise, air, water or soil")
    district: Word = Field("", description="id of a district")
    station: Words = Field([], description="ids of stations")
    parameter: Words = Field([], description="keys of parameters or indices")
    first: Word = Field("", alias="from", description="first day, in the city's time: 2026-11-01")
    last: Word = Field("", alias="to", description="last day, which is part of it: 2026-11-30")
    lang: Word = ""


class AskedAggregates(Asked):
    level: Word = Field("station", description="station, subdistrict, district, basin, bay or city")
    period: Word = Field("hour", description="hour, day, daytime, night, month or year")


class Question:
    """One question being read; what is wrong with it is gathered."""

    def __init__(self, asked: Asked, names: Collection[str], known: Published) -> None:
        self._asked = asked
        self._known = known
        self._problems: list[Problem] = []
        for name in sorted(set(names) - set(_fields(type(asked)))):
            self._wrong("field_unknown", name, name, known=", ".join(_fields(type(asked))))
        self.medium = self.one_of(Medium, "medium", asked.medium) if asked.medium else None

    def _wrong(self, code: str, field: str, value: str, **facts: object) -> None:
        self._problems.append(Problem(code, field, value, facts))

    def one_of(self, kind: Iterable[Member], field: str, value: str) -> Member | None:
        """The member that is meant; None where there is none, which is noted."""
        for member in kind:
            if str(member) == value:
                return member
        self._unknown(field, value, [str(member) for member in kind])
        return None

    def _unknown(self, field: str, value: str, known: Collection[str]) -> None:
        shown = [*known][:KNOWN_SHOWN]
        more = ", …" if len(known) > KNOWN_SHOWN else ""
        self._wrong("choice_unknown", field, value, known=", ".join(shown) + more)

    def window(self, most: int) -> Interval | None:
        """From the first day to the end of the last."""
        first, last = self._day("from", self._asked.first), self._day("to", self._asked.last)
        if first is None or last is None:
            return None
        if last < first:
            self._wrong("ends_before", "to", self._asked.last)
            return None
        days = (last - first).days + 1
        if days > most:
            self._wrong("span_long", "to", self._asked.last, days=days, most=most)
            return None
        return Interval(_midnight(first), _midnight(last) + DAY)

    def _day(self, field: str, text: str) -> date | None:
        if not text:
            self._wrong("missing", field, "")
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self._wrong("not_a_day", field, text)
            return None
        if not YEARS[0] <= day.year <= YEARS[1]:
            self._wrong("out_of_bounds", field, text, low=YEARS[0], high=YEARS[1])
            return None
        return day

    def district(self) -> str | None:
        if not self._asked.district:
            return None
        places = [place.id for place in self._known.districts()]
        return self.one_of(places, "district", self._asked.district)

    def stations(self) -> tuple[str, ...]:
        """Those that are named, which must be there."""
        named = tuple(filter(None, self._asked.station))
        for station in named:
            if station not in self._known.stations:
                self._wrong("station_unknown", "station", station)
        return named

    def parameters(self, offered: Collection[str]) -> tuple[str, ...]:
        """Those that are named, else all that are offered for the medium."""
        named = tuple(filter(None, self._asked.parameter))
        for key in named:
            if key not in offered:
                self._unknown("parameter", key, offered)
        return named or tuple(offered)

    def no_more_rows_than(self, most: int, rows: float) -> None:
        if rows > most:
            self._wrong("rows_many", "to", self._asked.last, rows=round(rows), most=most)

    def refuse(self, field: str, value: str, rule: str) -> None:
        self._wrong(rule, field, value)

    def settle(self) -> None:
        """Raises Refused with everything that is wrong."""
        if self._problems:
            raise Refused(self._problems)


def _fields(model: type[Asked]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CITY_TIME)
