"""Writing readings to InfluxDB, which has no transactions: an order that may be cut off anywhere.

1. Look up what the store holds of these readings, and plan.
2. Note the hours about to change (`intent`), and the earlier versions of what is replaced.
3. Write the observations.
4. Write the account, and the hours' new `version`.

Cut off before 3, nothing has changed. Cut off later, `intent` and `version` differ, so the hours
are pending all the same. The same write again follows the plan it had, and its account is written
in absolute numbers, so nothing counts twice.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import polars as pl
import structlog

from schemas import FlaggedReading, Outcome, SeriesTags
from schemas.clock import HOUR_MS
from schemas.observation import AccountKey
from storage import influx_flux as flux
from storage import influx_lines as lines
from storage.buckets import ACCOUNTS, OBSERVATIONS, InfluxAddress
from storage.influx_books import Books
from storage.influx_csv import observations
from storage.influx_http import InfluxHttp
from storage.influx_plan import Kept, Key, Plan, plan, reflagging, spans
from storage.port import StoreUnavailable

log = structlog.get_logger()
TAGS = ("sensor", "_measurement", "station", "district", "subdistrict", "owner")
SPANS_A_QUERY = 20


class Writer:
    """The one that writes readings under a worker's name. Threads take turns."""

    def __init__(self, http: InfluxHttp, address: InfluxAddress) -> None:
        self._http = http
        self._observations = address.bucket(OBSERVATIONS)
        self._accounts = address.bucket(ACCOUNTS)
        self._books = Books(http, self._accounts, address.worker)
        self._turn = threading.Lock()
        self._cut_off: Plan | None = None

    def write(
        self,
        readings: Sequence[FlaggedReading],
        received: Mapping[AccountKey, int] | None,
        dead_lettered: Mapping[AccountKey, int],
    ) -> list[Outcome]:
        with self._turn:
            planned = self._cut_off
            if planned is not None and planned.readings != list(readings):
                self._books.forget()
                planned = None
            self._books.open()
            if planned is None:
                planned = plan(readings, self._stored({(r.sensor, r.ts_ms) for r in readings}))
            self._cut_off = planned
            outcomes = self._carry_out(planned, received, dead_lettered)
            self._cut_off = None
            return outcomes

    def reflag(self, sensor: str, span: flux.Span, code: int) -> int:
        """Give a code to the good values of a sensor's readings; how many readings that were."""
        with self._turn:
            if self._cut_off is not None:
                self._cut_off = None
                self._books.forget()
            self._books.open()
            planned = reflagging(self._kept_of(sensor, span), code, int(time.time() * 1000))
            if planned.placed:
                try:
                    self._carry_out(planned, {}, {})
                except StoreUnavailable:
                    self._books.forget()
                    raise
            return len(planned.placed)

    def _carry_out(
        self,
        planned: Plan,
        received: Mapping[AccountKey, int] | None,
        dead_lettered: Mapping[AccountKey, int],
    ) -> list[Outcome]:
        opening = self._books.intend(planned.hours)
        opening += [
            lines.revision(*each.key, each.earlier.values, each.earlier.quality, each.replaced_ms)
            for each in planned.revised
        ]
        self._http.write_all(self._accounts, opening, precision="ns")
        outcomes = self._place(planned)
        counted = tally(planned.readings, outcomes, received, dead_lettered)
        self._http.write_all(self._accounts, self._books.closing(counted), precision="ns")
        self._books.close_write(counted)
        return outcomes

    def _place(self, planned: Plan) -> list[Outcome]:
        """Write the observations; what is refused is told apart from what was planned."""
        keys = list(planned.placed)
        refused = self._http.write(self._observations, _observations(planned, keys))
        for position, words in refused.items():
            sensor, ts = keys[position]
            log.warning("reading refused by InfluxDB", sensor=sensor, ts_ms=ts, error=words)
        away = {keys[position] for position in refused}
        shrunk = [key for key in planned.shrunk if key not in away]
        for sensor, ts in shrunk:
            self._remove(sensor, ts, planned.placed[sensor, ts].tags)
        self._http.write_all(self._observations, _observations(planned, shrunk))
        if not away:
            return planned.outcomes
        return [
            Outcome.REFUSED if (reading.sensor, reading.ts_ms) in away else outcome
            for reading, outcome in zip(planned.readings, planned.outcomes, strict=True)
        ]

    def _remove(self, sensor: str, ts_ms: int, tags: SeriesTags) -> None:
        """Take a whole reading out, for InfluxDB cannot take out one field of it."""
        medium = tags.medium or lines.UNPLACED_MEDIUM
        start = flux.moment(ts_ms)
        self._http.delete(
            self._observations,
            start,
            start.replace("Z", "999999Z"),
            f'_measurement="{lines.stored_tag(medium)}" AND sensor="{lines.stored_tag(sensor)}"',
        )

    # What the store holds already

    def _stored(self, keys: Collection[Key]) -> dict[Key, Kept]:
        """Readings of these keys as they stand in the store: mostly none, so that is asked first,
        by the one field that every reading has.
        """
        there = self._ask(keys, [f'r._field == "{lines.CHANNELS}"'], ("sensor",))
        known = [
            frame.select("sensor", ts=pl.col("_time").dt.epoch("ms")).rows()
            for frame in there
            if not frame.is_empty()
        ]
        found = {key for rows in known for key in rows if key in keys}
        if not found:
            return {}
        return _kept(self._ask(found, [], TAGS), found)

    def _kept_of(self, sensor: str, span: flux.Span) -> dict[Key, Kept]:
        """All readings of a sensor in a span."""
        asked = flux.pipeline(
            self._observations,
            span,
            [flux.one_of("sensor", [sensor])],
            flux.keep(*TAGS, "_time", "_field", "_value"),
        )
        return _kept(self._http.query(asked), None)

    def _ask(
        self, keys: Collection[Key], conditions: list[str], columns: Sequence[str]
    ) -> list[pl.DataFrame]:
        wanted = spans(keys)
        answers = []
        for at in range(0, len(wanted), SPANS_A_QUERY):
            pipelines = [
                flux.pipeline(
                    self._observations,
                    span,
                    [*conditions, flux.one_of("sensor", sensors)],
                    flux.keep(*columns, "_time", "_field", "_value"),
                )
                for span, sensors in wanted[at : at + SPANS_A_QUERY]
            ]
            answers += self._http.query(flux.together(pipelines))
        return answers


