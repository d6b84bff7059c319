"""What somebody asks for, held against what is published and against the limits. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from console.open_data.published import LEVELS, Published, parameters_of
from console.open_data.question import Asked, AskedAggregates, Question
from schemas import Interval, Level, Period, StationId, indices
from schemas.clock import DAY, HOUR
from schemas.registry import Sensor

DAYS_AT_MOST = {
    Period.HOUR: 93,
    Period.DAY: 3660,
    Period.DAYTIME: 3660,
    Period.NIGHT: 3660,
    Period.MONTH: 36600,
    Period.YEAR: 36600,
}
OBSERVED_DAYS_AT_MOST = 7
ROWS_AT_MOST = 5_000_000
# A period is at least so long; by it is estimated how many rows a question asks for.
LENGTHS = {Period.HOUR: HOUR, Period.MONTH: 28 * DAY, Period.YEAR: 365 * DAY}


@dataclass(frozen=True, slots=True)
class Aggregates:
    """Aggregates of some subjects (None = all of the level). series: at most so many at a time."""

    level: Level
    period: Period
    window: Interval
    subjects: tuple[str, ...] | None
    parameters: tuple[str, ...]
    series: int


@dataclass(frozen=True, slots=True)
class Observations:
    """Observations of sensors. a_second: so many values they send when all is well."""

    window: Interval
    sensors: tuple[str, ...]
    parameters: tuple[str, ...]
    a_second: float


def aggregates_asked(
    asked: AskedAggregates, names: Collection[str], known: Published
) -> Aggregates:
    """names: of the fields that were sent. Raises Refused with everything that is wrong."""
    question = Question(asked, names, known)
    level = question.one_of(LEVELS, "level", asked.level)
    period = question.one_of(DAYS_AT_MOST, "period", asked.period)
    window = question.window(DAYS_AT_MOST[period]) if period else None
    parameters = question.parameters(parameters_of(question.medium))
    subjects = _subjects(question, level, known) if level else None
    if level is None or period is None or window is None:
        question.settle()
        raise AssertionError("a question without level, period or window is refused")
    series = _series(level, subjects, parameters, known)
    steps = window.length / LENGTHS.get(period, DAY)
    question.no_more_rows_than(ROWS_AT_MOST, series * steps)
    question.settle()
    return Aggregates(level, period, window, subjects, parameters, series)


def _subjects(question: Question, level: Level, known: Published) -> tuple[str, ...] | None:
    """Ids of the level that are meant; None for all of them."""
    district, stations = question.district(), question.stations()
    if stations and level != Level.STATION:
        question.refuse("station", stations[0], "station_level")
    if district and level not in (Level.STATION, Level.SUBDISTRICT, Level.DISTRICT):
        question.refuse("district", district, "district_level")
    chosen = known.subjects(level)
    if stations:
        chosen = chosen.filter(chosen["subject"].is_in(list(stations)))
    if district:
        chosen = chosen.filter(chosen["district"] == district)
    if level == Level.STATION and question.medium:
        of_medium = [str(s.id) for s in known.stations.values() if s.medium == question.medium]
        chosen = chosen.filter(chosen["subject"].is_in(of_medium))
    everybody = not (stations or district or (level == Level.STATION and question.medium))
    return None if everybody else tuple(chosen["subject"])


def _series(
    level: Level, subjects: Collection[str] | None, parameters: Collection[str], known: Published
) -> int:
    """How many values of a moment there may be, at most."""
    wanted = set(parameters)
    if level != Level.STATION:
        count = known.subjects(level).height if subjects is None else len(subjects)
        return count * len(wanted)
    computed = len(wanted & set(indices()))
    return sum(
        len(wanted & measured) + computed
        for station, measured in known.measured.items()
        if subjects is None or station in subjects
    )


def observations_asked(asked: Asked, names: Collection[str], known: Published) -> Observations:
    """names: of the fields that were sent. Raises Refused with everything that is wrong."""
    question = Question(asked, names, known)
    window = question.window(OBSERVED_DAYS_AT_MOST)
    district, stations = question.district(), question.stations()
    for station in stations:
        found = known.stations.get(StationId(station))
        if found and found.enterprise:
            question.refuse("station", station, "not_published")
    measured = set().union(*known.measured.values())
    parameters = question.parameters([k for k in parameters_of(question.medium) if k in measured])
    chosen = [
        sensor
        for sensor in known.observed()
        if (not stations or sensor.station in stations)
        and question.medium in (None, sensor.medium)
        and district in (None, known.stations[sensor.station].district)
    ]
    if window is None:
        question.settle()
        raise AssertionError("a question without a window is refused")
    a_second = _values_a_second(chosen, set(parameters))
    question.no_more_rows_than(ROWS_AT_MOST, a_second * window.length.total_seconds())
    question.settle()
    return Observations(window, tuple(str(s.id) for s in chosen), parameters, a_second)


def _values_a_second(sensors: Iterable[Sensor], parameters: set[str]) -> float:
    return sum(len(parameters & set(s.parameters)) / s.cadence_s for s in sensors)
