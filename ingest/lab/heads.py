"""What a row says of the sample itself: where, when, how deep, by whom; or all that is wrong.

A date without a clock time is midnight in the city, and a time without an offset is the city's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from schemas import CITY_TIME
from schemas.ids import StationId
from schemas.land_use import land_use_of
from schemas.registry import Station
from schemas.samples import DEEPEST_M, SampleMedium, sampled_medium
from standards.rows import BadCell, Row, measured

_FORMS = ("%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y.%m.%d", "%Y年%m月%d日")
_LONGEST = {"number": 64, "laboratory": 200, "sample_remark": 200, "method": 200, "remark": 200}


@dataclass(frozen=True, slots=True)
class Head:
    """Of which sample a row is."""

    station: Station
    medium: SampleMedium
    number: str
    taken: datetime
    depth_from: float | None
    depth_to: float | None
    laboratory: str
    remark: str


@dataclass(frozen=True, slots=True)
class Reader:
    """What rows are held against. headers: what the table calls our columns."""

    stations: Mapping[StationId, Station]
    headers: Mapping[str, str]
    now: datetime

    def head(self, cells: Row) -> tuple[Head | None, list[BadCell]]:
        """The head of a row, or what is wrong with it. cells: by our names of the columns."""
        wrong: list[BadCell] = []

        def tried(read: Callable[[Row], object]) -> object:
            try:
                return read(cells)
            except BadCell as problem:
                wrong.append(problem)
                return None

        station, taken, depth = tried(self._station), tried(self._taken), tried(self._depth)
        tried(self._short)
        if not isinstance(station, Station) or not isinstance(taken, datetime):
            return None, wrong
        medium = tried(lambda row: self._medium(row, station))
        tried(lambda row: self._land(row, station))
        if wrong or not isinstance(medium, SampleMedium) or not isinstance(depth, tuple):
            return None, wrong
        upper, lower = depth
        number = cells.get("number") or _number_of(taken, upper, lower)
        texts = cells.get("laboratory", ""), cells.get("sample_remark", "")
        return Head(station, medium, number, taken, upper, lower, *texts), wrong

    def medium(self, cells: Row) -> SampleMedium | None:
        """What a row is of, as far as its station tells; for the rest of it may be wrong."""
        station = self.stations.get(StationId(cells.get("station", "")))
        return sampled_medium(station) if station else None

    def _name(self, column: str) -> str:
        return self.headers.get(column, column)

    def _station(self, cells: Row) -> Station:
        named = cells.get("station", "")
        found = self.stations.get(StationId(named))
        if found is None:
            rule = "a station of the registry"
            remedy = "correct the id, register the station first, or give --station"
            raise BadCell(self._name("station"), named, rule, remedy)
        return found

    def _medium(self, cells: Row, station: Station) -> SampleMedium:
        medium, named = sampled_medium(station), cells.get("medium", "")
        if medium is None:
            rule = "a place where samples are taken: soil, a well, a river, a tap ..."
            raise BadCell(self._name("station"), station.id, rule, "name another station")
        if named not in ("", str(medium)):
            rule = f"{medium}, which is what is sampled at {station.id}"
            raise BadCell(self._name("medium"), named, rule, "correct the medium or the station")
        return medium

    def _land(self, cells: Row, station: Station) -> None:
        named, use = cells.get("land", ""), land_use_of(station)
        if named and use is not None and named not in (use.key, use.land):
            rule = f"{use.land}, which is how the registry says the land of {station.id} is used"
            raise BadCell(self._name("land"), named, rule, "correct the cell or the registry")

    def _taken(self, cells: Row) -> datetime:
        text = cells.get("taken", "")
        taken = _moment(text)
        if taken is None:
            rule = "a date or time such as 2026-03-01 or 2026-03-01T10:30+08:00"
            raise BadCell(self._name("taken"), text, rule, "correct the cell, or give --taken")
        if taken > self.now:
            raise BadCell(self._name("taken"), text, "not in the future", "correct the cell")
        return taken

    def _depth(self, cells: Row) -> tuple[float | None, float | None]:
        found: list[float | None] = []
        for column in ("depth_from", "depth_to"):
            name = self._name(column)
            value = measured({name: cells.get(column, "")}, name)
            if value is not None and (value.below or value.value > DEEPEST_M):
                rule = f"metres below ground, 0 to {DEEPEST_M:g}"
                raise BadCell(name, cells[column], rule, "correct the cell")
            found.append(None if value is None else float(value.value))
        upper, lower = found
        if lower is not None and lower <= (upper or 0):
            rule = f"below where the sample begins, {upper or 0:g} m"
            raise BadCell(self._name("depth_to"), f"{lower:g}", rule, "correct the cell")
        return upper, lower

    def _short(self, cells: Row) -> None:
        for column, most in _LONGEST.items():
            text = cells.get(column, "")
            if len(text) > most or not text.isprintable():
                rule = f"at most {most} characters on one line"
                raise BadCell(self._name(column), text[:most], rule, "shorten it")


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    for form in _FORMS if found is None else ():
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007 - the city's time follows
        except ValueError:
            continue
    if found is None:
        return None
    return found if found.tzinfo else found.replace(tzinfo=CITY_TIME)


def _number_of(taken: datetime, upper: float | None, lower: float | None) -> str:
    """What a sample without a number is called: its day, and its depth."""
    day = taken.astimezone(CITY_TIME).date().isoformat()
    if upper is None and lower is None:
        return day
    return f"{day} {upper or 0:g}-{'' if lower is None else format(lower, 'g')} m"
