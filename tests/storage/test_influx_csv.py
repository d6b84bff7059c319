"""Annotated CSV as InfluxDB sends it: many tables, odd values, errors inside."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.observation import AGGREGATES, OBSERVATIONS
from storage import StoreUnavailable
from storage.influx_csv import aggregates, observations, of_type, tables

HEAD = ",result,table,_time,_value,_field,sensor"
FLOATS = f"#datatype,string,long,dateTime:RFC3339,double,string,string\r\n{HEAD}\r\n"
CODES = f"#datatype,string,long,dateTime:RFC3339,long,string,string\r\n{HEAD}\r\n"
T = "2026-11-24T00:00:00Z"


def body(*tables_of_it: str) -> bytes:
    return ("\r\n".join(tables_of_it) + "\r\n").encode()


def row(value: str, field: str, sensor: str = "air-a-1", time: str = T) -> str:
    return f",_result,0,{time},{value},{field},{sensor}\r\n"


def test_nothing_found_is_an_empty_frame_of_the_right_columns() -> None:
    for empty in (b"", b"\r\n", body(FLOATS)):
        assert dict(observations(tables(empty)).schema) == OBSERVATIONS
        assert dict(aggregates(tables(empty)).schema) == AGGREGATES


def test_tables_of_other_types_that_take_turns_are_put_together() -> None:
    answer = body(
        FLOATS + row("1.5", "no2"),
        CODES + row("1", "no2_f"),
        FLOATS + row("0.0000001", "pm25") + row("2", "pm25", time="2026-11-24T00:00:00.25Z"),
        CODES + row("33", "pm25_f") + row("1", "pm25_f", time="2026-11-24T00:00:00.25Z"),
    )
    assert len(tables(answer)) == 2
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    assert observations(tables(answer)).rows() == [
        ("air-a-1", moment, "no2", 1.5, 1),
        ("air-a-1", moment, "pm25", 1e-7, 33),
        ("air-a-1", moment.replace(microsecond=250_000), "pm25", 2.0, 1),
    ]


def test_a_code_without_a_value_is_a_missing_value() -> None:
    found = observations(tables(body(CODES + row("69", "no2_f"))))
    assert found.select("parameter", "value", "quality").rows() == [("no2", None, 69)]


def test_a_value_of_an_older_time_is_no_value() -> None:
    answer = body(
        FLOATS + row("1.5", "no2"), CODES + row("69", "no2_f", time="2026-11-24T01:00:00Z")
    )
    assert observations(tables(answer))["value"].to_list() == [None]


def test_quotes_commas_and_blank_lines_in_a_text_are_text() -> None:
    text = 'a "b", c\r\n\r\n#datatype,x\r\n\r\nd'
    quoted = '"' + text.replace('"', '""') + '"'
    head = f"#datatype,string,long,dateTime:RFC3339,string,string,string\r\n{HEAD}\r\n"
    answer = body(head + row(quoted, "reason") + row("", "reason"), CODES + row("1", "no2_f"))
    found = tables(answer)
    assert len(found) == 2
    assert found[0]["_value"].to_list() == [text.replace("\r\n", "\n"), ""]


def test_percent_encoded_tags_come_back_as_they_were() -> None:
    answer = body(CODES + row("1", "no2_f", sensor="%25 a%5Cb%0Ac") + row("1", "no2_f"))
    assert observations(tables(answer))["sensor"].to_list() == ["% a\\b\nc", "air-a-1"]


def test_an_aggregate_from_before_editions_were_carried_has_an_empty_one() -> None:
    head = ",result,table,_time,_value,_field,_measurement,level,subject,parameter"
    floats = f"#datatype,string,long,dateTime:RFC3339,double{',string' * 5}\r\n{head}\r\n"
    answer = body(f"{floats},_result,0,{T},9,value,hour,city,city,pm25\r\n")
    found = aggregates(tables(answer))
    assert found.select("period", "value", "edition").rows() == [("hour", 9.0, "")]


def test_tables_with_other_columns_are_filled_up() -> None:
    wider = (
        "#datatype,string,long,dateTime:RFC3339,long,string,string,string\r\n"
        f"{HEAD},station\r\n,_result,0,{T},1,no2_f,air-a-1,st-1\r\n"
    )
    answer = body(CODES + row("1", "no2_f", sensor="air-b-1"), wider)
    found = observations(tables(answer), ("sensor", "station"))
    assert found.select("sensor", "station").rows() == [("air-a-1", "st-1"), ("air-b-1", None)]


def test_an_error_after_the_first_rows_is_no_answer() -> None:
    failed = "#datatype,string,string\r\n,error,reference\r\n,memory allocation limit reached,\r\n"
    with pytest.raises(StoreUnavailable, match="memory allocation limit reached"):
        tables(body(FLOATS + row("1.5", "no2"), failed))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
@example([5e-324, -1e-300, 1e-7, 0.1 + 0.2, 1.7976931348623157e308])
def test_every_float_comes_back_bit_by_bit(floats: list[float]) -> None:
    written = [row(format(Decimal(repr(x)), "f"), "no2") for x in floats]  # as Flux writes them
    found = of_type(tables(body(FLOATS + "".join(written))), pl.Float64(), {})
    assert [x.hex() for x in found["_value"]] == [x.hex() for x in floats]
