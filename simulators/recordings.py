"""Replaying real recordings: the same values, gaps and faults, on today's dates.

A recording is a slice of a published data set (`data/`, licences beside it). It is laid end to end
from a fixed midnight on, so that the hour of the day stays the recording's own and every run agrees
on what was measured when. Units are converted to the catalogue's; nothing else is changed.
"""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources

from schemas import CITY_TIME, ParameterKey

Row = dict[str, str]
Values = dict[str, float | None]

DAY_S = 86_400
ANCHOR_S = int(datetime(2020, 1, 6, tzinfo=CITY_TIME).timestamp())  # a Monday's midnight
COMPASS = [
    "N",
    "NNE",
    "NE",
    "ENE",
    "E",
    "ESE",
    "SE",
    "SSE",
    "S",
    "SSW",
    "SW",
    "WSW",
    "W",
    "WNW",
    "NW",
    "NNW",
]


@dataclass(frozen=True)
class Source:
    """A file and how to read one row of it: its naive local time, and values in our units.

    sparse: a value that is missing was not due (left out); else it is null.
    """

    file: str
    when: Callable[[Row], datetime]
    values: Callable[[Row], Values]
    delimiter: str = ","
    sparse: bool = False


def _number(text: str, factor: float = 1.0) -> float | None:
    """A value, or None for each source's own word for missing."""
    if text in ("", "NA", "MM"):
        return None
    return round(float(text) * factor, 6)


def _prsa(row: Row) -> Values:
    wind = row["wd"]
    return {
        "pm25": _number(row["PM2.5"]),
        "pm10": _number(row["PM10"]),
        "so2": _number(row["SO2"]),
        "no2": _number(row["NO2"]),
        "co": _number(row["CO"], 0.001),  # ug/m3 -> mg/m3
        "o3": _number(row["O3"]),
        "temperature": _number(row["TEMP"]),
        "pressure": _number(row["PRES"]),
        "rain": _number(row["RAIN"]),
        "wind_speed": _number(row["WSPM"]),
        "wind_direction": None if wind == "NA" else COMPASS.index(wind) * 22.5,
    }


def _prsa_time(row: Row) -> datetime:
    return datetime(*(int(row[part]) for part in ("year", "month", "day", "hour")))  # type: ignore[arg-type]  # noqa: DTZ001


def _ndbc_time(row: Row) -> datetime:
    year, month, day, hour, minute = (int(row[part]) for part in ("YY", "MM", "DD", "hh", "mm"))
    return datetime(year, month, day, hour, minute)  # noqa: DTZ001


def _iso(column: str) -> Callable[[Row], datetime]:
    return lambda row: datetime.fromisoformat(row[column])


def _columns(**columns: str) -> Callable[[Row], Values]:
    return lambda row: {key: _number(row[column]) for key, column in columns.items()}


SOURCES: dict[str, Source] = {
    "prsa-aotizhongxin": Source("prsa_aotizhongxin.csv", _prsa_time, _prsa),
    "prsa-dongsi": Source("prsa_dongsi.csv", _prsa_time, _prsa),
    "prsa-huairou": Source("prsa_huairou.csv", _prsa_time, _prsa),
    "sds011-8554": Source(
        "sds011_8554.csv", _iso("timestamp"), _columns(pm10="P1", pm25="P2"), delimiter=";"
    ),
    "noisemonitor-1min": Source(
        "noisemonitor_1min.csv", _iso("datetime"), _columns(laeq="LEQ dB -A")
    ),
    "dublin-dolphinsbarn": Source(
        "dublin_dolphinsbarn.csv", _iso("datetime"), _columns(laeq="laeq")
    ),
    "apacp-sonde": Source(
        "apacp_sonde.csv",
        _iso("datetimestamp"),
        _columns(
            water_temperature="temp",
            conductivity="spcond",
            salinity="sal",
            do="do_mgl",
            depth="depth",
            ph="ph",
            turbidity="turb",
        ),
    ),
    "ndbc-44013": Source(
        "ndbc_44013.csv",
        _ndbc_time,
        _columns(
            wind_direction="WDIR", wind_speed="WSPD", wave_height="WVHT", water_temperature="WTMP"
        ),
        sparse=True,
    ),
    "ndbc-44029": Source(
        "ndbc_44029.csv",
        _ndbc_time,
        _columns(water_temperature="OTMP", salinity="SAL"),
        sparse=True,
    ),
    "uscrn-03048": Source(
        "uscrn_03048.csv",
        _iso("lst_date"),
        _columns(soil_moisture="soil_moisture_5_daily", soil_temperature="soil_temp_5_daily"),
    ),
}


class Recording:
    """One recording, laid end to end over all time."""

    def __init__(self, source: Source) -> None:
        text = resources.files("simulators").joinpath("data", source.file).read_text("utf-8")
        rows = list(csv.DictReader(text.splitlines(), delimiter=source.delimiter))
        timed = sorted({source.when(row): source.values(row) for row in rows}.items())
        midnight = timed[0][0].replace(hour=0, minute=0, second=0, microsecond=0)
        self.offsets = [int((when - midnight).total_seconds()) for when, _ in timed]
        self.values = [_present(values) if source.sparse else values for _, values in timed]
        self.length_s = (self.offsets[-1] // DAY_S + 1) * DAY_S

    def between(
        self, start_s: float, end_s: float, parameters: Sequence[ParameterKey]
    ) -> Iterator[tuple[int, Values]]:
        """Readings with start <= time < end (s since the epoch), in order of time."""
        lap = int((start_s - ANCHOR_S) // self.length_s)
        while (base := ANCHOR_S + lap * self.length_s) < end_s:
            first = bisect_left(self.offsets, start_s - base)
            last = bisect_left(self.offsets, end_s - base)
            for index in range(first, last):
                kept = _only(self.values[index], parameters)
                if kept:
                    yield base + self.offsets[index], kept
            lap += 1

    def at(self, t: float, parameters: Sequence[ParameterKey]) -> Values:
        """The newest recorded values at a moment; empty where the recording has a gap."""
        offset = (t - ANCHOR_S) % self.length_s
        index = max(0, bisect_right(self.offsets, offset) - 1)
        return _only(self.values[index], parameters)


def _present(values: Values) -> Values:
    return {key: value for key, value in values.items() if value is not None}


def _only(values: Values, parameters: Sequence[ParameterKey]) -> Values:
    return {key: values[key] for key in parameters if key in values}


@cache
def recording(name: str) -> Recording:
    """A shipped recording by name. Raises ValueError naming those that there are."""
    source = SOURCES.get(name)
    if source is None:
        raise ValueError(f"no recording {name!r}; there are: {', '.join(sorted(SOURCES))}")
    return Recording(source)
