"""Line protocol for InfluxDB: pure text in, text out, nothing unescaped.

A line is `measurement,tag=value,... field=value,... time`. Tags cannot hold every character, so
what the protocol has no escape for is percent-encoded; `influx_csv` undoes it. A reading is one
line: `channels` (how many parameters it has, so the one field that every reading has), and for each
parameter `<key>` (absent when missing) and `<key>_f`, its quality code (always there).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from urllib.parse import quote

import polars as pl

from schemas import FlaggedReading, SeriesTags
from schemas.flags import GOOD_QUALITY
from schemas.observation import AGGREGATES

CHANNELS = "channels"
QUALITY_SUFFIX = "_f"
UNPLACED_MEDIUM = "unplaced"
# Stands for an empty text: InfluxDB 2.7.12 gives back a column of texts shifted by a row where an
# empty one follows another (github.com/influxdata/influxdb/issues/26916).
NO_TEXT = "-"

# Control characters and line separators; the quote, which opens a string; the comment sign; the
# backslash, which the protocol cannot escape in a tag; and the percent sign itself.
_HOSTILE = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029"#\\%]')
_ESCAPED = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})


def stored_tag(text: str) -> str:
    """A tag's value as it stands in the database (and so in a query)."""
    return _HOSTILE.sub(lambda found: quote(found.group(), safe=""), text)


def tag(text: str) -> str:
    """A tag's value, a tag's name, a field's name or a measurement, as it stands in a line."""
    return stored_tag(text).translate(_ESCAPED)


def quoted(text: str) -> str:
    """A string field's value, as it stands in a line."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def series(measurement: str, **tags: str) -> str:
    """The first part of a line; empty tags are left out, for the protocol has no empty ones."""
    given = sorted((name, value) for name, value in tags.items() if value)
    return ",".join([tag(measurement), *(f"{tag(name)}={tag(value)}" for name, value in given)])


@lru_cache(maxsize=50_000)
def place(sensor: str, tags: SeriesTags) -> str:
    """The series of a sensor's readings where it stands."""
    return series(
        tags.medium or UNPLACED_MEDIUM,
        sensor=sensor,
        station=tags.station,
        district=tags.district,
        subdistrict=tags.subdistrict,
        owner=tags.owner,
    )


@cache
def _field(key: str) -> str:
    """A parameter as a field's name. Raises ValueError where it would be taken for another."""
    if key.endswith(QUALITY_SUFFIX) or key == CHANNELS:
        raise ValueError(
            f"parameter {key!r}: the store keeps quality codes in fields that end in"
            f" {QUALITY_SUFFIX!r} and the number of parameters in {CHANNELS!r}; name it otherwise"
        )
    return tag(key)


def plain_values(reading: FlaggedReading) -> dict[str, float | None]:
    """Values by parameter, with None for every way of being missing."""
    return {key: None if v is None or v != v else float(v) for key, v in reading.values.items()}


def observation_fields(
    values: Mapping[str, float | None], quality: Mapping[str, int], *more: str
) -> str:
    fields = [f"{CHANNELS}={len(values)}i", *more]
    for key, value in values.items():
        name = _field(key)
        if value is not None:
            fields.append(f"{name}={value!r}")
        fields.append(f"{name}{QUALITY_SUFFIX}={quality.get(key, GOOD_QUALITY)}i")
    return ",".join(fields)


def revision(
    sensor: str,
    ts_ms: int,
    values: Mapping[str, float | None],
    quality: Mapping[str, int],
    replaced_ms: int,
) -> str:
    """An earlier version of a reading, in nanoseconds.

    Versions of the same reading must not cover each other, and the same version written twice must:
    what it holds and when it was replaced give its nanoseconds within the millisecond.
    """
    fields = observation_fields(values, quality, f"replaced={replaced_ms}i")
    within = zlib.crc32(fields.encode()) % 1_000_000
    return f"{series('revision', sensor=sensor)} {fields} {ts_ms * 1_000_000 + within}"


def account(sensor: str, worker: str, hour_ms: int, numbers: Mapping[str, int]) -> str:
    """An account in nanoseconds: what one worker has counted of one sensor in one hour."""
    fields = ",".join(f"{name}={number}i" for name, number in numbers.items())
    return f"{series('account', sensor=sensor, worker=worker)} {fields} {hour_ms * 1_000_000}"


def pending(worker: str, hour_ms: int, **versions: int) -> str:
    """A pending hour in nanoseconds: `intent` and `version` of one worker, or what was settled."""
    fields = ",".join(f"{name}={number}i" for name, number in versions.items())
    return f"{series('pending', worker=worker)} {fields} {hour_ms * 1_000_000}"


def aggregates(frame: pl.DataFrame) -> Iterator[str]:
    """Lines in milliseconds of aggregates of one bucket, columns `AGGREGATES`."""
    ordered = frame.select(list(AGGREGATES)).with_columns(pl.col("start").dt.epoch("ms"))
    for (
        level,
        subject,
        parameter,
        period,
        start,
        value,
        minimum,
        maximum,
        count,
        expected,
        completeness,
        valid,
        reason,
        method,
        edition,
    ) in ordered.iter_rows():
        numbers = {"value": value, "minimum": minimum, "maximum": maximum}
        fields = [f"{name}={number!r}" for name, number in numbers.items() if number is not None]
        fields += [f"count={count}i", f"expected={expected}i", f"completeness={completeness!r}"]
        fields += [f"valid={'true' if valid else 'false'}"]
        texts = {"reason": reason, "method": method, "edition": edition}
        fields += [f"{name}={quoted(text or NO_TEXT)}" for name, text in texts.items()]
        where = _aggregate_series(period, level, subject, parameter)
        yield f"{where} {','.join(fields)} {start}"


@lru_cache(maxsize=50_000)
def _aggregate_series(period: str, level: str, subject: str, parameter: str) -> str:
    return series(period, level=level, subject=subject, parameter=parameter)
