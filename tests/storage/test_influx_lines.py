"""Line protocol and Flux as text: whatever a device is called, a line stays one line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import unquote

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import FlaggedReading, ParameterKey, SensorId, SeriesTags
from schemas.observation import AGGREGATES
from storage import influx_flux as flux
from storage import influx_lines as lines

texts = st.text(min_size=1)


def unescaped(text: str, separator: str) -> list[str]:
    """Parts between separators that no backslash precedes: how the protocol's reader splits."""
    return re.split(rf"(?<!\\){separator}", text)


def tags_of(series: str) -> dict[str, str]:
    """Read a series as InfluxDB does: split where unescaped, then take the escapes away."""
    found = {}
    for pair in unescaped(series, ",")[1:]:
        name, value = unescaped(pair, "=")
        found[name] = unquote(re.sub(r"\\([,= ])", r"\1", value))
    return found


@given(sensor=texts, station=texts)
@example(sensor="a b,c=d", station='quote" #hash')
@example(sensor="ends in a backslash\\", station="\\,")
@example(sensor="two\nlines", station="a\r\nb\x00\x85\u2028")
@example(sensor="100% sure%5C", station="海岸,站 = 一")
def test_a_hostile_tag_stays_one_tag_of_one_line(sensor: str, station: str) -> None:
    series = lines.place(sensor, SeriesTags("air", station, owner="o"))
    assert len(unescaped(f"{series} channels=1i 0", " ")) == 3
    assert series.splitlines() == [series]
    assert tags_of(series) == {"sensor": sensor, "station": station, "owner": "o"}


def test_empty_tags_are_left_out_and_an_unplaced_sensor_says_so() -> None:
    assert lines.place("air-a-1", SeriesTags(owner="")) == "unplaced,sensor=air-a-1"


def test_a_reading_is_one_field_a_value_and_one_a_quality_code() -> None:
    reading = FlaggedReading(
        SensorId("air-a-1"), 5, {ParameterKey("pm25"): 1e-7, ParameterKey("no2"): None}
    )
    values = lines.plain_values(reading)
    assert (
        lines.observation_fields(values, {"no2": 69})
        == "channels=2i,pm25=1e-07,pm25_f=1i,no2_f=69i"
    )


def test_not_a_number_is_missing() -> None:
    reading = FlaggedReading(SensorId("air-a-1"), 5, {ParameterKey("pm25"): float("nan")})
    assert lines.plain_values(reading) == {"pm25": None}


@pytest.mark.parametrize("key", ["pm25_f", "channels"])
def test_a_parameter_cannot_be_called_what_the_store_calls_its_own(key: str) -> None:
    with pytest.raises(ValueError, match="name it otherwise"):
        lines.observation_fields({key: 1.0}, {})


@given(st.text())
def test_a_hostile_text_stays_one_string_field(text: str) -> None:
    written = lines.quoted(text)
    inside = re.fullmatch(r'"((?:[^"\\]|\\["\\])*)"', written, re.DOTALL)
    assert inside is not None
    assert re.sub(r"\\(.)", r"\1", inside.group(1), flags=re.DOTALL) == text


def test_versions_of_one_reading_lie_side_by_side_and_the_same_version_on_itself() -> None:
    first = lines.revision("air-a-1", 7, {"pm25": 1.0}, {}, 100)
    again = lines.revision("air-a-1", 7, {"pm25": 1.0}, {}, 100)
    other = lines.revision("air-a-1", 7, {"pm25": 2.0}, {}, 100)
    assert first == again
    times = {int(line.rsplit(" ", 1)[1]) for line in (first, other)}
    assert len(times) == 2
    assert {time // 1_000_000 for time in times} == {7}


def test_an_aggregate_without_value_has_no_value_field() -> None:
    row = ("station", "st 1", "pm25", "hour", datetime(2026, 11, 24, tzinfo=UTC))
    frame = pl.DataFrame(
        [(*row, None, None, None, 3, 12, 0.25, False, 'too "few"', "mean", "HJ663-2026")],
        schema=AGGREGATES,
        orient="row",
    )
    assert list(lines.aggregates(frame)) == [
        "hour,level=station,parameter=pm25,subject=st\\ 1 count=3i,expected=12i,completeness=0.25,"
        'valid=false,reason="too \\"few\\"",method="mean",'
        'edition="HJ663-2026" 1795478400000'
    ]


@given(texts)
@example('" or true)) //')
@example("${secret}")
@example("\\")
def test_a_hostile_text_stays_inside_its_flux_literal(text: str) -> None:
    literal = flux.text(text)
    assert re.fullmatch(r'"(?:[^"\\$]|\\.)*"', literal, re.DOTALL)


def test_a_question_is_one_pipeline_from_bucket_to_filter() -> None:
    asked = flux.pipeline("o", (0, 1500), [flux.one_of("sensor", ["b", "a"]), ""], "last()")
    assert asked == (
        'from(bucket: "o")'
        " |> range(start: 1970-01-01T00:00:00.000Z, stop: 1970-01-01T00:00:01.500Z)"
        ' |> filter(fn: (r) => (r.sensor == "a" or r.sensor == "b")) |> last()'
    )


def test_too_many_names_are_no_filter() -> None:
    assert flux.one_of("sensor", [str(n) for n in range(flux.MANY + 1)]) == ""
