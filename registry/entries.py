"""From what was typed, scanned or imported to a sensor to register, or every reason not to.

Pure. An entry comes as texts by column, from a form, a file's row or JSON; `read_entry` gives it
types, `judge_entry` holds it against what is known. Neither stops at the first problem.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from registry.placing import Ring, place
from registry.problems import Problem
from schemas import CITY_TIME, ParameterKey, StationId
from schemas.ids import ID_PATTERN, Medium
from schemas.models import SensorModel
from schemas.registry import Station

COLUMNS = (
    *("id", "serial", "model", "station", "lon", "lat", "parameters", "cadence_s"),
    *("zone", "firmware", "installed", "note"),
)
LONGEST = {"zone": 16, "firmware": 32, "note": 500}
CADENCE_S = (1, 31 * 86_400)
_SERIAL = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{2,63}")
_ID = re.compile(ID_PATTERN)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A sensor as somebody wants it registered. id "": to be given; lon, lat: degrees, WGS 84."""

    serial: str
    model: str
    station: StationId
    lon: float
    lat: float
    parameters: tuple[ParameterKey, ...]
    cadence_s: int
    id: str = ""
    zone: str | None = None
    firmware: str = ""
    installed: datetime | None = None
    note: str = ""


@dataclass(slots=True)
class Known:
    """What an entry is held against. serials: by serial number, whose it is."""

    stations: Mapping[StationId, Station]
    models: Mapping[str, SensorModel]
    rings: dict[str, list[Ring]]
    now: datetime
    serials: dict[str, str] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)


def read_entry(raw: Mapping[str, str], known: Known) -> tuple[Entry | None, list[Problem]]:
    """An entry, when every field can be understood; and what is wrong with those that cannot."""
    reader = _Reader(raw)
    model = known.models.get(reader.text("model", needed=True))
    if model is None and reader.text("model"):
        names = ", ".join(known.models)
        reader.wrong("model_unknown", "model", {"known": names})
    station = known.stations.get(StationId(reader.text("station", needed=True)))
    if station is None and reader.text("station"):
        reader.wrong("station_unknown", "station")
    serial = reader.text("serial", needed=True)
    if serial and not _SERIAL.fullmatch(serial):
        reader.wrong("serial_malformed", "serial")
    if reader.text("id") and not _ID.fullmatch(reader.text("id")):
        reader.wrong("id_malformed", "id")
    lon = reader.number("lon", -180, 180, station.lon if station else 0.0)
    lat = reader.number("lat", -90, 90, station.lat if station else 0.0)
    cadence = reader.number("cadence_s", *CADENCE_S, model.cadence_s if model else 1)
    installed = reader.moment("installed", known.now)
    for name, most in LONGEST.items():
        reader.short(name, most)
    chosen = reader.keys(model)
    if reader.problems or model is None or station is None:
        return None, reader.problems
    entry = Entry(
        serial=serial,
        model=model.key,
        station=station.id,
        lon=lon,
        lat=lat,
        parameters=chosen or tuple(model.channels),
        cadence_s=round(cadence),
        id=reader.text("id"),
        zone=reader.text("zone") or station.zone,
        firmware=reader.text("firmware"),
        installed=installed,
        note=reader.text("note"),
    )
    return entry, []


def judge_entry(entry: Entry, known: Known) -> Iterator[Problem]:
    """What speaks against an entry, or asks to look again."""
    model, station = known.models[entry.model], known.stations[entry.station]
    if model.medium != station.medium:
        media = {"medium": model.medium, "station_medium": station.medium}
        yield Problem("medium_mismatch", "model", model.key, media)
    owner = known.serials.get(entry.serial)
    if owner is not None:
        yield Problem("serial_taken", "serial", entry.serial, {"owner": owner})
    if entry.id in known.ids:
        yield Problem("id_taken", "id", entry.id)
    if entry.firmware and model.firmware and entry.firmware not in model.firmware:
        facts = {"known": ", ".join(model.firmware)}
        yield Problem("firmware_unknown", "firmware", entry.firmware, facts, grave=False)
    yield from place((entry.lon, entry.lat), station, known.rings)


def give_id(medium: Medium, station: StationId, taken: set[str]) -> str:
    """`air-lianhua-2` for the second at `st-air-lianhua`: people know it again on a label."""
    stem = station.removeprefix("st-")
    stem = stem if stem.startswith(f"{medium}-") else f"{medium}-{stem}"
    number = 1
    while (made := f"{stem[:58]}-{number}") in taken:
        number += 1
    return made


class _Reader:
    """Texts by column, read one by one; remembers what was wrong."""

    def __init__(self, raw: Mapping[str, str]) -> None:
        self._raw = raw
        self.problems: list[Problem] = []

    def wrong(self, code: str, name: str, facts: Mapping[str, object] | None = None) -> None:
        self.problems.append(Problem(code, name, self.text(name), facts or {}))

    def text(self, name: str, *, needed: bool = False) -> str:
        found = (self._raw.get(name) or "").strip()
        if needed and not found:
            self.problems.append(Problem("missing", name, ""))
        return found

    def short(self, name: str, most: int) -> None:
        if len(self.text(name)) > most:
            self.wrong("too_long", name, {"most": most})
        if _UNPRINTABLE.search(self.text(name)):
            self.wrong("unprintable", name)

    def number(self, name: str, low: float, high: float, otherwise: float) -> float:
        if not self.text(name):
            return otherwise
        try:
            found = float(self.text(name))
        except ValueError:
            self.wrong("not_a_number", name)
            return otherwise
        if not (math.isfinite(found) and low <= found <= high):
            self.wrong("out_of_bounds", name, {"low": low, "high": high})
        return found

    def moment(self, name: str, now: datetime) -> datetime | None:
        """A time; one without zone is the city's."""
        if not self.text(name):
            return None
        try:
            found = datetime.fromisoformat(self.text(name))
            found = found if found.tzinfo else found.replace(tzinfo=CITY_TIME)
            later = found > now
        except (ValueError, OverflowError):
            self.wrong("not_a_time", name)
            return None
        if later:
            self.wrong("not_yet", name)
        return found

    def keys(self, model: SensorModel | None) -> tuple[ParameterKey, ...]:
        """Parameters, parted by blanks, commas or semicolons; of the model, in its order."""
        asked = re.split(r"[\s,;，；]+", self.text("parameters"))
        if model is None:
            return ()
        for key in asked:
            if key and key not in model.channels:
                facts = {"model": model.key, "known": ", ".join(model.channels)}
                self.problems.append(Problem("parameter_unknown", "parameters", key, facts))
        return tuple(key for key in model.channels if key in asked)