def _observations(planned: Plan, keys: Sequence[Key]) -> list[str]:
    written = []
    for key in keys:
        kept = planned.placed[key]
        where = lines.place(key[0], kept.tags)
        written.append(f"{where} {lines.observation_fields(kept.values, kept.quality)} {key[1]}")
    return written


def _kept(frames: Sequence[pl.DataFrame], wanted: Collection[Key] | None) -> dict[Key, Kept]:
    """Observations with their tags as readings by key; None wants them all."""
    frame = observations(frames, TAGS).with_columns(pl.col("ts").dt.epoch("ms"))
    found: dict[Key, Kept] = {}
    for sensor, medium, station, district, subdistrict, owner, *rest in frame.iter_rows():
        ts, parameter, value, code = rest
        if wanted is not None and (sensor, ts) not in wanted:
            continue
        kept = found.get((sensor, ts))
        if kept is None:
            places = (text or "" for text in (medium, station, district, subdistrict, owner))
            kept = found[sensor, ts] = Kept({}, {}, SeriesTags(*places))
        kept.values[parameter] = value
        kept.quality[parameter] = code
    return found


def tally(
    readings: Sequence[FlaggedReading],
    outcomes: Sequence[Outcome],
    received: Mapping[AccountKey, int] | None,
    dead_lettered: Mapping[AccountKey, int],
) -> dict[AccountKey, dict[str, int]]:
    """What one write adds to the account, by sensor and hour of arrival."""
    of_outcome: dict[str, Counter[AccountKey]] = {
        name: Counter() for name in ("received", "stored", "duplicate", "dead_lettered")
    }
    columns = {Outcome.DUPLICATE: "duplicate", Outcome.REFUSED: "dead_lettered"}
    for reading, outcome in zip(readings, outcomes, strict=True):
        key = (reading.sensor, reading.arrived_ms // HOUR_MS * HOUR_MS)
        of_outcome[columns.get(outcome, "stored")][key] += 1
        if received is None:
            of_outcome["received"][key] += 1
    of_outcome["received"].update(received or {})
    of_outcome["dead_lettered"].update(dead_lettered)
    keys = {key for counter in of_outcome.values() for key in counter}
    return {key: {name: counter[key] for name, counter in of_outcome.items()} for key in keys}
